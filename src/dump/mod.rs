//! Dumps: a whole store as a run of bytes, and back. `docs/DUMP.md` has the format.
//!
//! [`frame`] knows bytes and checksums, [`encode`] and [`decode`] know entries, [`mod@file`] knows
//! how a file is replaced so that a crash leaves the old one or the new one. None of them knows
//! a store: `kv/dump.rs` and `kv/load.rs` do.

pub(crate) mod decode;
pub(crate) mod encode;
mod error;
pub(crate) mod file;
mod frame;
mod tags;

pub use error::{LoadError, LoadErrorKind};
