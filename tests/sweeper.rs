//! The sweeper's thread: it sweeps, it ends when it should, and it survives what
//! foreign code does to it.

use epochkv::{CachedClock, Clock, Kv, ManualClock, Sweeper};
use seed::{Rng, seed_of_run};
use std::hash::RandomState;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use watchdog::watched;

#[path = "common/seed.rs"]
mod seed;
#[path = "common/watchdog.rs"]
mod watchdog;

type Store = Kv<str, RandomState, ManualClock>;

fn store() -> (Store, ManualClock) {
    let clock = ManualClock::new();
    (Kv::builder().hasher(RandomState::new()).clock(clock.clone()).build(), clock)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const HOUR: Duration = Duration::from_secs(3600);

/// Waits until something is so; the watchdog ends it if it never is.
fn until(so: impl Fn() -> bool) {
    while !so() {
        thread::sleep(ms(1));
    }
}

/// Panics of sweepers' threads that no test made: those use `resume_unwind`. A thread
/// that panics ends too, and nobody would notice.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().name() == Some("epochkv-sweeper") {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            before(info);
        }));
    });
}

/// A callback that says when it has been dropped, which is when its thread ends.
fn witness() -> (Arc<()>, impl FnMut(&str, &epochkv::Snapshot) + Send + 'static) {
    count_panics();
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    (alive, move |_: &str, _: &epochkv::Snapshot| _ = &held)
}

fn has_ended(alive: &Arc<()>) -> bool {
    let ended = Arc::strong_count(alive) == 1;
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "a sweeper has panicked");
    ended
}

#[test]
fn memory_of_expired_keys_comes_back_without_traffic() {
    watched("a sweeper", || {
        let kv = Kv::new();
        for n in 0..1_000 {
            kv.set_ex(&format!("before:{n}"), n, ms(20)).unwrap();
        }
        let _sweeper = kv.start_sweeper(ms(1)).unwrap();
        for n in 0..1_000 {
            kv.set_ex(&format!("after:{n}"), n, ms(20)).unwrap();
        }
        kv.set_ex("stays", 1, 3600).unwrap();
        until(|| kv.len() == 1);
        assert_eq!(kv.stats().swept, 2_000);
    });
}

#[test]
fn it_ends_with_its_handle_at_once() {
    watched("dropping a sweeper", || {
        let (kv, _) = store();
        let (alive, callback) = witness();
        let sweeper = kv.start_sweeper_with(HOUR, callback).unwrap();
        drop(sweeper);
        assert!(has_ended(&alive), "dropping waits for the thread");
    });
}

#[test]
fn it_ends_with_the_store() {
    watched("dropping a store", || {
        let (kv, _) = store();
        let (alive, callback) = witness();
        let sweeper = kv.start_sweeper_with(ms(5), callback).unwrap();
        let other = kv.clone();
        drop(kv);
        thread::sleep(ms(30));
        assert!(!has_ended(&alive), "there is a handle");
        drop(other);
        until(|| has_ended(&alive));
        drop(sweeper);
    });
}

#[test]
fn a_detached_one_ends_with_the_store() {
    watched("a detached sweeper", || {
        let (kv, clock) = store();
        let (alive, callback) = witness();
        kv.start_sweeper_with(ms(1), callback).unwrap().detach();
        kv.set_ex("k", 1, 1).unwrap();
        clock.advance(HOUR);
        until(|| kv.is_empty());
        assert!(!has_ended(&alive));
        drop(kv);
        until(|| has_ended(&alive));
    });
}

/// tokio #2789: shut down with timers in the wheel; and snapshots outlive all.
#[test]
fn the_store_goes_while_it_is_sweeping() {
    watched("dropping a busy store", || {
        for round in 0..30 {
            let (kv, clock) = store();
            let (alive, callback) = witness();
            let _sweeper = kv.start_sweeper_with(ms(1), callback).unwrap();
            for n in 0..3_000 {
                kv.set_ex(&n.to_string(), "a text that is read later", 1 + n % 3).unwrap();
            }
            let kept: Vec<_> = (0..100).map(|n| kv.get(&(n * 30).to_string()).unwrap()).collect();
            clock.advance(Duration::from_secs(2));
            thread::sleep(ms(round % 3));
            drop(kv);
            until(|| has_ended(&alive));
            assert!(kept.iter().all(|kept| *kept == "a text that is read later"));
        }
    });
}

