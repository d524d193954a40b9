//! Time: clocks, and what a time to live means.

pub(crate) mod clock;
pub(crate) mod ttl;
