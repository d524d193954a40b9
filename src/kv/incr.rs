//! Counters.

use super::Kv;
use super::access::{Hashed, Step};
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::reclaim::{self, Shared};
use crate::record::{Content, Deadline, Record};
use crate::time::clock::Clock;
use crate::time::ttl::{Now, Ttl};
use crate::value::ValueRef;
use core::hash::BuildHasher;
use core::ops::RangeInclusive;

/// How [`Kv::incr_with`] counts: amount, bounds, and what happens to the time to
/// live.
///
/// ```
/// use epochkv::{IncrOptions, Kv};
///
/// // At most 3 requests in any window of 60 seconds that begins with one.
/// let window = IncrOptions::by(1).max(3).ttl_on_create(60);
/// let kv = Kv::new();
/// let admitted: Vec<_> = (0..5)
///     .map(|_| kv.incr_with("ip:10.0.0.1", &window).map(|count| count.applied == 1))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(admitted, [true, true, true, false, false]);
/// # Ok::<(), epochkv::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct IncrOptions {
    by: i64,
    min: i64,
    max: i64,
    saturate: bool,
    ttl: TtlRule,
}

/// What an increment does to the time to live; see [`IncrOptions::ttl_rule`].
///
/// ```
/// use epochkv::{IncrOptions, TtlRule};
///
/// assert_eq!(IncrOptions::by(1).ttl_rule(), TtlRule::Keep);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TtlRule {
    /// Nothing: it stays, and a new key gets none.
    Keep,
    /// A key that the call creates gets this one.
    OnCreate(Ttl),
    /// A key without a deadline, new or not, gets this one.
    IfNone(Ttl),
    /// The key gets this one each time the count is applied.
    Refresh(Ttl),
}