#[test]
fn it_may_be_dropped_by_its_own_callback() {
    watched("dropping a sweeper in its callback", || {
        let (kv, clock) = store();
        let place: Arc<Mutex<Option<Sweeper>>> = Arc::default();
        let (alive, mut callback) = witness();
        let own = Arc::clone(&place);
        let sweeper = kv.start_sweeper_with(ms(1), move |key, value| {
            callback(key, value);
            drop(own.lock().unwrap().take());
        });
        *place.lock().unwrap() = Some(sweeper.unwrap());
        kv.set_ex("k", 1, 1).unwrap();
        clock.advance(HOUR);
        until(|| has_ended(&alive));
        assert!(place.lock().unwrap().is_none());
        // It ended without harm: another one goes on.
        let _sweeper = kv.start_sweeper(ms(1)).unwrap();
        kv.set_ex("k", 1, 1).unwrap();
        clock.advance(HOUR);
        until(|| kv.is_empty());
    });
}

#[test]
fn its_callback_may_drop_the_last_handle_to_the_store() {
    watched("dropping the store in the callback", || {
        let (kv, clock) = store();
        let place = Arc::new(Mutex::new(Some(kv.clone())));
        let (alive, mut callback) = witness();
        let own = Arc::clone(&place);
        let _sweeper = kv.start_sweeper_with(ms(1), move |key, value| {
            callback(key, value);
            drop(own.lock().unwrap().take());
        });
        (0..100).for_each(|n| kv.set_ex(&n.to_string(), 1, 1).unwrap());
        drop(kv);
        clock.advance(HOUR);
        until(|| has_ended(&alive));
    });
}

#[test]
fn its_callback_may_call_the_store_and_panic() {
    watched("a callback that calls and panics", || {
        let (kv, clock) = store();
        let own = kv.clone();
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        let sweeper = kv.start_sweeper_with(ms(1), move |key, _| {
            // What it does ends before it counts: then the next key is set.
            let call = count.load(Ordering::Relaxed);
            assert!(!own.exists(key));
            own.set(&format!("gone:{key}"), 1).unwrap();
            own.flush();
            match call % 4 {
                0 => own.clear(),
                1 => assert_eq!(own.sweep(10).removed, 0),
                2 => drop(own.start_sweeper(HOUR).unwrap()),
                _ => {
                    count.fetch_add(1, Ordering::Release);
                    panic::resume_unwind(Box::new("of the callback"));
                }
            }
            count.fetch_add(1, Ordering::Release);
        });
        for round in 0..20 {
            kv.set_ex(&round.to_string(), 1, 1).unwrap();
            clock.advance(Duration::from_secs(1));
            until(|| calls.load(Ordering::Acquire) > round);
        }
        until(|| kv.stats().callback_panics == 5);
        drop(sweeper);
    });
}

/// A clock whose reading fails now and then.
#[derive(Clone, Default)]
struct Broken {
    time: ManualClock,
    fails: Arc<AtomicBool>,
}

impl Clock for Broken {
    fn now_ns(&self) -> u64 {
        if self.fails.load(Ordering::SeqCst) {
            panic::resume_unwind(Box::new("of the clock"));
        }
        self.time.now_ns()
    }
}

#[test]
fn it_survives_a_clock_that_panics() {
    watched("a clock that panics", || {
        let clock = Broken::default();
        let kv: Kv<str, _, _> =
            Kv::builder().hasher(RandomState::new()).clock(clock.clone()).build();
        let _sweeper = kv.start_sweeper(ms(1)).unwrap();
        kv.set_ex("k", 1, 1).unwrap();
        clock.time.advance(HOUR);
        clock.fails.store(true, Ordering::SeqCst);
        let panics = kv.stats().callback_panics;
        until(|| kv.stats().callback_panics > panics);
        clock.fails.store(false, Ordering::SeqCst);
        until(|| kv.is_empty());
    });
}

