//! The specification, one test per sentence, named after it.

use epochkv::{Cursor, Error, ErrorKind, Kv, ManualClock, Pattern, PatternErrorKind, Ttl, Value};
use std::hash::RandomState;
use std::time::Duration;

#[path = "api/set.rs"]
mod set;

type Store = Kv<str, RandomState, ManualClock>;

fn store() -> (Store, ManualClock) {
    let clock = ManualClock::new();
    (Kv::builder().hasher(RandomState::new()).clock(clock.clone()).build(), clock)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// One value of each kind, the falsy ones among them.
fn one_of_each_kind() -> Vec<Value> {
    vec![
        Value::Null,
        false.into(),
        0.into(),
        i64::MIN.into(),
        (-0.0).into(),
        f64::NAN.into(),
        "".into(),
        "x".repeat(5000).into(),
        Value::bytes(*b""),
        Value::bytes(vec![0xff; 5000]),
        Value::list([0; 0]),
        Value::list([Value::Null, Value::bytes(*b"\0"), Value::dict([("k", 1)])]),
        Value::dict([("", 0); 0]),
        Value::dict([("a", Value::list([1.5])), ("b", Value::Null)]),
    ]
}

mod get {
    use super::*;

    #[test]
    fn returns_the_live_value_or_the_default() {
        let (kv, _) = store();
        assert_eq!(kv.get_or("k", "default"), "default");
        kv.set("k", "live").unwrap();
        assert_eq!(kv.get_or("k", "default"), "live");
    }

    #[test]
    fn falsy_values_and_null_are_hits() {
        let (kv, _) = store();
        for value in one_of_each_kind() {
            kv.set("k", &value).unwrap();
            assert!(kv.get_or("k", "default").to_value().same(&value), "{value:?}");
        }
    }

    #[test]
    fn the_default_is_never_stored() {
        let (kv, _) = store();
        let _ = kv.get_or("k", 1);
        assert!(!kv.exists("k"));
        assert_eq!((kv.len(), kv.live_len(), kv.keys("*").len()), (0, 0, 0));
    }

    #[test]
    fn has_no_visible_side_effect() {
        let (kv, clock) = store();
        kv.set_ex("k", 1, 10).unwrap();
        clock.advance(secs(3));
        let _ = (kv.get("k"), kv.get_or("k", 2), kv.get("other"));
        assert_eq!((kv.ttl("k"), kv.keys("*")), (7, vec!["k".to_owned()]));
    }

    #[test]
    fn what_it_returns_does_not_change_the_store_when_it_is_changed() {
        let (kv, _) = store();
        kv.set("k", vec![1, 2]).unwrap();
        let mut own = kv.get("k").unwrap().as_list().unwrap().to_vec();
        own.push(3.into());
        assert_eq!(own.len(), 3);
        assert_eq!(kv.get("k").unwrap(), Value::list([1, 2]));
    }

    #[test]
    fn keeps_nan_and_the_sign_of_zero() {
        let (kv, _) = store();
        for bits in [f64::NAN.to_bits(), 0x7ff0_0000_0000_0001, (-0.0f64).to_bits()] {
            kv.set("k", f64::from_bits(bits)).unwrap();
            assert_eq!(kv.get("k").unwrap().as_float().map(f64::to_bits), Some(bits));
        }
    }
}

mod delete {
    use super::*;

    #[test]
    fn removes_value_and_ttl() {
        let (kv, _) = store();
        kv.set_ex("k", 1, 10).unwrap();
        kv.delete("k");
        assert_eq!((kv.get("k"), kv.ttl("k")), (None, -2));
        assert_eq!((kv.incr("k").unwrap(), kv.ttl("k")), (1, -1));
    }

    #[test]
    fn is_true_if_a_live_key_was_there_and_false_if_absent() {
        let (kv, clock) = store();
        assert!(!kv.delete("k"));
        kv.set_ex("k", 1, 10).unwrap();
        assert!(kv.delete("k") && !kv.delete("k"));
        kv.set_ex("k", 1, 10).unwrap();
        clock.advance(secs(10));
        assert!(!kv.delete("k"));
    }
}

#[test]
fn shrink_to_fit_leaves_a_table_as_small_as_its_entries_allow() {
    let kv = Kv::new();
    (0..100_000).for_each(|n| kv.set(&n.to_string(), n).unwrap());
    // So few that a smaller table would do, and not so few that it shrinks by itself.
    (25_000..100_000).for_each(|n| assert!(kv.delete(&n.to_string())));
    kv.flush();
    let before = kv.stats();
    kv.shrink_to_fit();
    let after = kv.stats();
    assert!(!after.resizing && after.buckets < before.buckets, "{before:?}, {after:?}");
    assert_eq!(kv.len(), 25_000);
}

#[test]
fn for_each_key_shows_each_byte_key_by_itself() {
    // More than one step of a walk has.
    let kv = Kv::builder().byte_keys().build();
    let mut keys: Vec<Vec<u8>> = (0..5_000_u32).map(|n| n.to_le_bytes().to_vec()).collect();
    keys.iter().for_each(|key| kv.set(key, 1).unwrap());
    let mut shown = Vec::new();
    kv.for_each_key(&Pattern::new(b"*"), |key| shown.push(key.to_vec()));
    shown.sort_unstable();
    keys.sort_unstable();
    assert!(shown == keys);
}

#[test]
fn of_many_deleted_keys_those_that_were_there_are_counted() {
    let (kv, _) = store();
    let names: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    kv.set_many(names.iter().map(|name| (name.as_str(), 1)), 0).unwrap();
    let absent = ["x", "0", "199"];
    assert_eq!(kv.delete_many(names.iter().map(String::as_str).chain(absent)), 200);
    assert!(kv.is_empty());
}

#[test]
fn exists_is_true_exactly_if_get_would_hit() {
    let (kv, clock) = store();
    for value in one_of_each_kind() {
        assert!(!kv.exists("k"));
        kv.set_ex("k", &value, 1).unwrap();
        assert!(kv.exists("k") && kv.get("k").is_some(), "{value:?}");
        clock.advance(secs(1));
        assert!(!kv.exists("k") && kv.get("k").is_none(), "{value:?}");
    }
}

mod incr {
    use super::*;

    #[test]
    fn an_absent_key_stores_the_amount_without_ttl_and_returns_it() {
        let (kv, _) = store();
        for amount in [1, 0, -5, i64::MIN, i64::MAX] {
            kv.delete("k");
            assert_eq!(kv.incr_by("k", amount), Ok(amount));
            assert_eq!((kv.get("k").unwrap(), kv.ttl("k")), (Value::from(amount).into(), -1));
        }
    }

    #[test]
    fn the_amount_is_1_if_not_given() {
        let (kv, _) = store();
        assert_eq!([kv.incr("k"), kv.incr("k")], [Ok(1), Ok(2)]);
    }

    #[test]
    fn an_integer_is_added_to_and_keeps_its_deadline() {
        let (kv, clock) = store();
        kv.set_ex("k", 40, 10).unwrap();
        clock.advance(secs(4));
        assert_eq!(kv.incr_by("k", 2), Ok(42));
        assert_eq!((kv.get("k").unwrap(), kv.ttl("k")), (Value::from(42).into(), 6));
        clock.advance(secs(6));
        assert!(!kv.exists("k"));
    }

    #[test]
    fn any_other_type_is_an_error_and_leaves_value_and_ttl() {
        let (kv, _) = store();
        let others = one_of_each_kind().into_iter().filter(|value| value.as_int().is_none());
        for value in others.chain([5.0.into(), "5".into(), true.into()]) {
            kv.set_ex("k", &value, 10).unwrap();
            assert_eq!(kv.incr("k").unwrap_err().kind(), ErrorKind::NotAnInteger, "{value:?}");
            assert!(kv.get("k").unwrap().to_value().same(&value));
            assert_eq!(kv.ttl("k"), 10);
        }
    }

    #[test]
    fn out_of_i64_is_an_error_and_leaves_value_and_ttl() {
        let (kv, _) = store();
        for (value, amount) in [(i64::MAX, 1), (i64::MIN, -1), (-1, i64::MIN), (1, i64::MAX)] {
            kv.set_ex("k", value, 10).unwrap();
            assert_eq!(kv.incr_by("k", amount).unwrap_err().kind(), ErrorKind::Overflow);
            assert_eq!((kv.get("k").unwrap(), kv.ttl("k")), (Value::from(value).into(), 10));
        }
    }

    #[test]
    fn after_an_expiry_starts_anew_without_a_deadline() {
        let (kv, clock) = store();
        kv.set_ex("k", 100, 1).unwrap();
        clock.advance(secs(1));
        assert_eq!((kv.incr("k"), kv.ttl("k")), (Ok(1), -1));
    }
}

#[test]
fn ttl_is_minus_2_absent_minus_1_without_expiry_else_seconds_rounded_up() {
    let (kv, clock) = store();
    assert_eq!(kv.ttl("k"), -2);
    kv.set("k", 1).unwrap();
    assert_eq!(kv.ttl("k"), -1);
    kv.set_ex("k", 1, 10).unwrap();
    assert_eq!(kv.ttl("k"), 10);
    clock.advance(Duration::from_millis(1));
    assert_eq!((kv.ttl("k"), kv.ttl_ms("k")), (10, 9999));
    clock.advance(Duration::from_millis(9998));
    assert_eq!((kv.ttl("k"), kv.ttl_ms("k")), (1, 1));
    clock.advance(Duration::from_millis(1));
    assert_eq!(kv.ttl("k"), -2);
}

mod keys {
    use super::*;

    #[test]
    fn lists_live_keys_that_match_ascending_by_bytes_each_once() {
        let (kv, clock) = store();
        let names = ["é", "b", "a", "ab", "", "a\0", "Z", "\u{10ffff}", "~"];
        kv.set_many(names.map(|name| (name, 1)), Ttl::NEVER).unwrap();
        kv.set_ex("dead", 1, 1).unwrap();
        clock.advance(secs(1));
        let mut sorted = names;
        sorted.sort_unstable_by_key(|name| name.as_bytes());
        assert_eq!(kv.keys("*"), sorted);
        assert_eq!(kv.keys("a*"), ["a", "a\0", "ab"]);
        assert_eq!(kv.keys(""), [""]);
    }

    #[test]
    fn never_fails_whatever_the_pattern() {
        let (kv, _) = store();
        kv.set_many([("[", 1), ("a", 1), ("\\", 1), ("^", 1)], Ttl::NEVER).unwrap();
        assert_eq!(kv.keys("["), Vec::<String>::new());
        assert_eq!(kv.keys("[]"), Vec::<String>::new());
        assert_eq!(kv.keys("[^"), ["[", "\\", "^", "a"]);
        assert_eq!(kv.keys("[z-a"), ["a"]);
        assert_eq!(kv.keys("\\"), ["\\"]);
        assert_eq!(kv.keys("\\["), ["["]);
    }

    #[test]
    fn a_strict_parser_stands_beside_the_lenient_grammar() {
        for (pattern, kind) in [
            ("[a", PatternErrorKind::UnclosedClass),
            ("[z-a]", PatternErrorKind::ReversedRange),
            ("a\\", PatternErrorKind::TrailingBackslash),
        ] {
            assert_eq!(Pattern::<str>::strict(pattern).unwrap_err().kind(), kind, "{pattern}");
        }
        assert!(Pattern::<str>::strict("user:[0-9A-Za-z_-]*").is_ok());
    }

    #[test]
    fn works_on_characters_for_text_and_on_bytes_for_byte_keys() {
        let (kv, _) = store();
        kv.set("ключ", 1).unwrap();
        assert_eq!(kv.keys("????"), ["ключ"]);
        let bytes = Kv::builder().byte_keys().build();
        bytes.set("ключ".as_bytes(), 1).unwrap();
        assert_eq!(bytes.keys(b"????"), Vec::<Vec<u8>>::new());
        assert_eq!(bytes.keys(b"????????"), ["ключ".as_bytes()]);
    }
}

mod clear {
    use super::*;

    #[test]
    fn when_it_returns_no_key_set_before_exists_and_the_ttls_go_too() {
        let (kv, clock) = store();
        (0..1000).try_for_each(|n| kv.set_ex(&n.to_string(), 1, n)).unwrap();
        clock.advance(secs(500));
        kv.clear();
        assert_eq!((kv.len(), kv.live_len(), kv.keys("*").len()), (0, 0, 0));
        assert!((0..1000).all(|n| kv.ttl(&n.to_string()) == -2));
    }

    #[test]
    fn a_set_that_begins_after_it_returns_survives() {
        let (kv, _) = store();
        kv.set_ex("k", 1, 10).unwrap();
        kv.clear();
        kv.set("k", 2).unwrap();
        assert_eq!((kv.get_or("k", 0).as_int(), kv.ttl("k"), kv.len()), (Some(2), -1, 1));
    }

    #[test]
    fn snapshots_already_handed_out_stay_valid() {
        let (kv, _) = store();
        kv.set("k", "text").unwrap();
        let snapshot = kv.get("k").unwrap();
        kv.clear();
        kv.flush();
        assert_eq!(snapshot, "text");
    }
}

#[test]
fn keys_are_any_utf8_string_compared_byte_for_byte() {
    let (kv, _) = store();
    let names = ["", "\0", "a\0b", "k", "K", "e\u{301}", "é", "😀", "*", "[a]", "\\", " k", "k "];
    for (value, name) in names.iter().enumerate() {
        kv.set(name, value as i64).unwrap();
    }
    for (value, name) in names.iter().enumerate() {
        assert_eq!(kv.get(name).unwrap(), value as i64, "{name:?}");
    }
    assert_eq!(kv.len(), names.len());
}

#[test]
fn len_may_include_expired_keys_and_live_len_counts_exactly() {
    let (kv, clock) = store();
    kv.set_ex("dead", 1, 1).unwrap();
    kv.set("alive", 1).unwrap();
    clock.advance(secs(1));
    assert_eq!((kv.len(), kv.live_len()), (2, 1));
    assert_eq!((kv.len(), kv.stats().expired), (1, 1), "the walk has unlinked the dead one");
}

#[test]
fn a_value_nested_deeper_than_128_levels_is_refused() {
    let (kv, _) = store();
    let deepest = (0..128).fold(Value::from(1), |inner, _| Value::list([inner]));
    kv.set("k", &deepest).unwrap();
    let refused = kv.set("k", Value::list([deepest.clone()])).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TooDeep);
    assert_eq!(kv.get("k").unwrap(), deepest);
}

