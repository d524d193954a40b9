//! The time of the store: milliseconds since 1970 that never go back.

use epochkv::Clock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const NS_PER_MS: u128 = 1_000_000;

/// Unix time in whole milliseconds. It reads the system's time once, when it is made,
/// and counts on from there by the monotonic clock: a deadline does not move when
/// somebody sets the system's time.
///
/// It shows whole milliseconds, so that what is computed from one reading is exact for all
/// that happens within that millisecond.
#[derive(Clone, Copy, Debug)]
pub struct UnixClock {
    started: Instant,
    unix: Duration,
}

impl UnixClock {
    /// A clock that shows the system's time of now.
    #[must_use]
    pub fn new() -> Self {
        // Before 1970 it begins at 0.
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), unix }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        let elapsed = self.unix.saturating_add(self.started.elapsed());
        i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
    }
}

impl Default for UnixClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for UnixClock {
    fn now_ns(&self) -> u64 {
        u64::try_from(u128::from(self.now_ms().unsigned_abs()) * NS_PER_MS).unwrap_or(u64::MAX)
    }
}
