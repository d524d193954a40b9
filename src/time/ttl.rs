//! Times to live and deadlines: the arithmetic and its corners. Pure.

use super::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::record::Deadline;
use crate::sync::acquire_fence;
use core::cell::OnceCell;
use core::time::Duration;

pub(super) const NS_PER_MS: u64 = 1_000_000;

/// A time to live: how long after the call an entry stays.
///
/// Made from whole seconds (`60`), from a [`Duration`], or from an
/// `Option<Duration>`. Zero means *never expires*, in seconds as in a
/// `Duration`; a fraction of a millisecond counts as one. A time too long for
/// the clock counts as never reached. [`until`](Self::until) takes a fixed time
/// instead.
///
/// ```
/// use epochkv::Ttl;
/// use std::time::Duration;
///
/// assert_eq!(Ttl::from(60), Ttl::from(Duration::from_secs(60)));
/// assert_eq!(Ttl::from(0), Ttl::NEVER);
/// assert!(Ttl::from_secs(-1).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ttl {
    /// Milliseconds from the call; zero for never; with the bit `FIXED`, a deadline.
    ms: u64,
}

/// The three kinds of [`Ttl`]; see [`Ttl::kind`]. Times are in whole milliseconds.
///
/// ```
/// use epochkv::{Ttl, TtlKind};
///
/// assert_eq!(Ttl::from(0).kind(), TtlKind::Never);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TtlKind {
    /// No expiry.
    Never,
    /// So long after the call.
    After(Duration),
    /// Until the store's clock shows this time.
    Until(Duration),
}

/// The highest bit.
const FIXED: u64 = 1 << 63;

/// The last deadline and the longest time, some 292 million years.
pub(super) const LAST: u64 = FIXED - 1;

impl Ttl {
    /// No expiry.
    ///
    /// ```
    /// use epochkv::{Kv, Ttl};
    ///
    /// let kv = Kv::new();
    /// kv.set_ex("k", 1, Ttl::NEVER)?;
    /// assert_eq!(kv.ttl("k"), -1);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub const NEVER: Self = Self { ms: 0 };

    /// Whole seconds; zero is [`NEVER`](Self::NEVER).
    ///
    /// # Errors
    ///
    /// [`NegativeTtl`](ErrorKind::NegativeTtl) below zero: a deadline in the
    /// past is refused, it must not turn into an entry that never dies.
    ///
    /// ```
    /// use epochkv::Ttl;
    ///
    /// assert_eq!(Ttl::from_secs(60)?, Ttl::from(60));
    /// assert_eq!(Ttl::from_secs(0)?, Ttl::NEVER);
    /// assert!(Ttl::from_secs(-1).is_err());
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn from_secs(secs: i64) -> Result<Self, Error> {
        u64::try_from(secs).map(Self::from).map_err(|_| ErrorKind::NegativeTtl.into())
    }

    /// Until the store's [`Clock`] shows `time`, counted from the clock's origin,
    /// whenever the call is made. An entry that is written with a time that has passed
    /// is gone at once. A fraction of a millisecond counts as one, as does zero. The default
    /// clock shows `Duration::from_nanos(SystemClock::new().now_ns())` now.
    ///
    /// ```
    /// use epochkv::{Kv, ManualClock, Ttl};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let kv = Kv::builder().clock(clock.clone()).build();
    /// clock.advance(Duration::from_secs(100));
    /// kv.set_ex("k", 1, Ttl::until(Duration::from_secs(107)))?;
    /// assert_eq!(kv.ttl("k"), 7);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn until(time: Duration) -> Self {
        Self { ms: FIXED | ceil_ms(time).max(1) }
    }

    /// Which of the three it is, for those who implement [`Store`](crate::Store).
    ///
    /// ```
    /// use epochkv::{Ttl, TtlKind};
    /// use std::time::Duration;
    ///
    /// let minute = Duration::from_secs(60);
    /// assert_eq!(Ttl::NEVER.kind(), TtlKind::Never);
    /// assert_eq!(Ttl::from(60).kind(), TtlKind::After(minute));
    /// assert_eq!(Ttl::until(minute).kind(), TtlKind::Until(minute));
    /// ```
    #[must_use]
    pub fn kind(self) -> TtlKind {
        let time = Duration::from_millis(self.ms & LAST);
        match self.ms {
            0 => TtlKind::Never,
            ms if ms & FIXED != 0 => TtlKind::Until(time),
            _ => TtlKind::After(time),
        }
    }

    /// The deadline of an entry written at `start`. Never early: the entry
    /// lives for at least the whole time.
    pub(crate) fn deadline(self, start: &Now<'_, impl Clock>) -> Deadline {
        match self.ms {
            0 => 0,
            ms if ms & FIXED != 0 => ms & LAST,
            ms => start.ms_after(ms),
        }
    }
}

/// Whole milliseconds, rounded up.
fn ceil_ms(time: Duration) -> u64 {
    let ms = time.as_nanos().div_ceil(u128::from(NS_PER_MS));
    u64::try_from(ms).map_or(LAST, |ms| ms.min(LAST))
}

impl From<u64> for Ttl {
    fn from(secs: u64) -> Self {
        Self { ms: secs.saturating_mul(1000).min(LAST) }
    }
}

impl From<Duration> for Ttl {
    fn from(time: Duration) -> Self {
        Self { ms: ceil_ms(time) }
    }
}

impl From<Option<Duration>> for Ttl {
    fn from(time: Option<Duration>) -> Self {
        time.map_or(Self::NEVER, Self::from)
    }
}

