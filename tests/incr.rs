//! Counters: extremes, the two representations of an integer, bounds, times to live, floats.

use epochkv::{Error, ErrorKind, IncrOptions, Incremented, Kv, ManualClock, Ttl, Value};
use std::hash::RandomState;
use std::time::Duration;

type Store = Kv<str, RandomState, ManualClock>;

/// A call with its name.
type Named = (&'static str, fn(&Store));

/// The greatest and the least integer that a counter holds in place.
const IN_PLACE_MAX: i64 = (1 << 62) - 1;
const IN_PLACE_MIN: i64 = -(1 << 62);

fn store() -> (Store, ManualClock) {
    let clock = ManualClock::new();
    (Kv::builder().hasher(RandomState::new()).clock(clock.clone()).build(), clock)
}

fn int(kv: &Store) -> Option<i64> {
    kv.get("k").and_then(|value| value.as_int())
}

fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn sums_of_extremes_agree_with_checked_addition() {
    let extremes = [
        i64::MIN,
        i64::MIN + 1,
        IN_PLACE_MIN - 1,
        IN_PLACE_MIN,
        IN_PLACE_MIN + 1,
        -1,
        0,
        1,
        IN_PLACE_MAX - 1,
        IN_PLACE_MAX,
        IN_PLACE_MAX + 1,
        i64::MAX - 1,
        i64::MAX,
    ];
    let (kv, _) = store();
    for (start, amount) in extremes.into_iter().flat_map(|a| extremes.map(|b| (a, b))) {
        for ttl in [0, 10] {
            kv.set_ex("k", start, ttl).unwrap();
            let expected = start.checked_add(amount).ok_or(ErrorKind::Overflow);
            let got = kv.incr_by("k", amount).map_err(|error| error.kind());
            assert_eq!(got, expected, "{start} + {amount}");
            assert_eq!(int(&kv), Some(expected.unwrap_or(start)), "{start} + {amount}");
            assert_eq!(kv.ttl("k"), if ttl == 0 { -1 } else { 10 });
        }
    }
}

#[test]
fn a_counter_walks_over_the_63_bit_boundary_and_back() {
    for (edge, away) in [(IN_PLACE_MAX, 1), (IN_PLACE_MIN, -1)] {
        let (kv, _) = store();
        kv.set_ex("k", edge - 2 * away, 10).unwrap();
        let steps = [away; 5].into_iter().chain([-away; 8]).chain([away; 3]);
        let mut expected = edge - 2 * away;
        for step in steps {
            expected += step;
            assert_eq!(kv.incr_by("k", step), Ok(expected));
            assert_eq!((int(&kv), kv.ttl("k")), (Some(expected), 10));
        }
    }
}

#[test]
fn overwriting_in_place_keeps_all_64_bits() {
    let (kv, _) = store();
    for value in [0, i64::MAX, 1, i64::MIN, IN_PLACE_MAX + 1, IN_PLACE_MAX, IN_PLACE_MIN - 1, -1] {
        kv.set("k", value).unwrap();
        assert_eq!(int(&kv), Some(value));
    }
}

#[test]
fn wrong_kinds_are_refused_by_every_counting_call() {
    let (kv, _) = store();
    let not_numbers = [
        Value::Null,
        true.into(),
        "5".into(),
        "5.0".into(),
        Value::bytes(*b"5"),
        Value::list([5]),
        Value::dict([("5", 5)]),
        "5".repeat(5000).into(),
    ];
    for value in not_numbers.iter().chain([&Value::from(5.0)]) {
        kv.set_ex("k", value, 10).unwrap();
        for options in [
            IncrOptions::by(0),
            IncrOptions::by(1).ttl_refresh(99),
            IncrOptions::by(1).ttl_if_none(99).max(0).saturate(true),
        ] {
            assert_eq!(kind(kv.incr_with("k", &options)), Some(ErrorKind::NotAnInteger));
        }
        assert_eq!(kind(kv.incr("k")), Some(ErrorKind::NotAnInteger));
        assert_eq!(kind(kv.incr_by("k", 0)), Some(ErrorKind::NotAnInteger));
        if value.as_float().is_none() {
            assert_eq!(kind(kv.incr_float("k", 1.0)), Some(ErrorKind::NotANumber));
        }
        assert_eq!((kv.get("k").unwrap(), kv.ttl("k")), (value.clone().into(), 10));
    }
}

#[test]
fn by_zero_creates_a_zero_and_otherwise_changes_nothing() {
    let (kv, _) = store();
    assert_eq!(kv.incr_by("k", 0), Ok(0));
    assert_eq!((int(&kv), kv.ttl("k")), (Some(0), -1));
    for value in [5, i64::MAX, i64::MIN] {
        kv.set_ex("k", value, 10).unwrap();
        assert_eq!(kv.incr_by("k", 0), Ok(value));
        assert_eq!((int(&kv), kv.ttl("k")), (Some(value), 10));
    }
}

#[test]
fn options_tell_what_they_were_given() {
    for (amount, saturate) in [(-5, true), (7, false)] {
        let options = IncrOptions::by(amount).saturate(saturate);
        assert_eq!((options.amount(), options.saturates()), (amount, saturate));
    }
}

#[test]
fn bounds_of_incr_with() {
    let free = IncrOptions::by;
    // What is there (None: nothing), the call, and what it answers.
    let table = [
        (None, free(3), 3, 3),
        (None, free(3).max(2), 0, 0),
        (None, free(3).max(2).saturate(true), 2, 2),
        (None, free(1).min(10).saturate(true), 10, 10),
        (None, free(0), 0, 0),
        (Some(5), free(3).max(8), 8, 3),
        (Some(5), free(4).max(8), 5, 0),
        (Some(5), free(4).max(8).saturate(true), 8, 3),
        (Some(8), free(4).max(8).saturate(true), 8, 0),
        (Some(5), free(-5).min(0), 0, -5),
        (Some(5), free(-6).min(0), 5, 0),
        (Some(5), free(-6).min(0).saturate(true), 0, -5),
        // A value that is out of bounds already.
        (Some(50), free(-1).max(10), 50, 0),
        (Some(50), free(-1).max(10).saturate(true), 10, -40),
        (Some(50), free(-45).max(10), 5, -45),
        // The bounds of an i64 are bounds too.
        (Some(i64::MAX), free(1), i64::MAX, 0),
        (Some(i64::MAX), free(1).saturate(true), i64::MAX, 0),
        (Some(i64::MAX - 1), free(9).saturate(true), i64::MAX, 1),
        (Some(i64::MIN), free(-1), i64::MIN, 0),
        (Some(i64::MIN + 3), free(i64::MIN).saturate(true), i64::MIN, -3),
        (Some(-1), free(i64::MIN), -1, 0),
        (Some(IN_PLACE_MAX), free(7).max(IN_PLACE_MAX + 2).saturate(true), IN_PLACE_MAX + 2, 2),
        (Some(i64::MIN), free(0).min(i64::MAX).saturate(true), i64::MAX, i64::MAX),
    ];
    for (start, options, value, applied) in table {
        let (kv, _) = store();
        if let Some(start) = start {
            kv.set_ex("k", start, 10).unwrap();
        }
        let answer = kv.incr_with("k", &options);
        assert_eq!(answer, Ok(Incremented { value, applied }), "{start:?} with {options:?}");
        let created = start.is_some() || applied != 0 || options == free(0);
        assert_eq!(int(&kv), created.then_some(value), "{start:?} with {options:?}");
        let ttl = if start.is_some() { 10 } else { -1 };
        assert_eq!(kv.ttl("k"), if created { ttl } else { -2 });
    }
}

#[test]
fn reversed_bounds_are_an_error_whatever_is_there() {
    let (kv, _) = store();
    for value in [None, Some(Value::from(5)), Some("text".into())] {
        kv.clear();
        if let Some(value) = &value {
            kv.set_ex("k", value, 10).unwrap();
        }
        for options in [IncrOptions::by(1).min(2).max(1), IncrOptions::by(0).max(i64::MIN).min(0)] {
            assert_eq!(kind(kv.incr_with("k", &options)), Some(ErrorKind::BadBounds));
            assert_eq!(
                kind(kv.incr_with("k", &options.saturate(true))),
                Some(ErrorKind::BadBounds)
            );
        }
        assert_eq!(kv.get("k"), value.map(Into::into));
    }
    assert_eq!(kv.incr_with("n", &IncrOptions::by(7).min(7).max(7)).unwrap().value, 7);
}

#[test]
fn rules_of_the_time_to_live() {
    let by = IncrOptions::by(1);
    // The old time to live in seconds (-2: absent, -1: none), the call, the new one.
    let table = [
        (-2, by, -1),
        (-1, by, -1),
        (10, by, 10),
        (-2, by.ttl_on_create(60), 60),
        (-1, by.ttl_on_create(60), -1),
        (10, by.ttl_on_create(60), 10),
        (-2, by.ttl_if_none(60), 60),
        (-1, by.ttl_if_none(60), 60),
        (10, by.ttl_if_none(60), 10),
        (-2, by.ttl_refresh(60), 60),
        (-1, by.ttl_refresh(60), 60),
        (10, by.ttl_refresh(60), 60),
        (-2, by.ttl_on_create(0), -1),
        (-1, by.ttl_if_none(Ttl::NEVER), -1),
        (10, by.ttl_if_none(Ttl::NEVER), 10),
        (-2, by.ttl_refresh(Ttl::NEVER), -1),
        (-1, by.ttl_refresh(Ttl::NEVER), -1),
        (10, by.ttl_refresh(Ttl::NEVER), -1),
        // The last rule named counts.
        (10, by.ttl_refresh(60).ttl_on_create(70), 10),
        (-2, by.ttl_on_create(70).ttl_refresh(60), 60),
        // Saturating is applying.
        (10, by.max(3).saturate(true).ttl_refresh(60), 60),
        // What is refused leaves the deadline alone, and creates nothing.
        (-2, by.max(0).ttl_on_create(60), -2),
        (-1, by.max(0).ttl_if_none(60), -1),
        (10, by.max(0).ttl_refresh(60), 10),
        (10, by.max(0).ttl_refresh(Ttl::NEVER), 10),
    ];
    // In place, and where the integer is too wide for that.
    for start in [4, i64::MAX - 1] {
        for (old, options, new) in table {
            let (kv, _) = store();
            if old != -2 {
                kv.set_ex("k", start, Ttl::from_secs(old.max(0)).unwrap()).unwrap();
            }
            kv.incr_with("k", &options).unwrap();
            assert_eq!(kv.ttl("k"), new, "{start}, {old} s, {options:?}");
        }
    }
}

#[test]
fn a_window_begins_with_its_first_count_and_starts_anew_after_it_ends() {
    const LIMIT: IncrOptions = IncrOptions::by(1).min(0).max(3).saturate(false);
    let (kv, clock) = store();
    let window = LIMIT.ttl_on_create(60);
    for _ in 0..3 {
        let admitted: Vec<_> =
            (0..5).map(|_| kv.incr_with("ip", &window).unwrap().applied).collect();
        assert_eq!(admitted, [1, 1, 1, 0, 0]);
        clock.advance(Duration::from_secs(59));
        assert_eq!((kv.incr_with("ip", &window).unwrap().applied, kv.ttl("ip")), (0, 1));
        clock.advance(Duration::from_secs(1));
        assert!(!kv.exists("ip"));
    }
}

#[test]
fn the_window_counts_from_the_call_that_creates_it() {
    let (kv, clock) = store();
    kv.set_ex("ip", 9, 1).unwrap();
    clock.advance(Duration::from_secs(5));
    let window = IncrOptions::by(1).ttl_on_create(60);
    assert_eq!(kv.incr_with("ip", &window), Ok(Incremented { value: 1, applied: 1 }));
    assert_eq!(kv.ttl("ip"), 60);
}

#[test]
fn floats_add_and_integers_become_floats() {
    let (kv, _) = store();
    assert_eq!(kv.incr_float("k", 0.5), Ok(0.5));
    assert_eq!(kv.ttl("k"), -1);
    for start in [Value::from(2), 2.0.into()] {
        kv.set_ex("k", start, 10).unwrap();
        assert_eq!(kv.incr_float("k", 0.25), Ok(2.25));
        assert_eq!(kv.get("k").unwrap().as_float(), Some(2.25));
        assert_eq!(kv.ttl("k"), 10);
    }
    assert_eq!(kind(kv.incr("k")), Some(ErrorKind::NotAnInteger));
    kv.set("k", 3).unwrap();
    assert_eq!(kv.incr_float("k", 0.0), Ok(3.0));
    assert_eq!(kv.get("k").unwrap().as_int(), None, "an integer becomes a float also by 0.0");
}

#[test]
fn corners_of_float_addition() {
    let (kv, _) = store();
    let table = [
        (f64::MAX, f64::MAX, Err(ErrorKind::NotFinite)),
        (f64::MAX, -f64::MAX, Ok(0.0f64)),
        (f64::MIN, f64::MIN, Err(ErrorKind::NotFinite)),
        (f64::MAX, 1.0, Ok(f64::MAX)),
        (0.0, f64::NAN, Err(ErrorKind::NotFinite)),
        (0.0, f64::INFINITY, Err(ErrorKind::NotFinite)),
        (0.0, f64::NEG_INFINITY, Err(ErrorKind::NotFinite)),
        (f64::INFINITY, -1.0, Err(ErrorKind::NotFinite)),
        (f64::INFINITY, f64::NEG_INFINITY, Err(ErrorKind::NotFinite)),
        (f64::NAN, 1.0, Err(ErrorKind::NotFinite)),
        (-0.0, -0.0, Ok(-0.0)),
        (-0.0, 0.0, Ok(0.0)),
        (0.1, 0.2, Ok(0.1 + 0.2)),
        (f64::MIN_POSITIVE, -f64::MIN_POSITIVE / 2.0, Ok(f64::MIN_POSITIVE / 2.0)),
    ];
    for (start, amount, expected) in table {
        kv.set_ex("k", start, 10).unwrap();
        let got = kv.incr_float("k", amount).map_err(|error| error.kind());
        assert_eq!(got.map(f64::to_bits), expected.map(f64::to_bits), "{start} + {amount}");
        let stored = kv.get("k").unwrap().as_float().map(f64::to_bits);
        assert_eq!(stored, Some(expected.unwrap_or(start).to_bits()), "{start} + {amount}");
        assert_eq!(kv.ttl("k"), 10);
    }
    assert_eq!(kind(kv.incr_float("absent", f64::NAN)), Some(ErrorKind::NotFinite));
    assert!(!kv.exists("absent"));
    kv.set("k", i64::MAX).unwrap();
    assert_eq!(kv.incr_float("k", 1.0), Ok(9_223_372_036_854_775_808.0));
}

#[test]
fn a_counter_goes_on_after_every_call_that_decides_by_its_value() {
    // These freeze the integer; what follows must count on from it.
    let (kv, _) = store();
    let decide: [Named; 8] = [
        ("persist", |kv| assert!(!kv.persist("k"))),
        ("update", |kv| drop(kv.update("k", |_| epochkv::Change::Keep).unwrap())),
        ("expire", |kv| assert!(kv.expire("k", Duration::from_secs(9)))),
        ("persist", |kv| assert!(kv.persist("k"))),
        ("compare_and_set", |kv| {
            let seen = kv.get("k").unwrap();
            assert!(kv.compare_and_set("k", &seen, &seen, Ttl::NEVER).unwrap());
        }),
        ("compare_and_delete", |kv| {
            assert!(!kv.compare_and_delete("k", -1));
        }),
        ("swap", |kv| {
            let seen = kv.get("k").unwrap();
            assert_eq!(kv.swap("k", &seen, Ttl::NEVER).unwrap().unwrap(), seen);
        }),
        ("incr_float", |kv| assert!(kv.incr_float("k", f64::NAN).is_err())),
    ];
    for (count, (name, call)) in (1..).zip(decide.iter().cycle().take(800)) {
        assert_eq!(kv.incr("k"), Ok(count), "before {name}");
        call(&kv);
    }
    assert_eq!((int(&kv), kv.ttl("k")), (Some(800), -1));
}

#[test]
fn a_time_to_live_that_has_passed_ends_the_counter_with_the_count() {
    let end = Ttl::until(Duration::from_secs(1));
    let passed: [(&str, IncrOptions); 3] = [
        ("on creation", IncrOptions::by(3).ttl_on_create(end)),
        ("if it has none", IncrOptions::by(3).ttl_if_none(end)),
        ("always", IncrOptions::by(3).ttl_refresh(end)),
    ];
    for (when, options) in passed {
        let (kv, clock) = store();
        clock.advance(Duration::from_secs(5));
        let counted = kv.incr_with("k", &options).unwrap();
        assert_eq!((counted.value, counted.applied), (3, 3), "{when}");
        assert_eq!((kv.exists("k"), kv.ttl("k"), kv.live_len()), (false, -2, 0), "{when}");
    }
}
