//! Who sweeps: a thread, or a future.

use super::sweep::{self, Pace};
use super::{Inner, Kv};
use crate::key::Key;
use crate::record;
use crate::snapshot::Snapshot;
use crate::time::clock::Clock;
use core::convert::Infallible;
use core::fmt;
use core::hash::BuildHasher;
use core::time::Duration;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// The shortest tick; the resolution of deadlines.
const MIN_TICK: Duration = Duration::from_millis(1);

/// Entries looked at in one go, which takes about a millisecond.
const BUDGET: usize = 4096;

/// How long a sweeper rests before it goes on with what is due: where many keys
/// expire at once, it leaves the cores and the caches to others for three quarters of
/// the time. By the clock of the wall, because who sleeps is scheduled
/// before those who do not, also where threads are many.
const REST: Duration = Duration::from_millis(3);

/// Rounds in a row at most, however long the last rest was.
const ROUNDS: u32 = 64;

/// Who is behind for so long asks writers for help, and goes on asking for a
/// while after that: otherwise every time as much would pile up anew.
const BEARABLE: Duration = Duration::from_millis(100);
const HELP_FOR: Duration = Duration::from_secs(5);

/// Who is behind for so long has to do with more than a burst, and rests less.
const PATIENCE: Duration = Duration::from_secs(2);

/// The share of a tick that a sweeper waits while writers file so much that the
/// inbox could overflow.
const HASTE: u32 = 8;

/// A thread that sweeps a store; see [`Kv::start_sweeper`]. Dropping this ends it.
#[must_use = "the sweeper ends when this is dropped"]
pub struct Sweeper {
    /// Nothing is ever sent: that it is gone is the signal.
    stop: Option<Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    /// Lets the thread run for as long as there is a handle to the store.
    ///
    /// ```
    /// use epochkv::Kv;
    /// use std::time::Duration;
    ///
    /// let kv = Kv::new();
    /// kv.start_sweeper(Duration::from_millis(100))?.detach();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn detach(mut self) {
        // The thread would take its end for the signal.
        core::mem::forget(self.stop.take());
        self.thread = None;
    }
}

impl Drop for Sweeper {
    /// Ends the thread and waits for that, unless this is the thread itself, as
    /// in its callback.
    fn drop(&mut self) {
        self.stop = None;
        let others = self.thread.take().filter(|it| it.thread().id() != thread::current().id());
        if let Some(thread) = others {
            // It catches the panics of foreign code.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Sweeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweeper").finish_non_exhaustive()
    }
}

/// What a sweeper does with each expired entry.
type OnExpire<K> = Box<dyn FnMut(&K, &Snapshot) + Send>;

impl<K, S, C> Kv<K, S, C>
where
    K: Key + ?Sized,
    S: BuildHasher + Send + Sync + 'static,
    C: Clock,
{
    /// Starts a thread that gives back the memory of expired and removed entries
    /// without any traffic: every `tick`, and one epoch of the collector
    /// later. Expired entries are absent for every call with or without it.
    ///
    /// Each tick has a budget; where more is due the thread goes on after a
    /// short pause, so that many keys that expire at once stall nobody. It also
    /// lets a [`CachedClock`](crate::CachedClock) tick, and the table shrink. Between ticks
    /// it sleeps. 100 milliseconds are a good tick; less than one counts as one.
    ///
    /// The thread ends when the [`Sweeper`] is dropped, which waits for it, or within a tick
    /// after the last handle to the store. Several sweepers take turns.
    ///
    /// # Errors
    ///
    /// If the system has no thread to give.
    ///
    /// ```
    /// use epochkv::Kv;
    /// use std::time::Duration;
    ///
    /// let kv = Kv::new();
    /// let sweeper = kv.start_sweeper(Duration::from_millis(1))?;
    /// kv.set_ex("flash", "saved", Duration::from_millis(5))?;
    /// while kv.len() > 0 {
    ///     std::thread::sleep(Duration::from_millis(1));
    /// }
    /// drop(sweeper);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_sweeper(&self, tick: Duration) -> io::Result<Sweeper> {
        self.spawn(tick, None)
    }

