//! Times to live: every corner, by a clock that moves by hand.

use epochkv::{
    Clock, Condition, ErrorKind, Expiry, Kv, ManualClock, Pattern, SystemClock, Ttl, TtlKind, Value,
};
use operations::{CONDITIONAL_WRITES, Operation, Store, UPKEEP, all, store};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

#[path = "ttl/interrupted.rs"]
mod interrupted;
#[path = "ttl/meanwhile.rs"]
mod meanwhile;
#[path = "common/operations.rs"]
mod operations;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn ns(ns: u64) -> Duration {
    Duration::from_nanos(ns)
}

/// What can be seen of a key and of the store, but for the counts of `len`.
fn state(kv: &Store, key: &str) -> String {
    format!("{:?} {} {:?} {}", kv.get(key), kv.ttl_ms(key), kv.keys("*"), kv.live_len())
}

#[test]
fn whole_seconds_and_durations_make_the_same_ttl() {
    assert_eq!(Ttl::from(0), Ttl::NEVER);
    assert_eq!(Ttl::from(Duration::ZERO), Ttl::NEVER);
    assert_eq!(Ttl::from(None), Ttl::NEVER);
    assert_eq!(Ttl::from(Some(ms(1))), Ttl::from(ms(1)));
    assert_eq!(Ttl::from(3), Ttl::from(ms(3000)));
    assert_eq!(Ttl::from_secs(3), Ok(Ttl::from(3)));
    assert_eq!(Ttl::from_secs(0), Ok(Ttl::NEVER));
    for negative in [-1, i64::MIN] {
        assert_eq!(Ttl::from_secs(negative).unwrap_err().kind(), ErrorKind::NegativeTtl);
    }
}

#[test]
fn a_fraction_of_a_millisecond_counts_as_one() {
    for (asked, lives) in [(1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2), (2_500_000, 3)] {
        let (kv, clock) = store();
        kv.set_ex("k", 1, ns(asked)).unwrap();
        assert_eq!(kv.ttl_ms("k"), lives, "{asked} ns");
        clock.advance(ms(lives as u64) - ns(1));
        assert!(kv.exists("k"), "{asked} ns");
        clock.advance(ns(1));
        assert!(!kv.exists("k"), "{asked} ns");
    }
}

#[test]
fn a_key_written_between_two_milliseconds_lives_its_whole_time() {
    for start in [1, 500_000, 999_999] {
        let (kv, clock) = store();
        clock.advance(ns(start));
        kv.set_ex("k", 1, ms(2)).unwrap();
        assert_eq!((kv.ttl_ms("k"), kv.ttl("k")), (2, 1));
        clock.advance(ms(2) - ns(1));
        assert!(kv.exists("k"), "gone too early from {start} ns");
        clock.advance(ms(1));
        assert!(!kv.exists("k"), "still there a millisecond late, from {start} ns");
    }
}

#[test]
fn seconds_and_milliseconds_left_are_rounded_up() {
    for (left_ns, secs, millis) in [
        (10_000_000_000, 10, 10_000),
        (9_999_999_999, 10, 9_999),
        (9_000_000_001, 9, 9_000),
        (9_000_000_000, 9, 9_000),
        (8_999_000_000, 9, 8_999),
        (1_000_000, 1, 1),
        (1, 1, 1),
    ] {
        let (kv, clock) = store();
        kv.set_ex("k", 1, 10).unwrap();
        clock.advance(ns(10_000_000_000 - left_ns));
        let left = kv.expiry("k");
        assert_eq!((kv.ttl("k"), left.as_secs()), (secs, secs), "{left_ns} ns left");
        // A reading within a millisecond counts as the next whole one.
        assert_eq!((kv.ttl_ms("k"), left.as_millis()), (millis, millis), "{left_ns} ns left");
        assert_eq!(left, Expiry::In(ms(millis as u64)));
    }
}

#[test]
fn the_codes_of_an_expiry() {
    assert_eq!([Expiry::Missing.as_secs(), Expiry::Missing.as_millis()], [-2, -2]);
    assert_eq!([Expiry::Never.as_secs(), Expiry::Never.as_millis()], [-1, -1]);
    assert_eq!(Expiry::In(ns(1)).as_secs(), 1);
    assert_eq!(Expiry::In(Duration::MAX).as_secs(), i64::MAX);
    assert_eq!(Expiry::In(Duration::MAX).as_millis(), i64::MAX);
}