/// What is known about the end of a key.
///
/// ```
/// use epochkv::{Expiry, Kv};
/// use std::time::Duration;
///
/// let kv = Kv::new();
/// kv.set_ex("k", 1, 10)?;
/// match kv.expiry("k") {
///     Expiry::In(left) => assert!(left <= Duration::from_secs(10)),
///     Expiry::Never | Expiry::Missing => unreachable!(),
/// }
/// # Ok::<(), epochkv::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expiry {
    /// The key is absent.
    Missing,
    /// The key has no deadline.
    Never,
    /// The key lives for so long from now; at least one millisecond.
    In(Duration),
}

impl Expiry {
    /// The whole seconds left, rounded up, so at least 1; -1 without a
    /// deadline, -2 for an absent key.
    ///
    /// ```
    /// use epochkv::Expiry;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Expiry::In(Duration::from_millis(1001)).as_secs(), 2);
    /// assert_eq!([Expiry::Never.as_secs(), Expiry::Missing.as_secs()], [-1, -2]);
    /// ```
    #[must_use]
    pub fn as_secs(self) -> i64 {
        self.code(|time| time.as_nanos().div_ceil(1_000_000_000))
    }

    /// As [`as_secs`](Self::as_secs), in milliseconds.
    ///
    /// ```
    /// use epochkv::Expiry;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Expiry::In(Duration::from_millis(1001)).as_millis(), 1001);
    /// ```
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.code(|time| time.as_nanos().div_ceil(u128::from(NS_PER_MS)))
    }

    fn code(self, units: impl Fn(Duration) -> u128) -> i64 {
        match self {
            Self::Missing => -2,
            Self::Never => -1,
            Self::In(time) => i64::try_from(units(time)).unwrap_or(i64::MAX),
        }
    }

    /// Of a live entry with this deadline.
    pub(crate) fn of(deadline: Deadline, now: &Now<'_, impl Clock>) -> Self {
        match deadline {
            0 => Self::Never,
            _ => Self::In(Duration::from_millis(deadline.saturating_sub(now.ceil_ms()).max(1))),
        }
    }
}

/// When [`Kv::expire_if`](crate::Kv::expire_if) and
/// [`Kv::expire_at`](crate::Kv::expire_at) set a new deadline. No deadline
/// counts as one that is infinitely far away.
///
/// ```
/// use epochkv::{Condition, Kv};
/// use std::time::Duration;
///
/// let kv = Kv::new();
/// kv.set("k", 1)?;
/// let (soon, later) = (Duration::from_secs(5), Duration::from_secs(9));
/// assert!(!kv.expire_if("k", soon, Condition::IfLater), "never is later than any time");
/// assert!(kv.expire_if("k", later, Condition::IfNone));
/// assert!(kv.expire_if("k", soon, Condition::IfEarlier));
/// # Ok::<(), epochkv::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Always.
    Always,
    /// If the key has no deadline (Redis: NX).
    IfNone,
    /// If the key has a deadline (Redis: XX).
    IfSome,
    /// If the new deadline is later (Redis: GT).
    IfLater,
    /// If the new deadline is earlier (Redis: LT).
    IfEarlier,
    /// If the key has a deadline and the new one is earlier (Redis: XX LT).
    IfSomeAndEarlier,
}

impl Condition {
    pub(crate) fn allows(self, old: Deadline, new: Deadline) -> bool {
        match self {
            Self::Always => true,
            Self::IfNone => old == 0,
            Self::IfSome => old != 0,
            Self::IfLater => old != 0 && new > old,
            Self::IfEarlier => old == 0 || new < old,
            Self::IfSomeAndEarlier => old != 0 && new < old,
        }
    }
}

/// The time of one operation: read when it is first needed, then kept, so that all
/// deadlines that it sets count from one reading.
pub(crate) struct Now<'c, C> {
    clock: &'c C,
    ns: OnceCell<u64>,
}

impl<'c, C: Clock> Now<'c, C> {
    pub(crate) fn new(clock: &'c C) -> Self {
        Self { clock, ns: OnceCell::new() }
    }

    pub(super) fn ns(&self) -> u64 {
        *self.ns.get_or_init(|| self.read())
    }

    fn read(&self) -> u64 {
        let ns = self.clock.now_ns();
        // What is looked at from now on is no older than the reading, also if that is a relaxed
        // load: otherwise a time from after a `clear` could judge what was there before.
        // Pairs with the release by which the clock is moved, and the fence of `Table::clear`.
        acquire_fence();
        ns
    }

    /// The reading, if there was one.
    pub(super) fn known_ns(&self) -> Option<u64> {
        self.ns.get().copied()
    }

    /// A new reading; the first one is kept.
    pub(super) fn next_ns(&self) -> u64 {
        match self.known_ns() {
            None => self.ns(),
            Some(_) => self.read(),
        }
    }

    /// Milliseconds; an entry whose deadline is no later is gone.
    pub(crate) fn ms(&self) -> u64 {
        self.ns() / NS_PER_MS
    }

    fn ceil_ms(&self) -> u64 {
        self.ns().div_ceil(NS_PER_MS)
    }

    /// The deadline that lies `time` from now; never early.
    pub(crate) fn after(&self, time: Duration) -> Deadline {
        self.ms_after(ceil_ms(time))
    }

    fn ms_after(&self, ms: u64) -> Deadline {
        self.ceil_ms().saturating_add(ms).min(LAST)
    }

    /// Whether an entry with this deadline is gone by the time of this operation. Without a
    /// deadline the clock is not read.
    ///
    /// If the clock is read for this, which is after the entry was found, then an entry that
    /// is not gone was alive when it was found. One that is gone may have been alive then:
    /// that takes a `Judge`.
    #[inline]
    pub(crate) fn is_past(&self, deadline: Deadline) -> bool {
        deadline != 0 && self.ms() >= deadline
    }
}
