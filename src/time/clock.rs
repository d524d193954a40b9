//! Where the time comes from.

use crate::sync::stat::{AtomicU64, Ordering};
use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use std::sync::LazyLock;
use std::time::{Instant, SystemTime};

/// A monotonic clock.
///
/// A store asks it only for entries that have a time to live, and once for each
/// attempt of an operation. It must never go back, as seen by all threads together: an entry
/// that one thread has found expired must not be alive for the next.
pub trait Clock: Send + Sync + 'static {
    /// Nanoseconds since an origin that is fixed for the life of the store.
    fn now_ns(&self) -> u64;

    /// Called by every sweep, dump and load before it reads the clock: a clock
    /// that shows a stored time can take a new one here. Does nothing by default.
    fn refresh(&self) {}

    /// The time by the calendar, since the beginning of 1970: what deadlines mean
    /// that outlive the process, in a dump. By default that of the system, for which
    /// times before 1970 are its beginning. A clock of a simulation gives its own, so that
    /// what is saved and loaded in the simulation expires by it.
    ///
    /// ```
    /// use epochkv::{Clock, ManualClock, SystemClock};
    /// use std::time::Duration;
    ///
    /// assert!(SystemClock::new().unix_time() > Duration::from_secs(1_500_000_000));
    /// let clock = ManualClock::new();
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(clock.unix_time(), Duration::from_secs(60));
    /// ```
    fn unix_time(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The system's monotonic clock, read at every use. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock(());

impl SystemClock {
    /// The clock; all of a process have one origin.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}

impl Clock for SystemClock {
    fn now_ns(&self) -> u64 {
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        nanos(ORIGIN.elapsed())
    }
}

/// A clock that moves only when it is told to: for tests and simulations.
/// Clones show the same time.
///
/// ```
/// use epochkv::{Kv, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let kv: Kv<str, _, _> = Kv::builder().clock(clock.clone()).build();
/// kv.set_ex("k", 1, 10)?;
/// clock.advance(Duration::from_secs(10));
/// assert!(!kv.exists("k"));
/// # Ok::<(), epochkv::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<Ticks>);

impl ManualClock {
    /// A clock that stands at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward; it stops at the end of time, 584 years on.
    pub fn advance(&self, by: Duration) {
        self.0.advance(nanos(by));
    }

    /// Moves the clock forward to `time` since its origin. A time that has
    /// passed changes nothing.
    pub fn advance_to(&self, time: Duration) {
        self.0.raise(nanos(time));
    }
}

impl Clock for ManualClock {
    fn now_ns(&self) -> u64 {
        self.0.get()
    }

    /// The clock's own time: a program that goes on where another has stopped
    /// [advances its clock to](Self::advance_to) the time at which that was.
    fn unix_time(&self) -> Duration {
        Duration::from_nanos(self.now_ns())
    }
}

/// A clock that shows the last tick: reading it costs one load.
///
/// A [sweeper](crate::Kv::start_sweeper) lets it tick with each of its own ticks;
/// without one, whoever owns it calls [`tick`](Self::tick), say every millisecond.
/// Between ticks its time stands still, and so does expiry. Clones show the same time.
///
/// ```
/// use epochkv::{CachedClock, Kv};
///
/// let clock = CachedClock::new();
/// let kv: Kv<str, _, _> = Kv::builder().clock(clock.clone()).build();
/// kv.set_ex("k", 1, 60)?;
/// clock.tick();
/// assert!(kv.exists("k"));
/// # Ok::<(), epochkv::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CachedClock(Arc<Ticks>);

impl CachedClock {
    /// A clock that shows the system's time of now.
    #[must_use]
    pub fn new() -> Self {
        let clock = Self::default();
        clock.tick();
        clock
    }

    /// Reads the system's clock and shows its time from now on.
    pub fn tick(&self) {
        self.0.raise(SystemClock::new().now_ns());
    }
}

impl Clock for CachedClock {
    fn now_ns(&self) -> u64 {
        self.0.get()
    }

    fn refresh(&self) {
        self.tick();
    }
}

/// Nanoseconds that only ever grow.
#[derive(Default)]
struct Ticks(AtomicU64);

impl Ticks {
    fn get(&self) -> u64 {
        // Acquire: who sees a time sees what was done before it was set.
        self.0.load(Ordering::Acquire)
    }

    fn raise(&self, to: u64) {
        // Release: pairs with `get`. No acquire: nothing follows from the old time.
        self.0.fetch_max(to, Ordering::Release);
    }

    fn advance(&self, by: u64) {
        let later = |now: u64| Some(now.saturating_add(by));
        // Release: pairs with `get`. Relaxed: nothing follows from the old time. It
        // cannot fail: the closure always answers.
        let _ = self.0.fetch_update(Ordering::Release, Ordering::Relaxed, later);
    }
}

impl fmt::Debug for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Duration::from_nanos(self.get()).fmt(f)
    }
}