impl IncrOptions {
    /// Adds `amount`, which may be negative.
    ///
    /// ```
    /// use epochkv::{IncrOptions, Kv};
    ///
    /// assert_eq!(Kv::new().incr_with("k", &IncrOptions::by(-2))?.value, -2);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub const fn by(amount: i64) -> Self {
        Self { by: amount, min: i64::MIN, max: i64::MAX, saturate: false, ttl: TtlRule::Keep }
    }

    /// The least allowed result.
    ///
    /// ```
    /// use epochkv::{IncrOptions, Kv};
    ///
    /// let kv = Kv::new();
    /// kv.set("stock", 1)?;
    /// let take_one = IncrOptions::by(-1).min(0);
    /// assert_eq!(kv.incr_with("stock", &take_one)?.applied, -1);
    /// assert_eq!(kv.incr_with("stock", &take_one)?.applied, 0);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub const fn min(self, min: i64) -> Self {
        Self { min, ..self }
    }

    /// The greatest allowed result.
    ///
    /// ```
    /// use epochkv::{IncrOptions, Kv};
    ///
    /// let kv = Kv::new();
    /// let count = IncrOptions::by(1).max(1);
    /// assert_eq!(kv.incr_with("k", &count)?.applied, 1);
    /// assert_eq!(kv.incr_with("k", &count)?.applied, 0);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub const fn max(self, max: i64) -> Self {
        Self { max, ..self }
    }

    /// A result out of bounds becomes the bound, instead of leaving the key as
    /// it is. Such a count is applied, also when the bound was reached before: it
    /// refreshes a deadline.
    ///
    /// ```
    /// use epochkv::{IncrOptions, Kv};
    ///
    /// let kv = Kv::new();
    /// kv.set("charge", 95)?;
    /// let charge = IncrOptions::by(10).max(100).saturate(true);
    /// let charged = kv.incr_with("charge", &charge)?;
    /// assert_eq!((charged.value, charged.applied), (100, 5));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub const fn saturate(self, saturate: bool) -> Self {
        Self { saturate, ..self }
    }

    /// A key that this call creates lives for so long; the deadline of one that
    /// is there stays. This makes a window that begins with its first count.
    ///
    /// ```
    /// use epochkv::{IncrOptions, Kv};
    ///
    /// let kv = Kv::new();
    /// kv.set("old", 1)?;
    /// let count = IncrOptions::by(1).ttl_on_create(60);
    /// kv.incr_with("new", &count)?;
    /// kv.incr_with("old", &count)?;
    /// assert_eq!([kv.ttl("new"), kv.ttl("old")], [60, -1]);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn ttl_on_create(self, ttl: impl Into<Ttl>) -> Self {
        Self { ttl: TtlRule::OnCreate(ttl.into()), ..self }
    }

    /// A key without a deadline, new or not, gets this one (Redis: ENX).
    ///
    /// ```
    /// use epochkv::{IncrOptions, Kv};
    ///
    /// let kv = Kv::new();
    /// kv.set("old", 1)?;
    /// kv.incr_with("old", &IncrOptions::by(1).ttl_if_none(60))?;
    /// kv.incr_with("old", &IncrOptions::by(1).ttl_if_none(90))?;
    /// assert_eq!(kv.ttl("old"), 60);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn ttl_if_none(self, ttl: impl Into<Ttl>) -> Self {
        Self { ttl: TtlRule::IfNone(ttl.into()), ..self }
    }

    /// The key's deadline is set anew each time the count is applied;
    /// [`Ttl::NEVER`] removes it.
    ///
    /// ```
    /// use epochkv::{IncrOptions, Kv};
    ///
    /// let kv = Kv::new();
    /// kv.set_ex("k", 1, 60)?;
    /// kv.incr_with("k", &IncrOptions::by(1).ttl_refresh(90))?;
    /// assert_eq!(kv.ttl("k"), 90);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn ttl_refresh(self, ttl: impl Into<Ttl>) -> Self {
        Self { ttl: TtlRule::Refresh(ttl.into()), ..self }
    }

    /// The amount.
    ///
    /// These four are for those who implement [`Store`](crate::Store).
    ///
    /// ```
    /// assert_eq!(epochkv::IncrOptions::by(-5).amount(), -5);
    /// ```
    #[must_use]
    pub fn amount(&self) -> i64 {
        self.by
    }

    /// The least and the greatest allowed result.
    ///
    /// ```
    /// assert_eq!(epochkv::IncrOptions::by(1).min(0).bounds(), 0..=i64::MAX);
    /// ```
    #[must_use]
    pub fn bounds(&self) -> RangeInclusive<i64> {
        self.min..=self.max
    }

    /// Whether a result out of bounds becomes the bound.
    ///
    /// ```
    /// assert!(epochkv::IncrOptions::by(1).saturate(true).saturates());
    /// ```
    #[must_use]
    pub fn saturates(&self) -> bool {
        self.saturate
    }

    /// What happens to the time to live.
    ///
    /// ```
    /// use epochkv::{IncrOptions, Ttl, TtlRule};
    ///
    /// let options = IncrOptions::by(1).ttl_refresh(60);
    /// assert_eq!(options.ttl_rule(), TtlRule::Refresh(Ttl::from(60)));
    /// ```
    #[must_use]
    pub fn ttl_rule(&self) -> TtlRule {
        self.ttl
    }

    /// What becomes of `old`. `None`: it stays, the result is out of bounds.
    #[inline]
    fn apply(&self, old: i64) -> Option<i64> {
        match old.checked_add(self.by) {
            Some(sum) if self.min <= sum && sum <= self.max => Some(sum),
            _ if self.saturate => Some(old.saturating_add(self.by).clamp(self.min, self.max)),
            _ => None,
        }
    }

    /// The deadline of the record that replaces one with the deadline `old`, or
    /// none at all.
    fn deadline(&self, old: Option<Deadline>, now: &Now<'_, impl Clock>) -> Deadline {
        match (self.ttl, old) {
            (TtlRule::OnCreate(ttl), None) => ttl.deadline(now),
            (TtlRule::IfNone(ttl), None | Some(0)) => ttl.deadline(now),
            (TtlRule::Refresh(ttl), _) => ttl.deadline(now),
            (_, old) => old.unwrap_or(0),
        }
    }

    /// Whether the deadline of a live entry stays, so that it can be counted in
    /// place.
    fn keeps(&self, deadline: Deadline) -> bool {
        match self.ttl {
            TtlRule::Keep | TtlRule::OnCreate(_) => true,
            TtlRule::IfNone(ttl) => deadline != 0 || ttl == Ttl::NEVER,
            TtlRule::Refresh(ttl) => deadline == 0 && ttl == Ttl::NEVER,
        }
    }
}

