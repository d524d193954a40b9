//! Input at its limits: collisions, large and odd keys, large and deep values.

use super::operations::{WRITES, store};
use super::watchdog::watched;
use epochkv::{Change, Error, ErrorKind, IncrOptions, Kv, MAX_KEY_LEN, Snapshot, Ttl, Value};
use std::hash::{BuildHasherDefault, Hasher};

/// All keys collide.
#[derive(Default)]
struct Constant;

impl Hasher for Constant {
    fn write(&mut self, _: &[u8]) {}

    fn finish(&self) -> u64 {
        0x0123_4567_89ab_cdef
    }
}

type AllCollide = BuildHasherDefault<Constant>;

#[test]
fn ten_thousand_keys_with_one_hash() {
    watched("10,000 keys with one hash", || {
        const KEYS: usize = 10_000;
        let kv: Kv<str, AllCollide> = Kv::default();
        let names: Vec<_> = (0..KEYS).map(|n| format!("key:{n}")).collect();
        for (n, name) in (0..).zip(&names) {
            kv.set(name, n).unwrap();
        }
        assert_eq!((kv.len(), kv.live_len()), (KEYS, KEYS));
        for n in (0..KEYS).step_by(97) {
            assert_eq!(kv.get(&names[n]).unwrap(), n as i64);
            assert_eq!(kv.incr(&names[n]), Ok(n as i64 + 1));
        }
        assert!(kv.stats().table_bytes < 4 << 20, "collisions do not blow up the table");
        assert_eq!(kv.delete_many(names[..KEYS / 2].iter().map(String::as_str)), KEYS / 2);
        assert_eq!(kv.keys("*").len(), KEYS / 2);
        assert!(names[..KEYS / 2].iter().take(50).all(|name| !kv.exists(name)));
    });
}

#[test]
fn large_values_of_every_kind() {
    const SIZE: usize = 1 << 20;
    let (kv, _) = store();
    let values = [
        "x".repeat(SIZE).into(),
        Value::bytes(vec![0xff; SIZE]),
        Value::list((0..SIZE as i64 / 8).collect::<Vec<_>>()),
        Value::dict((0..10_000).map(|n| (n.to_string(), n))),
    ];
    for value in &values {
        kv.set_ex("k", value, 9).unwrap();
        let seen = kv.get("k").unwrap();
        assert!(seen == *value && kv.with("k", |found| found == value.as_ref()) == Some(true));
        assert!(kv.compare_and_set("k", value, value, 9).unwrap() && kv.persist("k"));
        assert!(kv.take("k").unwrap() == seen);
    }
}

#[test]
fn large_and_odd_keys() {
    let (kv, _) = store();
    let large = "k".repeat(10_000_000);
    let odd = ["", "\0", "\0\0", "a\0b", "\u{feff}", "\u{10ffff}", "e\u{301}", "\r\n", &large];
    for (n, key) in (0..).zip(odd) {
        kv.set_ex(key, n, 9).unwrap();
        assert_eq!(kv.incr_by(key, 100), Ok(n + 100));
    }
    let mut sorted = odd;
    sorted.sort_unstable();
    assert!(kv.keys("*") == sorted);
    for (n, key) in (0..).zip(odd) {
        assert_eq!((kv.ttl(key), kv.take(key).unwrap().as_int()), (9, Some(n + 100)));
    }
    let bytes = Kv::builder().byte_keys().build();
    let odd: [&[u8]; 5] = [b"", b"\0", b"\xff", b"\xc3\x28", b"\xed\xa0\x80"];
    bytes.set_many(odd.iter().map(|key| (*key, 1)), Ttl::NEVER).unwrap();
    assert_eq!((bytes.len(), bytes.keys(b"\xff")), (5, vec![b"\xff".to_vec()]));
}

fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn a_key_that_is_too_long_is_refused_and_the_longest_is_not() {
    let kv = Kv::builder().byte_keys().hasher(AllCollide::default()).build();
    let long = vec![0; MAX_KEY_LEN + 1];
    let refused = [
        kind(kv.set(&long, 1)),
        kind(kv.set_ex(&long, "x", 9)),
        kind(kv.set_many([(&b"fine"[..], 1), (&long, 1)], 0)),
        kind(kv.swap(&long, 1, 0)),
        kind(kv.set_if_absent(&long, 1, 0)),
        kind(kv.set_if_present(&long, 1, 0)),
        kind(kv.compare_and_set(&long, 1, 1, 0)),
        kind(kv.compare_and_set_snapshot(&long, &Value::from(1).into(), 1, 0)),
        kind(kv.incr(&long)),
        kind(kv.incr_by(&long, 0)),
        kind(kv.incr_with(&long, &IncrOptions::by(1))),
        kind(kv.incr_float(&long, 1.0)),
        kind(kv.update(&long, |_| Change::Set(1.into()))),
        kind(kv.get_or_insert_with(&long, 0, || 1)),
    ];
    assert_eq!(refused, [Some(ErrorKind::KeyTooLong); 14]);
    assert!(kv.is_empty() && kv.live_len() == 0);
    // To look for such a key is no error: it is absent.
    assert!(kv.get(&long).is_none() && !kv.exists(&long) && kv.ttl(&long) == -2);
    assert!(!kv.delete(&long) && kv.take(&long).is_none() && !kv.persist(&long));
    let longest = &long[1..];
    assert_eq!(kv.incr(longest), Ok(1));
    assert!(kv.exists(longest) && !kv.exists(&longest[1..]) && kv.delete(longest));
    kv.flush();
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::from(1), |inner, level| match level % 2 {
        0 => Value::list([inner]),
        _ => Value::dict([("k", inner)]),
    })
}

#[test]
fn values_nested_too_deep_are_refused_by_every_writing_call() {
    for deep in [nested(129), nested(100_000)] {
        for present in [None, Some(Value::from(5)), Some("text".into())] {
            let (kv, _) = store();
            if let Some(value) = &present {
                kv.set_ex("k", value, 9).unwrap();
            }
            let seen = kv.get("k");
            let expected = present.clone().unwrap_or_default();
            let snapshot = seen.clone().unwrap_or_else(|| expected.clone().into());
            let deep_snapshot = Snapshot::from(deep.clone());
            let mut refused = vec![
                kind(kv.set("k", &deep)),
                kind(kv.set("k", deep.as_ref())),
                kind(kv.set("k", &deep_snapshot)),
                kind(kv.set("k", deep_snapshot)),
                kind(kv.set_ex("k", &deep, 9)),
                kind(kv.set_many([("before", &Value::from(1)), ("k", &deep)], 0)),
                kind(kv.swap("k", &deep, 0)),
                kind(kv.set_if_absent("k", &deep, 0)),
                kind(kv.set_if_present("k", &deep, 0)),
                kind(kv.compare_and_set("k", &expected, &deep, 0)),
                kind(kv.compare_and_set_snapshot("k", &snapshot, &deep, 0)),
                kind(kv.update("k", |_| Change::Set(deep.clone()))),
                kind(kv.update("k", |_| Change::SetEx(deep.clone(), 1.into()))),
                kind(kv.get_or_insert_with("absent", 0, || deep.clone())),
            ];
            refused.dedup();
            assert_eq!(refused, [Some(ErrorKind::TooDeep)]);
            assert_eq!((kv.get("k"), kv.keys("*").len()), (seen, usize::from(present.is_some())));
            assert_eq!(kv.ttl("k"), if present.is_some() { 9 } else { -2 });
            // As what is looked for, such a value is merely not there.
            assert_eq!(kv.compare_and_set("k", &deep, 1, 0), Ok(false));
            assert!(!kv.compare_and_delete("k", &deep));
            assert!(kv.get_or("absent", &deep) == deep);
        }
    }
}

#[test]
fn every_write_accepts_a_key_of_any_length_up_to_a_page() {
    for length in (0..300).chain([1000, 1024, 1025, 4096]) {
        let key = "k".repeat(length);
        for (name, operation) in WRITES {
            let (kv, _) = store();
            kv.set(&key, "x".repeat(length)).unwrap();
            operation(&kv, &key);
            assert_eq!(kv.keys("*").len(), usize::from(kv.exists(&key)), "{name}, {length}");
        }
    }
}
