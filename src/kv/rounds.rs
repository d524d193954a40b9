//! What a sweeper does, be it a thread or a future: how often it sweeps, when it rests,
//! and when it asks for help.

use super::sweep::{self, Pace};
use super::{Inner, Kv};
use crate::key::Key;
use crate::record;
use crate::snapshot::Snapshot;
use crate::time::clock::Clock;
use crate::trace;
use core::convert::Infallible;
use core::hash::BuildHasher;
#[cfg(feature = "tokio")]
use core::task::Poll;
use core::time::Duration;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Weak};
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

/// What a sweeper does with each expired entry.
pub(super) type OnExpire<K> = Box<dyn FnMut(&K, &Snapshot) + Send>;

/// What a sweeper does, one round after the other. Holds the store weakly.
pub(super) struct Rounds<K: Key + ?Sized, S, C> {
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
    /// When the figures were published.
    #[cfg(feature = "metrics")]
    published: Option<Instant>,
}

impl<K, S, C> Rounds<K, S, C>
where
    K: Key + ?Sized,
    S: BuildHasher + Send + Sync + 'static,
    C: Clock,
{
    pub(super) fn new(kv: &Kv<K, S, C>, tick: Duration, on_expire: Option<OnExpire<K>>) -> Self {
        kv.inner.feed.enter();
        trace::sweeper_begins(kv.name());
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
            #[cfg(feature = "metrics")]
            published: None,
        }
    }

    pub(super) fn run(mut self, stopped: &Receiver<Infallible>) {
        while let Some(pause) = self.round() {
            if let Err(RecvTimeoutError::Disconnected) = stopped.recv_timeout(pause) {
                return;
            }
        }
    }

    #[cfg(feature = "tokio")]
    pub(super) async fn run_by_timer(mut self) {
        while let Some(pause) = self.round() {
            // A sleep of nothing would last a millisecond.
            match pause {
                Duration::ZERO => let_others_run().await,
                _ => tokio::time::sleep(pause).await,
            }
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
            if self.asks {
                feed.ask_for_help();
                trace::sweeper_is_behind(kv.name());
            } else {
                feed.thank();
                trace::sweeper_has_caught_up(kv.name());
            }
        }
        // Who asks for help comes back to thank for it.
        let help = help.unwrap_or(Duration::MAX);
        let on_expire = self.on_expire.as_mut().map(|it| -> sweep::OnExpire<'_, K> { it });
        let sweep = || trace::in_sweep(kv.name(), || kv.sweep_reporting(BUDGET, on_expire));
        // The clock is foreign code too.
        let Some((swept, pace)) = sweep::catch(sweep) else {
            feed.figures.count_panic();
            trace::sweeper_panicked(kv.name());
            return Some(self.tick.min(help));
        };
        match swept.removed {
            0 => trace::swept_nothing(kv.name(), feed.figures.handles()),
            removed => trace::swept(kv.name(), removed, feed.figures.handles()),
        }
        #[cfg(feature = "metrics")]
        self.publish(&kv);
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

    /// Publishes the figures, once per tick.
    #[cfg(feature = "metrics")]
    fn publish(&mut self, kv: &Kv<K, S, C>) {
        if self.published.is_none_or(|last| last.elapsed() >= self.tick) {
            self.published = Some(Instant::now());
            // The recorder is foreign code too.
            if sweep::catch(|| kv.publish_metrics()).is_none() {
                kv.inner.feed.figures.count_panic();
            }
        }
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
            trace::sweeper_ends(store.table.name());
            if self.asks {
                store.feed.thank();
            }
            store.feed.leave();
        }
    }
}

/// Lets the runtime's other tasks have a turn.
#[cfg(feature = "tokio")]
async fn let_others_run() {
    let mut had = false;
    core::future::poll_fn(|context| {
        if core::mem::replace(&mut had, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
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
