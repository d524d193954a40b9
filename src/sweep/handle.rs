//! A note of a deadline.

/// What is filed: the hash of a key, and the tick at which to look at it. The
/// tick is also the stamp by which an entry knows its handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Handle {
    pub hash: u64,
    pub tick: u64,
}
