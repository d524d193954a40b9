//! What the fuzzing targets do with an input. `tests/fuzz.rs` does the same with the
//! kept inputs, so nothing here needs a fuzzer.

mod bytes;
mod draw;
#[cfg(feature = "dump")]
mod frames;
mod hashers;
mod tree;

#[path = "../../tests/model/calls.rs"]
mod calls;
#[path = "../../tests/glob/oracle.rs"]
mod oracle;
#[path = "../../tests/model/spec.rs"]
mod spec;
#[path = "../../tests/model/subject.rs"]
mod subject;

pub mod glob;
#[cfg(feature = "dump")]
pub mod load;
pub mod operations;
pub mod threads;
pub mod values;
