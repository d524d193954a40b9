//! Time: clocks, and what a time to live means.

#[cfg(feature = "dump")]
pub(crate) mod calendar;
pub(crate) mod clock;
pub(crate) mod judge;
pub(crate) mod ttl;
