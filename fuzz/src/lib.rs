//! What the fuzzing targets do with an input. `tests/fuzz.rs` does the same with the
//! kept inputs, so nothing here needs a fuzzer.
//!
//! Every `run` is inline, so that a target is compiled, and counts edges, without the others.

mod bytes;
mod draw;
#[cfg(feature = "dump")]
mod frames;
mod hashers;
mod tree;

#[path = "../../tests/model/calls.rs"]
mod calls;
#[path = "../../epochkv-server/src/protocol/inline.rs"]
mod inline;
#[path = "../../epochkv-server/src/number.rs"]
mod number;
#[path = "../../tests/glob/oracle.rs"]
mod oracle;
// The server uses all of it.
#[allow(dead_code)]
#[path = "../../epochkv-server/src/protocol/request.rs"]
mod request;
#[path = "../../tests/model/spec.rs"]
mod spec;
#[path = "../../tests/model/subject.rs"]
mod subject;

pub mod glob;
#[cfg(feature = "dump")]
pub mod load;
pub mod operations;
pub mod resp;
pub mod threads;
pub mod values;
