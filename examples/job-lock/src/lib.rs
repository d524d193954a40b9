//! A lock for jobs: one worker at a time, for a limited time.
//!
//! The lock is a key that lives for a while, so a worker that has died does not hold it for
//! ever. So a worker that was only slow may come back when the lock is somebody else's. Two
//! things follow. It must never give back what is not its own: each holder has a number, and
//! gives the lock back by [`compare_and_delete`](Kv::compare_and_delete). And it may still
//! believe that it holds the lock: whatever the job writes to should be told the number,
//! and refuse a number that is lower than one it has seen.
//!
//! `tests/loom_lock.rs` checks this code together with the store in all interleavings.

use epochkv::{Clock, DefaultHashBuilder, Error, Kv, SystemClock};
use std::time::Duration;

/// A job that one worker at a time may do.
///
/// ```
/// use epochkv::Kv;
/// use epochkv_job_lock::JobLock;
/// use std::time::Duration;
///
/// let lock = JobLock::new(Kv::new(), "nightly-report", Duration::from_secs(60));
/// if let Some(held) = lock.try_lock()? {
///     assert!(lock.try_lock()?.is_none());
///     assert!(held.extend()?);
/// }
/// assert!(lock.try_lock()?.is_some());
/// # Ok::<(), epochkv::Error>(())
/// ```
#[derive(Debug)]
pub struct JobLock<C: Clock = SystemClock> {
    kv: Kv<str, DefaultHashBuilder, C>,
    key: String,
    /// Counts the holders.
    holders: String,
    time: Duration,
}

impl<C: Clock> JobLock<C> {
    /// The lock of the job `name`; a holder has `time` before others may try.
    pub fn new(kv: Kv<str, DefaultHashBuilder, C>, name: &str, time: Duration) -> Self {
        Self { kv, key: format!("lock:{name}"), holders: format!("holders:{name}"), time }
    }

    /// Takes the lock, unless somebody has it.
    ///
    /// # Errors
    ///
    /// If the keys hold something else, or the name is too long for a key.
    pub fn try_lock(&self) -> Result<Option<Held<'_, C>>, Error> {
        let number = self.kv.incr(&self.holders)?;
        let taken = self.kv.set_if_absent(&self.key, number, self.time)?;
        Ok(taken.then_some(Held { lock: self, number }))
    }
}

/// The lock, held. Dropping this gives it back, if it still is this one's.
#[derive(Debug)]
#[must_use = "dropping this gives the lock back"]
pub struct Held<'l, C: Clock = SystemClock> {
    lock: &'l JobLock<C>,
    number: i64,
}

impl<C: Clock> Held<'_, C> {
    /// The number of this holder: higher than that of all holders before.
    pub fn number(&self) -> i64 {
        self.number
    }

    /// Has the whole time once more, if the lock still is this one's. If not, the job
    /// should stop.
    ///
    /// # Errors
    ///
    /// None in practice: the key was accepted before.
    pub fn extend(&self) -> Result<bool, Error> {
        let JobLock { kv, key, time, .. } = self.lock;
        kv.compare_and_set(key, self.number, self.number, *time)
    }
}

impl<C: Clock> Drop for Held<'_, C> {
    fn drop(&mut self) {
        self.lock.kv.compare_and_delete(&self.lock.key, self.number);
    }
}