#[test]
fn several_take_turns() {
    watched("several sweepers", || {
        let (kv, clock) = store();
        let told = Arc::new(AtomicUsize::new(0));
        let mut sweepers: Vec<_> = (0..3)
            .map(|_| {
                let told = Arc::clone(&told);
                let count = move |_: &str, _: &epochkv::Snapshot| {
                    told.fetch_add(1, Ordering::Relaxed);
                };
                kv.start_sweeper_with(ms(1), count).unwrap()
            })
            .collect();
        let mut expected = 0;
        while !sweepers.is_empty() {
            (0..500).for_each(|n| kv.set_ex(&n.to_string(), n, 1).unwrap());
            // Or more: what the first walk meets beside its writer is filed twice.
            until(|| kv.stats().handles >= 500);
            // The end of one takes nothing from the others.
            if sweepers.len() > 1 {
                sweepers.pop();
            }
            clock.advance(HOUR);
            expected += 500;
            until(|| kv.is_empty());
            until(|| told.load(Ordering::Relaxed) == expected);
            if expected == 2_000 {
                sweepers.clear();
            }
        }
        assert_eq!(kv.stats().swept, expected as u64);
    });
}

#[test]
fn it_lets_a_cached_clock_tick() {
    watched("a cached clock", || {
        let kv: Kv<str, _, _> =
            Kv::builder().hasher(RandomState::new()).clock(CachedClock::new()).build();
        kv.set_ex("k", 1, ms(5)).unwrap();
        thread::sleep(ms(20));
        assert!(kv.exists("k"), "nobody lets it tick");
        let _sweeper = kv.start_sweeper(ms(1)).unwrap();
        until(|| !kv.exists("k"));
    });
}

#[test]
fn a_tick_of_nothing_and_one_of_for_ever() {
    watched("extreme ticks", || {
        let (kv, clock) = store();
        let fast = kv.start_sweeper(Duration::ZERO).unwrap();
        kv.set_ex("k", 1, 1).unwrap();
        clock.advance(HOUR);
        until(|| kv.is_empty());
        drop(fast);
        kv.set_ex("k", 1, 1).unwrap();
        clock.advance(HOUR);
        let (alive, callback) = witness();
        let slow = kv.start_sweeper_with(Duration::MAX, callback).unwrap();
        until(|| kv.is_empty());
        thread::sleep(ms(20));
        assert!(!has_ended(&alive), "it waits for ever");
        drop(slow);
        assert!(has_ended(&alive));
    });
}

/// The sweeper's own use of the processor, in hundredths of a second.
#[cfg(target_os = "linux")]
fn sweeper_time() -> Option<u64> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let mut stats =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok());
    let stat = stats.find(|stat| stat.contains("(epochkv-sweeper"))?;
    let fields: Vec<_> = stat.rsplit(')').next()?.split_whitespace().collect();
    Some(fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?)
}

/// Redis f20774ece: a cycle that burns its time although nothing is due.
#[cfg(target_os = "linux")]
#[test]
fn an_idle_one_uses_next_to_no_time() {
    // Alone in its process, so that the only such thread is its own.
    if std::env::var_os("EPOCHKV_ALONE").is_none() {
        let program = std::env::current_exe().unwrap();
        let result = std::process::Command::new(program)
            .args(["--exact", "an_idle_one_uses_next_to_no_time"])
            .env("EPOCHKV_ALONE", "1")
            .output()
            .unwrap();
        return assert!(result.status.success(), "{}", String::from_utf8_lossy(&result.stdout));
    }
    watched("an idle sweeper", || {
        let kv = Kv::new();
        let _sweeper = kv.start_sweeper(ms(10)).unwrap();
        (0..10_000).for_each(|n| kv.set_ex(&n.to_string(), n, 3600).unwrap());
        thread::sleep(ms(200));
        let before = sweeper_time().expect("a thread of that name");
        thread::sleep(ms(1_500));
        let used = sweeper_time().expect("a thread of that name") - before;
        assert!(used <= 5, "{used} hundredths of a second in 1.5 seconds");
    });
}

