//! Where the time comes from.

use crate::sync::{self, AtomicU64, Ordering};
use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use std::sync::LazyLock;
use std::time::{Instant, SystemTime};

/// A monotonic clock.
///
/// A store asks it only for entries that have a time to live: once per read, twice or three times
/// per write that depends on what is there, again where an entry is looked for again. It must never go back, as seen by all threads together: an
/// entry that one thread has found expired must not be alive for the next. What moves it
/// must be at least a `Release`, so that who sees the new time sees what was done before;
/// reading it may be `Relaxed`.
///
/// ```
/// use epochkv::{Clock, Kv};
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// /// The steps of a simulation, each a millisecond.
/// static STEPS: AtomicU64 = AtomicU64::new(0);
///
/// struct Simulated;
///
/// impl Clock for Simulated {
///     fn now_ns(&self) -> u64 {
///         STEPS.load(Ordering::SeqCst) * 1_000_000
///     }
/// }
///
/// let kv = Kv::builder().clock(Simulated).build();
/// kv.set_ex("k", 1, 1)?;
/// STEPS.fetch_add(1000, Ordering::SeqCst);
/// assert!(!kv.exists("k"));
/// # Ok::<(), epochkv::Error>(())
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Nanoseconds since an origin that is fixed for the life of the store. It is called
    /// inside of operations: while it runs, nothing that is removed is freed.
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

/// A clock that several owners share, also one that is chosen at run time, as
/// `Arc<dyn Clock>`.
///
/// ```
/// use epochkv::{Clock, DefaultHashBuilder, Kv, ManualClock, SystemClock};
/// use std::sync::Arc;
///
/// type Store = Kv<str, DefaultHashBuilder, Arc<dyn Clock>>;
///
/// fn open(for_a_test: bool) -> Store {
///     let clock: Arc<dyn Clock> =
///         if for_a_test { Arc::new(ManualClock::new()) } else { Arc::new(SystemClock::new()) };
///     Kv::builder().clock(clock).build()
/// }
/// open(true).set_ex("session", "token", 60)?;
/// # Ok::<(), epochkv::Error>(())
/// ```
impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now_ns(&self) -> u64 {
        (**self).now_ns()
    }

    fn refresh(&self) {
        (**self).refresh();
    }

    fn unix_time(&self) -> Duration {
        (**self).unix_time()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The system's monotonic clock, read at every use. The default.
///
/// ```
/// use epochkv::{Clock, SystemClock};
///
/// let (one, other) = (SystemClock::new(), SystemClock::new());
/// let before = one.now_ns();
/// assert!(other.now_ns() >= before);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(());

/// What [`SystemClock`] counts from.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

impl SystemClock {
    /// The clock; all of a process have one origin.
    ///
    /// ```
    /// let kv = epochkv::Kv::builder().clock(epochkv::SystemClock::new()).build();
    /// # let _: epochkv::Kv = kv;
    /// ```
    #[must_use]
    pub fn new() -> Self {
        // Now, because who reads a clock while another thread makes this has to wait.
        LazyLock::force(&ORIGIN);
        Self(())
    }
}

impl Default for SystemClock {
    /// As [`new`](Self::new).
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now_ns(&self) -> u64 {
        nanos(ORIGIN.elapsed())
    }
}

/// A clock that moves only when it is told to: for tests, simulations and loom models.
/// Clones show the same time.
///
/// ```
/// use epochkv::{Kv, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let kv = Kv::builder().clock(clock.clone()).build();
/// kv.set_ex("k", 1, 10)?;
/// clock.advance(Duration::from_secs(10));
/// assert!(!kv.exists("k"));
/// # Ok::<(), epochkv::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<Ticks>);

impl ManualClock {
    /// A clock that stands at zero.
    ///
    /// ```
    /// use epochkv::{Clock, ManualClock};
    ///
    /// assert_eq!(ManualClock::new().now_ns(), 0);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward; it stops at the end of time, 584 years on.
    ///
    /// ```
    /// use epochkv::{Clock, ManualClock};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// clock.clone().advance(Duration::from_millis(2));
    /// assert_eq!(clock.now_ns(), 2_000_000);
    /// clock.advance(Duration::MAX);
    /// assert_eq!(clock.now_ns(), u64::MAX);
    /// ```
    pub fn advance(&self, by: Duration) {
        self.0.advance(nanos(by));
    }

    /// Moves the clock forward to `time` since its origin. A time that has
    /// passed changes nothing.
    ///
    /// ```
    /// use epochkv::{Clock, ManualClock};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// clock.advance_to(Duration::from_nanos(9));
    /// clock.advance_to(Duration::from_nanos(5));
    /// assert_eq!(clock.now_ns(), 9);
    /// ```
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
/// Between ticks its time stands still, and so does expiry: in real time a key may live shorter by
/// up to a tick than it was told, or longer. Clones show the same time.
///
/// ```
/// use epochkv::{CachedClock, Kv};
///
/// let clock = CachedClock::new();
/// let kv = Kv::builder().clock(clock.clone()).build();
/// kv.set_ex("k", 1, 60)?;
/// clock.tick();
/// assert!(kv.exists("k"));
/// # Ok::<(), epochkv::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CachedClock(Arc<Ticks>);

impl CachedClock {
    /// A clock that shows the system's time of now.
    ///
    /// ```
    /// let kv = epochkv::Kv::builder().clock(epochkv::CachedClock::new()).build();
    /// assert!(kv.is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        let clock = Self::default();
        clock.tick();
        clock
    }

    /// Reads the system's clock and shows its time from now on.
    ///
    /// ```
    /// use epochkv::{CachedClock, Clock};
    ///
    /// let clock = CachedClock::new();
    /// let before = clock.now_ns();
    /// std::thread::yield_now();
    /// assert_eq!(clock.now_ns(), before);
    /// clock.tick();
    /// assert!(clock.now_ns() >= before);
    /// ```
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
        // A clock must not go back as seen by all threads together.
        if let Some(time) = sync::latest_in_model(&self.0) {
            return time;
        }
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