#[test]
fn a_key_is_gone_at_its_deadline_for_every_call() {
    let (kv, clock) = store();
    kv.set_ex("k", 1, 5).unwrap();
    kv.set("l", 1).unwrap();
    clock.advance_to(ms(5000));
    assert_eq!(state(&kv, "k"), r#"None -2 ["l"] 1"#);
    assert!(kv.scan(&Pattern::new("*")).all(|item| item.key() == "l"));
}

#[test]
fn a_time_too_long_for_the_clock_is_never_reached() {
    let longest =
        [Ttl::from(u64::MAX), Ttl::from(Duration::MAX), Ttl::from(Duration::from_millis(u64::MAX))];
    for (start, ttl) in [0, 1 << 40].into_iter().flat_map(|start| longest.map(|ttl| (start, ttl))) {
        let (kv, clock) = store();
        clock.advance(ms(start));
        kv.set_ex("k", 1, ttl).unwrap();
        kv.set("l", 1).unwrap();
        assert!(kv.expire("l", Duration::MAX));
        assert!(kv.ttl("k") > 0 && kv.ttl("l") > 0);
        assert_eq!(kv.incr("k"), Ok(2));
        assert!(!kv.expire_if("k", Duration::MAX, Condition::IfLater), "nothing is later");
        clock.advance(Duration::MAX);
        assert!(kv.ttl_ms("k") > 0 && kv.ttl_ms("l") > 0);
        assert!(kv.persist("k"), "it still is a deadline");
    }
}

#[test]
fn a_fixed_end_is_kept_to_the_millisecond() {
    let (kv, clock) = store();
    clock.advance_to(ms(1000));
    kv.set_ex("k", 1, Ttl::until(ms(1500))).unwrap();
    assert_eq!(kv.ttl_ms("k"), 500);
    clock.advance(ms(100));
    // The same end again is neither later nor earlier, whenever that is said.
    use Condition::{IfEarlier, IfLater, IfNone, IfSome, IfSomeAndEarlier};
    for never in [IfLater, IfEarlier, IfSomeAndEarlier, IfNone] {
        assert!(!kv.expire_at("k", ms(1500), never), "{never:?}");
    }
    for (end, condition) in [(1501, IfLater), (1500, IfEarlier), (1499, IfSomeAndEarlier)] {
        assert!(kv.expire_at("k", ms(end), condition), "{condition:?}");
        assert_eq!(kv.ttl_ms("k"), i64::try_from(end).unwrap() - 1100);
    }
    assert!(kv.expire_at("k", Duration::from_nanos(1_199_000_001), IfSome));
    assert_eq!(kv.ttl_ms("k"), 100, "a fraction of a millisecond counts as one");
    clock.advance_to(ms(1199));
    assert!(kv.exists("k"));
    clock.advance_to(ms(1200));
    assert!(!kv.exists("k"));

    kv.set("k", 1).unwrap();
    assert!(!kv.expire_at("k", ms(2000), IfSomeAndEarlier), "there is none to be earlier than");
    assert!(kv.expire_at("k", Duration::MAX, Condition::Always));
    assert!(kv.ttl("k") > 0);
    assert!(!kv.expire_at("other", ms(2000), Condition::Always));
}

#[test]
fn a_fixed_end_that_has_passed_is_the_end() {
    let (kv, clock) = store();
    // At the clock's origin only zero has passed.
    kv.set("k", 1).unwrap();
    assert!(kv.expire_at("k", Duration::ZERO, Condition::Always) && !kv.exists("k"));
    clock.advance_to(ms(1000));
    for end in [Duration::ZERO, ms(999), ms(1000)] {
        kv.set_ex("k", 1, Ttl::until(end)).unwrap();
        assert_eq!(state(&kv, "k"), "None -2 [] 0", "{end:?}");
        kv.set("k", 1).unwrap();
        assert!(kv.expire_at("k", end, Condition::Always));
        assert_eq!(state(&kv, "k"), "None -2 [] 0", "{end:?}");
        kv.set("k", 1).unwrap();
        assert!(!kv.expire_at("k", end, Condition::IfSome), "a condition is asked first");
        assert!(kv.delete("k"));
    }
}

#[test]
fn ten_years_of_simulated_time() {
    const TEN_YEARS_MS: u64 = 10 * 365 * 86_400 * 1000;
    for start in [1 << 30, 1 << 32, 1 << 36, TEN_YEARS_MS, 1 << 42] {
        let (kv, clock) = store();
        kv.set_ex("across", 1, ms(start + 5)).unwrap();
        clock.advance_to(ms(start - 5));
        kv.set_ex("k", 1, ms(10)).unwrap();
        assert_eq!((kv.ttl_ms("k"), kv.ttl_ms("across")), (10, 10), "at {start}");
        clock.advance(ms(9));
        assert_eq!(kv.keys("*"), ["across", "k"], "at {start}");
        clock.advance(ms(1));
        assert_eq!(kv.live_len(), 0, "at {start}");
    }
    let (kv, clock) = store();
    let day = Duration::from_secs(86_400);
    for n in 0..3650 {
        let (today, yesterday) = (format!("{n}"), format!("{}", n - 1));
        kv.set_ex(&today, n, 2 * 86_400).unwrap();
        assert!(n == 0 || kv.ttl(&yesterday) == 86_400);
        clock.advance(day);
    }
    assert_eq!(kv.keys("*"), ["3649"]);
}

#[test]
fn the_manual_clock_never_goes_back_and_stops_at_the_end_of_time() {
    let (kv, clock) = store();
    clock.advance(ms(10));
    kv.set_ex("k", 1, ms(1)).unwrap();
    clock.advance_to(ms(5));
    clock.advance(ms(1));
    assert!(!kv.exists("k"));
    clock.advance(Duration::MAX);
    clock.advance(Duration::MAX);
    kv.set_ex("k", 1, ms(1)).unwrap();
    assert_eq!(kv.ttl_ms("k"), 1, "time stands still");
}

#[test]
fn expire_sets_a_deadline_and_zero_removes_the_key() {
    let (kv, clock) = store();
    assert!(!kv.expire("k", ms(5)) && !kv.expire("k", Duration::ZERO));
    for value in
        [Value::from(1), i64::MAX.into(), "x".into(), vec![1].into(), "x".repeat(9000).into()]
    {
        kv.set("k", &value).unwrap();
        assert!(kv.expire("k", ms(5)));
        assert_eq!((kv.ttl_ms("k"), kv.get("k").unwrap()), (5, value.clone().into()));
        assert!(kv.expire("k", ms(50)) && kv.expire("k", ms(3)), "later and earlier");
        clock.advance(ms(3));
        assert!(!kv.exists("k"));
        kv.set("k", &value).unwrap();
        assert!(kv.expire("k", Duration::ZERO));
        assert!(!kv.exists("k") && kv.is_empty());
    }
}

#[test]
fn conditions_of_expire() {
    use Condition::{Always, IfEarlier, IfLater, IfNone, IfSome, IfSomeAndEarlier};
    // The old time to live (0: none), the new one, and what allows the change.
    let table: [(u64, u64, &[Condition]); 7] = [
        (0, 10, &[Always, IfNone, IfEarlier]),
        (10, 20, &[Always, IfSome, IfLater]),
        (10, 5, &[Always, IfSome, IfEarlier, IfSomeAndEarlier]),
        (10, 10, &[Always, IfSome]),
        (0, u64::MAX, &[Always, IfNone, IfEarlier]),
        (0, 0, &[Always, IfNone, IfEarlier]),
        (10, 0, &[Always, IfSome, IfEarlier, IfSomeAndEarlier]),
    ];
    for (old, new, allowed) in table {
        for condition in [Always, IfNone, IfSome, IfLater, IfEarlier, IfSomeAndEarlier] {
            let (kv, clock) = store();
            clock.advance(ms(77));
            assert!(!kv.expire_if("k", ms(new), condition), "an absent key");
            kv.set_ex("k", 1, ms(old)).unwrap();
            let before = kv.ttl_ms("k");
            let done = kv.expire_if("k", ms(new), condition);
            assert_eq!(done, allowed.contains(&condition), "{old} to {new}, {condition:?}");
            let after = match (done, new) {
                (false, _) => before,
                (true, 0) => -2,
                // The end of time, 2^63 - 1 ms, stays where it is.
                (true, new) => i64::try_from(new).unwrap_or(i64::MAX).min(i64::MAX - 77),
            };
            assert_eq!(kv.ttl_ms("k"), after, "{old} to {new}, {condition:?}");
        }
    }
}

#[test]
fn get_and_expire_renews_and_zero_removes() {
    let (kv, clock) = store();
    assert!(kv.get_and_expire("k", ms(5)).is_none());
    kv.set_ex("k", "v", ms(5)).unwrap();
    for _ in 0..10 {
        clock.advance(ms(4));
        assert_eq!(kv.get_and_expire("k", ms(5)).unwrap(), "v");
    }
    assert_eq!(kv.get_and_expire("k", Duration::ZERO).unwrap(), "v");
    assert!(!kv.exists("k"));
}

#[test]
fn persist_removes_the_deadline_once() {
    let (kv, clock) = store();
    assert!(!kv.persist("k"));
    kv.set("k", 1).unwrap();
    assert!(!kv.persist("k"));
    kv.set_ex("k", 1, 5).unwrap();
    assert!(kv.persist("k") && !kv.persist("k"));
    clock.advance(Duration::from_secs(100));
    assert_eq!((kv.get("k").unwrap(), kv.ttl("k")), (Value::from(1).into(), -1));
}

#[test]
fn incr_keeps_the_deadline_in_every_representation() {
    let (kv, clock) = store();
    for value in [0, (1 << 62) - 1, -(1 << 62), i64::MAX - 1] {
        kv.set_ex("k", value, 10).unwrap();
        clock.advance(ms(1500));
        assert_eq!((kv.incr("k"), kv.ttl_ms("k")), (Ok(value + 1), 8500));
        assert_eq!((kv.incr_by("k", -1), kv.ttl_ms("k")), (Ok(value), 8500));
        kv.incr_float("k", 0.5).unwrap();
        assert_eq!(kv.ttl_ms("k"), 8500);
    }
}

#[test]
fn update_keeps_the_deadline_or_counts_a_new_one_from_the_change() {
    use epochkv::Change;
    let (kv, clock) = store();
    kv.set_ex("k", 1, 10).unwrap();
    clock.advance(ms(4000));
    kv.update("k", |_| Change::Set("x".into())).unwrap();
    assert_eq!(kv.ttl("k"), 6);
    let slow = |_: Option<&_>| {
        clock.advance(ms(1000));
        Change::SetEx("y".into(), 10.into())
    };
    kv.update("k", slow).unwrap();
    assert_eq!(kv.ttl("k"), 10, "the closure's own time does not count");
    kv.update("k", |_| Change::SetEx("z".into(), Ttl::NEVER)).unwrap();
    assert_eq!(kv.ttl("k"), -1);
}

#[test]
fn a_key_that_expires_while_the_update_closure_runs_is_shown_as_absent() {
    use epochkv::Change;
    let (kv, clock) = store();
    kv.set_ex("k", 1, 5).unwrap();
    let mut seen = Vec::new();
    let result = kv.update("k", |old| {
        seen.push(old.map(|old| old.to_value()));
        clock.advance(Duration::from_secs(5));
        Change::Set("new".into())
    });
    assert_eq!((result.unwrap().unwrap(), kv.ttl("k")), (Value::from("new").into(), -1));
    assert_eq!(seen, [Some(Value::from(1)), None]);
}

/// An expired key against an absent one: same answer, same state afterwards.
fn behaves_as_on_an_absent_key((name, operation): Operation, value: &Value) {
    for key in ["k", ""] {
        let (expired, clock) = store();
        let (absent, other_clock) = store();
        for kv in [&expired, &absent] {
            kv.set("~other", 1).unwrap();
            kv.set_ex("~mortal", 1, 100).unwrap();
        }
        expired.set_ex(key, value, 3).unwrap();
        for clock in [&clock, &other_clock] {
            clock.advance(Duration::from_secs(3));
        }
        let answers = [operation(&expired, key), operation(&absent, key)];
        assert_eq!(answers[0], answers[1], "answer of {name} over expired {value:?}");
        assert_eq!(state(&expired, key), state(&absent, key), "after {name} over {value:?}");
        for kv in [&expired, &absent] {
            assert!(name == "clear" || key.is_empty() || kv.ttl("~mortal") == 97);
        }
    }
}

#[test]
fn every_operation_on_an_expired_key_behaves_as_on_an_absent_one() {
    // What counts entries may count expired ones; the rest of it must do nothing.
    let counting: Vec<_> = UPKEEP.iter().map(|(name, _)| *name).collect();
    let values = [5.into(), i64::MAX.into(), "x".into(), 5.0.into(), Value::list([1]), Value::Null];
    for operation in all().filter(|(name, _)| !counting.contains(name)) {
        for value in &values {
            behaves_as_on_an_absent_key(operation, value);
        }
    }
}

#[test]
fn an_operation_that_decides_by_what_is_there_removes_and_counts_what_has_expired() {
    for (name, operation) in CONDITIONAL_WRITES {
        let (kv, clock) = store();
        kv.set_ex("k", 5, 3).unwrap();
        clock.advance(Duration::from_secs(3));
        operation(&kv, "k");
        let stats = kv.stats();
        assert_eq!((stats.expired, stats.entries), (1, kv.live_len()), "{name}");
    }
}

#[test]
fn upkeep_neither_revives_an_expired_key_nor_touches_a_live_one() {
    for (name, operation) in UPKEEP {
        let (kv, clock) = store();
        kv.set_ex("dead", 1, 3).unwrap();
        kv.set_ex("alive", 1, 9).unwrap();
        clock.advance(Duration::from_secs(3));
        operation(&kv, "dead");
        assert_eq!(state(&kv, "alive"), r#"Some(Int(1)) 6000 ["alive"] 1"#, "{name}");
    }
}

#[test]
fn the_table_of_operations_names_every_public_operation() {
    let named: BTreeSet<_> = all().map(|(name, _)| name.to_owned()).collect();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kv");
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        // Behind features, with tests of their own.
        let optional = ["dump", "load", "metrics", "typed"];
        if path.file_stem().is_some_and(|stem| optional.iter().any(|it| stem == *it)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        // Only methods of the store itself: those of its other types take `self`
        // by value or stand before the store's `impl`.
        let methods = text.split_once("> Kv<K, S, C> {").map_or("", |(_, methods)| methods);
        let methods = methods.split("#[cfg(epochkv_loom)]").next().unwrap_or("");
        for line in methods.lines().filter_map(|line| line.strip_prefix("    pub fn ")) {
            found.insert(line.split(['(', '<']).next().unwrap_or("").to_owned());
        }
    }
    assert!(found.contains("get") && found.contains("scan_page"), "{found:?}");
    let missing: Vec<_> = found.difference(&named).collect();
    assert!(missing.is_empty(), "add to tests/common/operations.rs: {missing:?}");
}

#[test]
fn a_clock_that_is_shared_is_asked_for_all_it_knows() {
    struct Noted(ManualClock, AtomicUsize);
    impl Clock for Noted {
        fn now_ns(&self) -> u64 {
            self.0.now_ns()
        }

        fn refresh(&self) {
            self.1.fetch_add(1, Ordering::Relaxed);
        }

        fn unix_time(&self) -> Duration {
            self.0.unix_time() + ms(1)
        }
    }
    let (manual, clock) = (ManualClock::new(), Arc::new(Noted(ManualClock::new(), 0.into())));
    clock.0.advance(ms(60));
    assert!(format!("{:?}", clock.0).contains("60ms"));
    let shared: [Arc<dyn Clock>; 2] = [clock.clone(), Arc::new(manual)];
    assert_eq!(shared.each_ref().map(|it| it.now_ns()), [60_000_000, 0]);
    assert_eq!(shared.each_ref().map(|it| it.unix_time()), [ms(61), ms(0)]);
    shared[0].refresh();
    assert_eq!(clock.1.load(Ordering::Relaxed), 1);
}

#[test]
fn the_default_calendar_is_that_of_the_system() {
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let before = now();
    let told = SystemClock::new().unix_time();
    assert!((before..=now()).contains(&told), "{told:?}");
}

#[test]
fn the_three_kinds_of_a_time_to_live_are_told_apart() {
    assert_eq!(Ttl::NEVER.kind(), TtlKind::Never);
    assert_eq!(Ttl::from(ms(3)).kind(), TtlKind::After(ms(3)));
    assert_eq!(Ttl::until(ms(3)).kind(), TtlKind::Until(ms(3)));
}

#[test]
fn the_default_clock_expires_too() {
    let kv = Kv::new();
    kv.set_ex("k", 1, ms(30)).unwrap();
    let start = std::time::Instant::now();
    while kv.exists("k") {
        assert!(start.elapsed() < Duration::from_secs(10), "never expires");
        std::thread::yield_now();
    }
    assert!(start.elapsed() >= ms(29), "gone after {:?}", start.elapsed());
}