#[test]
fn several_handles_to_one_store_are_clones_of_one_cheap_handle() {
    let (kv, _) = store();
    let other = kv.clone();
    kv.set("k", 1).unwrap();
    assert!(kv.is_same_store(&other) && !kv.is_same_store(&store().0));
    assert_eq!(format!("{kv:?}"), "Kv { len: 1, .. }");
    let named = Kv::builder().name("sessions").build();
    assert_eq!(format!("{named:?}"), r#"Kv { name: "sessions", len: 0, .. }"#);
    drop(kv);
    assert_eq!(other.get("k").unwrap(), 1);
    assert_eq!(size_of::<Store>(), size_of::<usize>());
}

#[test]
fn a_page_has_about_as_many_entries_as_it_was_asked_for() {
    let kv = Kv::new();
    (0..10_000).for_each(|n| kv.set(&n.to_string(), n).unwrap());
    for count in [1, 10, 100, 1000] {
        let (mut cursor, mut met) = (Cursor::START, 0);
        loop {
            let (next, page) = kv.scan_page(cursor, &Pattern::new("*"), count);
            assert!(page.len() < 2 * count + 64, "{} instead of {count}", page.len());
            met += page.len();
            cursor = next;
            if cursor.is_start() {
                break;
            }
        }
        assert_eq!(met, 10_000);
    }
}

#[test]
fn all_ways_to_walk_show_the_same_keys() {
    let (kv, _) = store();
    (0..1000).try_for_each(|n| kv.set(&format!("{n:03}"), n)).unwrap();
    let mut scanned: Vec<_> = kv.scan_prefix("1").map(|item| item.key().to_owned()).collect();
    scanned.sort_unstable();
    assert_eq!(scanned, kv.keys("1*"));
    let (mut cursor, mut paged) = (Cursor::START, Vec::new());
    loop {
        let (next, page) = kv.scan_page(cursor, &Pattern::new("1*"), 7);
        paged.extend(page.iter().map(|item| item.key().to_owned()));
        // A cursor may leave the process as a number and come back.
        cursor = Cursor::from(u64::from(next));
        if cursor.is_start() {
            break;
        }
    }
    paged.sort_unstable();
    assert_eq!(paged, scanned);
    assert_eq!(paged.len(), 100);
}
