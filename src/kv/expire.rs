//! Times to live of keys that are there.

use super::Kv;
use super::access::Step;
use crate::key::Key;
use crate::reclaim::{self, Shared};
use crate::record::{Deadline, Record};
use crate::snapshot::Snapshot;
use crate::time::clock::Clock;
use crate::time::ttl::{Condition, Expiry, Now, Ttl};
use core::hash::BuildHasher;
use core::time::Duration;

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// The whole seconds that a key has left, rounded up, so at least 1; -1 if
    /// it does not expire, -2 if it is absent. To the millisecond of the clock:
    /// right after `set_ex(k, v, n)` it is n.
    ///
    /// Lock-free, O(1): begins anew if another thread replaces or removes the entry while the
    /// clock is read. Wait-free for keys without a deadline.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set("a", 1)?;
    /// kv.set_ex("b", 1, 10)?;
    /// assert_eq!([kv.ttl("a"), kv.ttl("b"), kv.ttl("c")], [-1, 10, -2]);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn ttl(&self, key: &K) -> i64 {
        self.expiry(key).as_secs()
    }

    /// As [`ttl`](Self::ttl), in whole milliseconds, of which the one that has begun does not
    /// count; at least 1.
    ///
    /// ```
    /// use epochkv::Kv;
    /// use std::time::Duration;
    ///
    /// let kv = Kv::new();
    /// kv.set_ex("k", 1, Duration::from_secs(60))?;
    /// assert!((59_000..=60_000).contains(&kv.ttl_ms("k")));
    /// assert_eq!(kv.ttl_ms("other"), -2);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    #[must_use]
    pub fn ttl_ms(&self, key: &K) -> i64 {
        self.expiry(key).as_millis()
    }

    /// As [`ttl`](Self::ttl), as an enum.
    ///
    /// ```
    /// use epochkv::{Expiry, Kv};
    ///
    /// assert_eq!(Kv::new().expiry("k"), Expiry::Missing);
    /// ```
    #[must_use]
    pub fn expiry(&self, key: &K) -> Expiry {
        let key = self.hashed(key);
        let section = self.enter(key);
        let find = || self.table().find(key.hash, key.key.key_bytes(), &section);
        let mut found = find();
        while let Some(record) = found.filter(|record| record.deadline() != 0) {
            let now = self.now();
            let is_past = now.is_past(record.deadline());
            if is_past && self.after_expiry(&key, &now, &reclaim::pin()).is_none() {
                return Expiry::Missing;
            }
            found = find();
            // It has to be the one that was there when the clock was read.
            if !is_past && found.is_some_and(|it| it.is(record)) {
                return Expiry::of(record.deadline(), &now);
            }
        }
        found.map_or(Expiry::Missing, |_| Expiry::Never)
    }

    /// Gives a key a new time to live, counted from now; zero removes the key, which is why this
    /// is a `Duration` and not a [`Ttl`], where it means none.
    /// Returns whether the key was there. Lock-free; the value is not copied if
    /// it is a list, a dict or a long text.
    ///
    /// ```
    /// use epochkv::Kv;
    /// use std::time::Duration;
    ///
    /// let kv = Kv::new();
    /// kv.set("k", 1)?;
    /// assert!(kv.expire("k", Duration::from_secs(5)));
    /// assert_eq!(kv.ttl("k"), 5);
    /// assert!(kv.expire("k", Duration::ZERO));
    /// assert!(!kv.exists("k"));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn expire(&self, key: &K, after: Duration) -> bool {
        self.expire_if(key, after, Condition::Always)
    }

    /// As [`expire`](Self::expire), if `condition` allows it. Returns whether
    /// the deadline was set. Lock-free.
    ///
    /// ```
    /// use epochkv::{Condition, Kv};
    /// use std::time::Duration;
    ///
    /// let kv = Kv::new();
    /// kv.set_ex("k", 1, 10)?;
    /// assert!(!kv.expire_if("k", Duration::from_secs(5), Condition::IfLater));
    /// assert!(kv.expire_if("k", Duration::from_secs(20), Condition::IfLater));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn expire_if(&self, key: &K, after: Duration, condition: Condition) -> bool {
        self.renew(key, |now| (now.after(after), after.is_zero()), condition).is_some()
    }

    /// As [`expire_if`](Self::expire_if), but for a fixed time: the key lives until the
    /// store's [`Clock`] shows `time`, counted from the clock's origin. A time that has
    /// passed removes the key. The default clock shows
    /// `Duration::from_nanos(SystemClock::new().now_ns())` now.
    ///
    /// ```
    /// use epochkv::{Condition, Kv, ManualClock};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let kv = Kv::builder().clock(clock.clone()).build();
    /// kv.set("k", 1)?;
    /// assert!(kv.expire_at("k", Duration::from_secs(7), Condition::Always));
    /// assert!(!kv.expire_at("k", Duration::from_secs(7), Condition::IfLater));
    /// clock.advance_to(Duration::from_secs(7));
    /// assert!(!kv.exists("k"));
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn expire_at(&self, key: &K, time: Duration, condition: Condition) -> bool {
        let end = |now: &Now<'_, C>| {
            let deadline = Ttl::until(time).deadline(now);
            // Zero has passed at the clock's origin too, which no deadline can say.
            (deadline, time.is_zero() || now.is_past(deadline))
        };
        self.renew(key, end, condition).is_some()
    }

    /// Returns the value of a key and gives it a new time to live, in one step,
    /// as for a session that stays alive while it is used. Zero removes the key.
    /// Lock-free; at most one allocation.
    ///
    /// ```
    /// use epochkv::Kv;
    /// use std::time::Duration;
    ///
    /// let kv = Kv::new();
    /// kv.set_ex("session", "token", 10)?;
    /// assert_eq!(kv.get_and_expire("session", Duration::from_secs(60)).unwrap(), "token");
    /// assert_eq!(kv.ttl("session"), 60);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn get_and_expire(&self, key: &K, after: Duration) -> Option<Snapshot> {
        self.renew(key, |now| (now.after(after), after.is_zero()), Condition::Always)
    }

    /// Sets a deadline, or removes the key if `end` says that the deadline has passed.
    fn renew(
        &self,
        key: &K,
        end: impl Fn(&Now<'_, C>) -> (Deadline, bool),
        condition: Condition,
    ) -> Option<Snapshot> {
        let key = self.fetch(self.hashed(key));
        let now = self.now();
        let guard = reclaim::pin();
        let renew = |live: Option<Shared<'_, Record<K>>>| {
            let Some(record) = live else {
                return Step::Keep(None);
            };
            let (deadline, passed) = end(&now);
            if !condition.allows(record.deadline(), deadline) {
                return Step::Keep(None);
            }
            let answer = Some(Snapshot::exact(record));
            if passed {
                Step::Remove(answer)
            } else {
                Step::Put(key.record(deadline, record.exact_content()), answer)
            }
        };
        self.decide(&key, &now, &guard, renew).0
    }

    /// Removes a key's deadline. Returns whether it had one. Lock-free.
    ///
    /// ```
    /// use epochkv::Kv;
    ///
    /// let kv = Kv::new();
    /// kv.set_ex("k", 1, 10)?;
    /// assert!(kv.persist("k"));
    /// assert!(!kv.persist("k"));
    /// assert_eq!(kv.ttl("k"), -1);
    /// # Ok::<(), epochkv::Error>(())
    /// ```
    pub fn persist(&self, key: &K) -> bool {
        let key = self.fetch(self.hashed(key));
        let guard = reclaim::pin();
        let persist = |live: Option<Shared<'_, Record<K>>>| match live {
            Some(record) if record.deadline() != 0 => {
                Step::Put(key.record(0, record.exact_content()), true)
            }
            _ => Step::Keep(false),
        };
        self.decide(&key, &self.now(), &guard, persist).0
    }
}