/// A process that ends while a sweeper is at work ends.
#[test]
fn a_process_ends_while_it_sweeps() {
    const NAME: &str = "a_process_ends_while_it_sweeps";
    if std::env::var_os("EPOCHKV_EXIT").is_none() {
        let run = || {
            let program = std::env::current_exe().unwrap();
            let mut command = std::process::Command::new(program);
            command.args(["--exact", NAME]).env("EPOCHKV_EXIT", "1").output().unwrap()
        };
        let result = watched(NAME, run);
        return assert_eq!(result.status.code(), Some(7), "{result:?}");
    }
    let (kv, clock) = store();
    kv.start_sweeper(ms(1)).unwrap().detach();
    (0..100_000).for_each(|n| kv.set_ex(&n.to_string(), "text", 1).unwrap());
    clock.advance(HOUR);
    until(|| kv.stats().expired > 0);
    std::process::exit(7);
}

/// All operations with deadlines from several threads while time runs and a
/// sweeper works: what a thread renews is there, and in the end nothing is left
/// behind.
#[test]
fn renewed_keys_stay_and_expired_ones_go_under_fire() {
    let seed = seed_of_run("renewed_keys_stay_and_expired_ones_go_under_fire");
    watched("a sweeper under fire", move || {
        let (kv, clock) = store();
        let sweeper = kv.start_sweeper(ms(1)).unwrap();
        let end = Instant::now() + ms(2_000);
        let (stop, stopped) = mpsc::channel::<()>();
        thread::scope(|scope| {
            for thread in 0..3u64 {
                let (kv, mut rng) = (kv.clone(), Rng::new(seed ^ thread));
                let stop = stop.clone();
                scope.spawn(move || {
                    // In seconds of a clock that runs by a second a millisecond.
                    let lives = |rng: &mut Rng| Duration::from_secs(rng.next() % 20 + 1);
                    let own = format!("own:{thread}");
                    // Its handle comes while it lives, here and below.
                    kv.set_ex(&own, 0, 800).unwrap();
                    assert!(kv.expire(&own, Duration::from_secs(1_000_000)));
                    let mut count = 0;
                    while Instant::now() < end {
                        let key = format!("key:{}", rng.next() % 50);
                        match rng.next() % 12 {
                            0..4 => kv.set_ex(&key, 1, lives(&mut rng)).unwrap(),
                            4 => _ = kv.expire(&key, lives(&mut rng)),
                            5 => _ = kv.persist(&key),
                            6 => _ = kv.delete(&key),
                            // Not an integer after `incr_float`.
                            7 => _ = kv.incr(&key),
                            8 => _ = kv.incr_float(&key, 0.5),
                            9 => _ = kv.get(&key),
                            10 => {
                                // Nearer deadlines, renewed in time.
                                let left = 100_000 + rng.next() % 1000;
                                assert!(kv.expire(&own, Duration::from_secs(800)));
                                assert!(kv.expire(&own, Duration::from_secs(left)));
                            }
                            _ => {
                                count += 1;
                                assert_eq!(kv.incr(&own), Ok(count), "{own} was lost");
                            }
                        }
                    }
                    assert!(kv.delete(&own));
                    drop(stop);
                });
            }
            drop(stop);
            // Until all are done.
            while let Err(mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(ms(1)) {
                clock.advance(Duration::from_secs(1));
                fill_now_and_then(&kv, &clock);
            }
        });
        // All notes come due. No walk before the count: it would remove what
        // the sweeper had forgotten.
        clock.advance(1000 * HOUR);
        until(|| kv.stats().handles == 0);
        thread::sleep(ms(50));
        assert_eq!(kv.stats().handles, 0);
        let (len, live) = (kv.len(), kv.live_len());
        assert_eq!(len, live);
        drop(sweeper);
    });
}

/// Lets the table grow now and then; the sweep lets it shrink again.
fn fill_now_and_then(kv: &Store, clock: &ManualClock) {
    if clock.now_ns() / 1_000_000_000 % 50 == 0 {
        (0..2_000).for_each(|n| kv.set_ex(&format!("filler:{n}"), n, 10).unwrap());
    }
}