/// What [`Kv::incr_with`] did.
///
/// ```
/// use epochkv::{IncrOptions, Incremented, Kv};
///
/// let kv = Kv::new();
/// let count = kv.incr_with("k", &IncrOptions::by(7).max(5).saturate(true))?;
/// assert_eq!(count, Incremented { value: 5, applied: 5 });
/// # Ok::<(), epochkv::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incremented {
    /// The value after the call; 0 for a key that is still absent.
    pub value: i64,
    /// What was added: the amount, less where a bound cut it off, 0 where the
    /// value stays as it is.
    pub applied: i64,
}

impl Incremented {
    fn new(old: i64, new: i64) -> Self {
        Self { value: new, applied: new.saturating_sub(old) }
    }
}

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// Adds 1 to an integer and returns the result; see [`incr_by`](Self::incr_by).
    ///
    /// # Errors
    ///
    /// As [`incr_by`](Self::incr_by).
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// assert_eq!(kv.incr("visits")?, 1);
    /// assert_eq!(kv.incr("visits")?, 2);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn incr(&self, key: &K) -> Result<i64, Error> {
        self.incr_by(key, 1)
    }

    /// Adds `amount` to an integer, atomically, and returns the result. The
    /// deadline stays. An absent key counts from 0 and gets no deadline.
    ///
    /// Lock-free; in place, without an allocation, unless the key is absent,
    /// the number needs more than 63 bits, or another operation has decided by the value since
    /// it was last replaced, as `update` does, and `incr_with` with a new deadline.
    ///
    /// # Errors
    ///
    /// [`NotAnInteger`](ErrorKind::NotAnInteger) for a value of any other kind,
    /// also `5.0` and `"5"`; [`Overflow`](ErrorKind::Overflow);
    /// [`KeyTooLong`](ErrorKind::KeyTooLong). Value and deadline are unchanged.
    ///
    /// ```
    /// use epochkv::{ErrorKind, Kv};
    ///
    /// let kv = Kv::new();
    /// kv.set_ex("credits", 10, 60)?;
    /// assert_eq!(kv.incr_by("credits", -3)?, 7);
    /// assert_eq!(kv.ttl("credits"), 60);
    ///
    /// kv.set("name", "5")?;
    /// assert_eq!(kv.incr("name").unwrap_err().kind(), ErrorKind::NotAnInteger);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[inline]
    pub fn incr_by(&self, key: &K, amount: i64) -> Result<i64, Error> {
        let key = self.hashed_for_write(key)?;
        let now = self.now();
        {
            let section = self.enter(key);
            let live = self.find_unexpired(&key, &now, &section);
            if let Some(sum) = live.and_then(Shared::counter).and_then(|cell| cell.add(amount)) {
                return Ok(sum);
            }
        }
        let overflow = || Err(ErrorKind::Overflow.into());
        let counted = self.count_by_replacing(&key, &IncrOptions::by(amount), overflow, &now)?;
        Ok(counted.value)
    }

    /// Adds to an integer within bounds, and sets a time to live, in one atomic
    /// step. Lock-free, and in place where [`incr_by`](Self::incr_by) is and the deadline
    /// stays. A result out of bounds, those of `i64` included, leaves the key and
    /// its deadline as they are, and nothing is created: `applied` is then 0.
    ///
    /// # Errors
    ///
    /// [`NotAnInteger`](ErrorKind::NotAnInteger) for a value of any other kind,
    /// [`KeyTooLong`](ErrorKind::KeyTooLong), and
    /// [`BadBounds`](ErrorKind::BadBounds) if the minimum is above the maximum.
    ///
    /// ```
    /// use epochkv::{IncrOptions, Incremented, Kv};
    ///
    /// let kv = Kv::new();
    /// kv.set("stock", 3)?;
    /// let take = IncrOptions::by(-5).min(0);
    /// assert_eq!(kv.incr_with("stock", &take)?, Incremented { value: 3, applied: 0 });
    /// let take = take.saturate(true);
    /// assert_eq!(kv.incr_with("stock", &take)?, Incremented { value: 0, applied: -3 });
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn incr_with(&self, key: &K, options: &IncrOptions) -> Result<Incremented, Error> {
        if options.min > options.max {
            return Err(ErrorKind::BadBounds.into());
        }
        let key = self.hashed_for_write(key)?;
        let now = self.now();
        {
            let section = self.enter(key);
            let live = self.find_unexpired(&key, &now, &section);
            let same_deadline = live.filter(|record| options.keeps(record.deadline()));
            let mut result = Incremented { value: 0, applied: 0 };
            let count = |old| {
                let new = options.apply(old).unwrap_or(old);
                result = Incremented::new(old, new);
                new
            };
            if same_deadline.and_then(Shared::counter).is_some_and(|cell| cell.update(count)) {
                return Ok(result);
            }
        }
        self.count_by_replacing(&key, options, || Ok(()), &now)
    }

    /// Adds to a float, or to an integer, which becomes a float. The deadline
    /// stays; an absent key counts from 0.0. Returns the result.
    ///
    /// Lock-free, one allocation.
    ///
    /// # Errors
    ///
    /// [`NotANumber`](ErrorKind::NotANumber) for a value of another kind;
    /// [`NotFinite`](ErrorKind::NotFinite) if amount or result is NaN or infinite;
    /// [`KeyTooLong`](ErrorKind::KeyTooLong).
    /// Value and deadline are unchanged.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// assert_eq!(kv.incr_float("load", 0.5)?, 0.5);
    /// assert_eq!(kv.incr_float("load", 1.0)?, 1.5);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn incr_float(&self, key: &K, amount: f64) -> Result<f64, Error> {
        let key = self.fetch(self.hashed_for_write(key)?);
        let now = self.now();
        let guard = reclaim::pin();
        let add = |live: Option<Shared<'_, Record<K>>>| {
            let old = match live.map(Shared::exact_value) {
                None => 0.0,
                Some(ValueRef::Int(old)) => old as f64,
                Some(ValueRef::Float(old)) => old,
                Some(_) => return Step::Keep(Err(ErrorKind::NotANumber.into())),
            };
            let new = old + amount;
            if !amount.is_finite() || !new.is_finite() {
                return Step::Keep(Err(ErrorKind::NotFinite.into()));
            }
            let deadline = live.map_or(0, Shared::deadline);
            Step::Put(key.record(deadline, Content::float(new)), Ok(new))
        };
        self.decide(&key, &now, &guard, add).0
    }

    /// Counts where the integer cannot change in place: it is not there, too
    /// wide, frozen, or gets another deadline. `refuse` says whether a result out of bounds is
    /// an error.
    #[cold]
    fn count_by_replacing(
        &self,
        key: &Hashed<'_, K>,
        options: &IncrOptions,
        refuse: impl Fn() -> Result<(), Error>,
        now: &Now<'_, C>,
    ) -> Result<Incremented, Error> {
        let guard = reclaim::pin();
        let count = |live: Option<Shared<'_, Record<K>>>| {
            let old = match live.map(Shared::exact_value) {
                None => 0,
                Some(ValueRef::Int(old)) => old,
                Some(_) => return Step::Keep(Err(ErrorKind::NotAnInteger.into())),
            };
            let Some(new) = options.apply(old) else {
                return Step::Keep(refuse().map(|()| Incremented::new(old, old)));
            };
            let deadline = options.deadline(live.map(Shared::deadline), now);
            Step::Put(key.record(deadline, Content::int(new)), Ok(Incremented::new(old, new)))
        };
        self.decide(key, now, &guard, count).0
    }
}