    /// As [`start_sweeper`](Self::start_sweeper), and calls `on_expire` with the key
    /// and last value of each entry that the sweeper removes, after it is gone.
    ///
    /// `on_expire` runs in the sweeper's thread, under no lock and no guard; it
    /// may call the store, drop the `Sweeper`, and take its time, at the expense of
    /// sweeping only. If it panics, the panic is caught and
    /// [counted](crate::Stats::callback_panics). Entries that another operation found expired
    /// first are not reported.
    ///
    /// # Errors
    ///
    /// As [`start_sweeper`](Self::start_sweeper).
    ///
    /// ```
    /// use epochkv::Kv;
    /// use std::{sync::mpsc, time::Duration};
    ///
    /// let kv = Kv::new();
    /// let (sender, expired) = mpsc::channel();
    /// let _sweeper = kv.start_sweeper_with(Duration::from_millis(1), move |key, value| {
    ///     let _ = sender.send((key.to_owned(), value.clone()));
    /// })?;
    /// kv.set_ex("session:7", "Ann", Duration::from_millis(5))?;
    /// let (key, value) = expired.recv()?;
    /// assert_eq!((key.as_str(), value.as_str()), ("session:7", Some("Ann")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_sweeper_with(
        &self,
        tick: Duration,
        on_expire: impl FnMut(&K, &Snapshot) + Send + 'static,
    ) -> io::Result<Sweeper> {
        self.spawn(tick, Some(Box::new(on_expire)))
    }

    fn spawn(&self, tick: Duration, on_expire: Option<OnExpire<K>>) -> io::Result<Sweeper> {
        let (stop, stopped) = mpsc::channel();
        let rounds = Rounds::new(self, tick, on_expire);
        let thread = thread::Builder::new()
            .name("epochkv-sweeper".into())
            .spawn(move || rounds.run(&stopped))?;
        Ok(Sweeper { stop: Some(stop), thread: Some(thread) })
    }
}

/// The sweeper as a future.
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
impl<K, S, C> Kv<K, S, C>
where
    K: Key + ?Sized,
    S: BuildHasher + Send + Sync + 'static,
    C: Clock,
{
    /// As [`start_sweeper`](Self::start_sweeper), without a thread: the future
    /// sweeps while it is polled, and sleeps by tokio's timer. Spawn it; it ends
    /// when it is dropped or aborted, or within a tick after the last handle to the store.
    ///
    /// One poll takes about a millisecond at most. Panics when it is polled
    /// outside of a tokio runtime with a timer.
    ///
    /// ```
    /// use epochkv::Kv;
    /// use std::time::Duration;
    ///
    /// # #[cfg(feature = "tokio-test")]
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let kv = Kv::new();
    /// let sweeper = tokio::spawn(kv.run_sweeper(Duration::from_millis(100)));
    /// kv.set_ex("flash", "saved", Duration::from_millis(5))?;
    /// // While the server lives.
    /// sweeper.abort();
    /// # Ok::<(), epochkv::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_sweeper(
        &self,
        tick: Duration,
    ) -> impl Future<Output = ()> + Send + 'static + use<K, S, C> {
        Rounds::new(self, tick, None).run_by_timer()
    }

    /// As [`run_sweeper`](Self::run_sweeper), and calls `on_expire` as
    /// [`start_sweeper_with`](Self::start_sweeper_with) does.
    pub fn run_sweeper_with<F>(
        &self,
        tick: Duration,
        on_expire: F,
    ) -> impl Future<Output = ()> + Send + 'static + use<K, S, C, F>
    where
        F: FnMut(&K, &Snapshot) + Send + 'static,
    {
        Rounds::new(self, tick, Some(Box::new(on_expire))).run_by_timer()
    }
}

/// What a sweeper does, one round after the other. Holds the store weakly.
struct Rounds<K: Key + ?Sized, S, C> {
    store: Weak<Inner<K, S, C>>,
    tick: Duration,
    on_expire: Option<OnExpire<K>>,
    /// Since when something has been due without a break.
    behind: Option<Instant>,
    /// When it was last behind for too long.
    overtaxed: Option<Instant>,
    /// Whether it has asked writers for help.
    asks: bool,
    /// When the last rest began, if it was one.
    resting: Option<Instant>,
    /// Rounds to go before the next rest.
    rounds: u32,
}

