//! epochkv
#![deny(unsafe_code)]
mod counter;
mod error;
#[allow(unsafe_code)]
mod reclaim;
mod sync;
#[allow(unsafe_code)]
mod table;
pub use error::{Error, ErrorKind};