impl<K, S, C> Rounds<K, S, C>
where
    K: Key + ?Sized,
    S: BuildHasher + Send + Sync + 'static,
    C: Clock,
{
    fn new(kv: &Kv<K, S, C>, tick: Duration, on_expire: Option<OnExpire<K>>) -> Self {
        kv.inner.feed.enter();
        let (store, tick) = (Arc::downgrade(&kv.inner), tick.max(MIN_TICK));
        Self {
            store,
            tick,
            on_expire,
            behind: None,
            overtaxed: None,
            asks: false,
            resting: None,
            rounds: 0,
        }
    }

    fn run(mut self, stopped: &Receiver<Infallible>) {
        while let Some(pause) = self.round() {
            if let Err(RecvTimeoutError::Disconnected) = stopped.recv_timeout(pause) {
                return;
            }
        }
    }

    #[cfg(feature = "tokio")]
    async fn run_by_timer(mut self) {
        while let Some(pause) = self.round() {
            tokio::time::sleep(pause).await;
        }
    }

    /// Sweeps once; returns how long to wait then, or none if the store is gone.
    fn round(&mut self) -> Option<Duration> {
        let kv = Kv { inner: self.store.upgrade()? };
        let start = Instant::now();
        let feed = &kv.inner.feed;
        let behind = self.behind.map_or(Duration::ZERO, |since| start - since);
        let help = self.needs_help(start, behind);
        if self.asks != help.is_some() {
            self.asks = help.is_some();
            if self.asks { feed.ask_for_help() } else { feed.thank() }
        }
        // Who asks for help comes back to thank for it.
        let help = help.unwrap_or(Duration::MAX);
        let on_expire = self.on_expire.as_mut().map(|it| -> sweep::OnExpire<'_, K> { it });
        // The clock is foreign code too.
        let swept = panic::catch_unwind(AssertUnwindSafe(|| kv.sweep_reporting(BUDGET, on_expire)));
        let Ok((_, pace)) = swept else {
            feed.figures.count_panic();
            return Some(self.tick.min(help));
        };
        if pace == Pace::Behind {
            self.behind.get_or_insert(start);
        } else {
            self.behind = None;
        }
        if pace != Pace::Rest {
            let rest = self.tick.min(if behind > PATIENCE { REST / 30 } else { REST });
            return Some(self.rest(start, rest));
        }
        self.rounds = 0;
        self.resting = None;
        record::release_spare();
        let haste = if feed.is_filling() { HASTE } else { 1 };
        Some((self.tick / haste).min(help))
    }

    /// For how long writers should help from `now` on, if they should, where something
    /// has been due for as long as `behind`.
    fn needs_help(&mut self, now: Instant, behind: Duration) -> Option<Duration> {
        if behind > BEARABLE {
            self.overtaxed = Some(now);
        }
        let left = HELP_FOR.checked_sub(now.saturating_duration_since(self.overtaxed?))?;
        (!left.is_zero()).then_some(left)
    }

    /// How long to rest after a round that began at `start` and has left something to
    /// do. Among more threads than cores a short rest becomes a long one; who
    /// has rested for so long works for as many rounds as that would have been rests.
    fn rest(&mut self, start: Instant, rest: Duration) -> Duration {
        if let Some(since) = self.resting.take() {
            let rested = start.saturating_duration_since(since).as_micros();
            let rounds = rested / rest.as_micros().max(1);
            self.rounds = u32::try_from(rounds).unwrap_or(ROUNDS).min(ROUNDS);
        }
        self.rounds = self.rounds.saturating_sub(1);
        if self.rounds > 0 {
            return Duration::ZERO;
        }
        self.resting = Some(Instant::now());
        rest
    }
}

impl<K: Key + ?Sized, S, C> Drop for Rounds<K, S, C> {
    fn drop(&mut self) {
        if let Some(store) = self.store.upgrade() {
            if self.asks {
                store.feed.thank();
            }
            store.feed.leave();
        }
    }
}

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use super::{BEARABLE, Duration, HELP_FOR, Instant, REST, ROUNDS, Rounds};
    use crate::{Kv, ManualClock};
    use std::hash::RandomState;

    const TICK: Duration = Duration::from_millis(100);
    const HOUR: Duration = Duration::from_secs(3600);

    type Store = Kv<str, RandomState, ManualClock>;

    fn store() -> (Store, ManualClock) {
        let clock = ManualClock::new();
        (Kv::builder().hasher(RandomState::new()).clock(clock.clone()).build(), clock)
    }

    fn rounds(kv: &Store, tick: Duration) -> Rounds<str, RandomState, ManualClock> {
        Rounds::new(kv, tick, None)
    }

    fn ago(time: Duration) -> Option<Instant> {
        Some(Instant::now().checked_sub(time).expect("the machine runs for longer than that"))
    }

    #[test]
    fn works_for_as_long_as_it_was_kept_from_working() {
        let mut rounds = rounds(&store().0, TICK);
        let now = Instant::now() + Duration::from_secs(60);
        assert_eq!(rounds.rest(now, REST), REST);
        for (rests, in_a_row) in [(0, 0), (1, 0), (20, 19), (15_000, ROUNDS - 1)] {
            rounds.resting = now.checked_sub(REST * rests).or(Some(now));
            for _ in 0..in_a_row.min(rests) {
                assert_eq!(rounds.rest(now, REST), Duration::ZERO, "after {rests}");
            }
            assert_eq!(rounds.rest(now, REST), REST, "after {rests}");
        }
    }

    #[test]
    fn a_writer_that_is_asked_for_help_removes_what_has_expired_beside_its_key() {
        let (kv, clock) = store();
        let mut rounds = rounds(&kv, TICK);
        assert_eq!(rounds.round(), Some(TICK));
        (0..1_000).for_each(|n| kv.set_ex(&format!("old:{n}"), n, 1).unwrap());
        clock.advance(HOUR);
        let visit_all_buckets = || {
            for n in 0..10_000 {
                kv.set_ex(&format!("new:{n}"), n, 1).unwrap();
                kv.delete(&format!("new:{n}"));
            }
        };
        visit_all_buckets();
        assert_eq!(kv.len(), 1_000, "nobody asks");
        kv.inner.feed.ask_for_help();
        kv.set("forever", 1).unwrap();
        assert_eq!(kv.len(), 1_001, "who files nothing does not help");
        visit_all_buckets();
        assert_eq!((kv.len(), kv.live_len()), (1, 1));
        assert_eq!((kv.stats().expired, kv.stats().swept), (1_000, 0));
        kv.inner.feed.thank();
    }

    #[test]
    fn who_is_behind_for_too_long_asks_for_help_for_a_while() {
        let (kv, clock) = store();
        let mut rounds = rounds(&kv, TICK);
        assert_eq!(rounds.round(), Some(TICK));
        (0..20_000).for_each(|n| kv.set_ex(&n.to_string(), n, 1).unwrap());
        clock.advance(HOUR);
        assert!(rounds.round() < Some(TICK));
        assert!(rounds.behind.is_some(), "there are more than one round can look at");
        let asks = |rounds: &mut Rounds<_, _, _>| {
            let pause = rounds.round().expect("the store is there");
            (kv.inner.feed.wants_help(), pause)
        };
        rounds.behind = ago(BEARABLE / 2);
        assert!(!asks(&mut rounds).0, "a burst is bearable");
        rounds.behind = ago(2 * BEARABLE);
        assert!(asks(&mut rounds).0);
        loop {
            let (yes, pause) = asks(&mut rounds);
            assert!(yes, "it goes on asking, also when it has caught up");
            if kv.is_empty() && pause == TICK {
                break;
            }
        }
        assert_eq!(rounds.behind, None);
        rounds.overtaxed = ago(HELP_FOR - TICK / 2);
        let (yes, pause) = asks(&mut rounds);
        assert!(yes && pause < TICK, "it will be back in time");
        rounds.overtaxed = ago(HELP_FOR);
        assert_eq!(asks(&mut rounds), (false, TICK));
        // And as often as that happens.
        rounds.behind = ago(2 * BEARABLE);
        assert!(asks(&mut rounds).0);
    }

    #[test]
    fn a_tick_of_less_than_a_millisecond_counts_as_one() {
        let (kv, _) = store();
        assert_eq!(rounds(&kv, Duration::ZERO).round(), Some(Duration::from_millis(1)));
    }

    #[test]
    fn a_long_tick_does_not_prolong_the_help() {
        let (kv, _) = store();
        let mut rounds = rounds(&kv, HOUR);
        assert_eq!(rounds.round(), Some(HOUR));
        rounds.behind = ago(2 * BEARABLE);
        let pause = rounds.round().expect("the store is there");
        assert!(kv.inner.feed.wants_help() && pause <= HELP_FOR, "{pause:?}");
    }

    #[test]
    fn each_sweeper_withdraws_its_own_request_and_no_other() {
        let (kv, _) = store();
        let [mut one, mut other] = [rounds(&kv, TICK), rounds(&kv, TICK)];
        for rounds in [&mut one, &mut other] {
            rounds.behind = ago(2 * BEARABLE);
            rounds.round();
        }
        other.overtaxed = None;
        other.round();
        assert!(kv.inner.feed.wants_help(), "one still asks");
        drop(other);
        assert!(kv.inner.feed.wants_help(), "one still asks");
        drop(one);
        assert!(!kv.inner.feed.wants_help(), "the last one has ended");
        let mut next = rounds(&kv, TICK);
        next.round();
        assert!(!kv.inner.feed.wants_help());
    }
}
