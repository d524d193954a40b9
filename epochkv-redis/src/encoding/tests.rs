//! Values through the encoding and back, and bytes that are none.

use super::pack::pack;
use super::{MAX_LEN, TAG, decode, encode, parse_int};
use epochkv::{ErrorKind, Input, StoreErrorKind, Value};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(|bits| Value::from(f64::from_bits(bits))),
        any::<i64>().prop_map(|int| Value::from(int.to_string())),
        ".{0,40}".prop_map(Value::from),
        vec(any::<u8>(), 0..40).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Value::from),
            btree_map(".{0,4}", inner, 0..20).prop_map(Value::from),
        ]
    })
}

/// Bytes that look like the tagged form: markers and short lengths are frequent.
fn nearly_packed() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => 0xc0..=0xdf_u8, 2 => 0..4_u8, 1 => 0x80..0xb0_u8, 1 => any::<u8>()];
    vec(byte, 0..200).prop_map(|mut bytes| {
        bytes.insert(0, TAG);
        bytes
    })
}

/// What holds for whatever an engine may send: no panic, and what is decoded can be
/// written again and means the same.
fn check_decoding(bytes: &[u8]) {
    if let Ok(value) = decode(bytes) {
        assert!(value.depth() <= Value::MAX_DEPTH);
        let again = encode(&Input::from(&value)).expect("a decoded value is not too deep");
        assert!(decode(&again).expect("our own form").same(&value));
    }
}

proptest! {
    #![proptest_config(crate::property::seeded(2_000))]

    #[test]
    fn a_value_comes_back_bit_for_bit(value in value()) {
        let bytes = encode(&Input::from(&value)).expect("not too deep");
        prop_assert!(decode(&bytes).expect("our own form").same(&value));
        // A prefix may be another text, but is no other packed value.
        if bytes[..].first() == Some(&TAG) {
            for end in 1..bytes.len() {
                prop_assert!(decode(&bytes[..end]).is_err());
            }
        }
    }

    #[test]
    fn any_bytes_decode_to_a_value_or_an_error(bytes in vec(any::<u8>(), 0..300)) {
        check_decoding(&bytes);
    }

    #[test]
    fn nearly_packed_bytes_decode_to_a_value_or_an_error(bytes in nearly_packed()) {
        check_decoding(&bytes);
    }
}

fn wire(value: impl Into<Input<'static>>) -> Vec<u8> {
    encode(&value.into()).expect("it can be encoded")
}

#[test]
fn integers_and_text_are_readable_by_other_programs() {
    assert_eq!(wire(0), b"0");
    assert_eq!(wire(i64::MIN), b"-9223372036854775808");
    assert_eq!(wire("hello"), b"hello");
    assert_eq!(wire(""), b"");
    for text in ["007", "+3", "-0", "9223372036854775808", " 1", "1.0", "1e3", "-", "\u{661}"] {
        assert_eq!(wire(text), text.as_bytes());
        assert_eq!(decode(text.as_bytes()).expect("text"), text);
    }
}

#[test]
fn text_that_looks_like_an_integer_stays_text() {
    for text in ["0", "12", "-1", "9223372036854775807", "-9223372036854775808"] {
        let bytes = wire(text);
        assert_eq!(bytes[0], TAG);
        assert_eq!(decode(&bytes).expect("our own form"), text);
    }
}

#[test]
fn everything_else_is_messagepack() {
    assert_eq!(wire(()), b"\xc1\xc0");
    assert_eq!(wire(true), b"\xc1\xc3");
    assert_eq!(wire(1.5), b"\xc1\xcb\x3f\xf8\0\0\0\0\0\0");
    assert_eq!(wire(&b"\xff"[..]), b"\xc1\xc4\x01\xff");
    assert_eq!(wire(vec![1, -1]), b"\xc1\x92\x01\xff");
    assert_eq!(wire(Value::dict([("a", "1")])), b"\xc1\x81\xa1a\xa11");
}

#[test]
fn what_other_programs_write_is_read() {
    assert_eq!(decode(b"\xff\xfe").expect("bytes"), Value::bytes(*b"\xff\xfe"));
    // A single-precision float, an unsigned integer, a text with a long length.
    assert_eq!(decode(b"\xc1\xca\x3f\xc0\0\0").expect("a float"), 1.5);
    assert_eq!(decode(b"\xc1\xcf\0\0\0\0\0\0\0\x07").expect("an integer"), 7);
    assert_eq!(decode(b"\xc1\xdb\0\0\0\x01a").expect("text"), "a");
    // Of entries with the same key the last one wins.
    assert_eq!(decode(b"\xc1\x82\xa1a\x01\xa1a\x02").expect("a dict"), Value::dict([("a", 2)]));
}

#[test]
fn damaged_bytes_are_an_error() {
    let damaged: [&[u8]; 11] = [
        b"\xc1",
        // More after the value.
        b"\xc1\xc0\xc0",
        // The byte that is never used; an extension; an integer beyond i64.
        b"\xc1\xc1",
        b"\xc1\xd4\x01\x02",
        b"\xc1\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
        // Text that is no UTF-8; a dict with an integer as a key.
        b"\xc1\xa1\xff",
        b"\xc1\x81\x01\x01",
        // Lengths that lie.
        b"\xc1\xdd\xff\xff\xff\xff\xc0",
        b"\xc1\xdf\xff\xff\xff\xff\xa0\xc0",
        b"\xc1\xc6\xff\xff\xff\xff\0",
        b"\xc1\xdb\xff\xff\xff\xff\0",
    ];
    for bytes in damaged {
        let error = decode(bytes).expect_err("no value");
        assert_eq!(error.kind(), StoreErrorKind::Undecodable, "{bytes:x?}");
        assert!(!error.may_have_happened());
    }
}

#[test]
fn nesting_is_bounded_both_ways() {
    let nested = |levels| (0..levels).fold(Value::Null, |inner, _| Value::list([inner]));
    let deepest = nested(Value::MAX_DEPTH);
    assert!(decode(&wire(deepest.clone())).expect("not too deep").same(&deepest));
    let error = encode(&Input::from(nested(Value::MAX_DEPTH + 1))).expect_err("too deep");
    assert_eq!(error.kind(), StoreErrorKind::Refused(ErrorKind::TooDeep));

    for marker in [0x91, 0x81] {
        let mut bytes = vec![TAG];
        for _ in 0..1_000_000 {
            bytes.push(marker);
            if marker == 0x81 {
                bytes.push(0xa0);
            }
        }
        assert!(decode(&bytes).is_err());
    }
}

#[test]
fn a_value_that_would_be_exponentially_long_is_refused() {
    let shared = (0..60).fold(Value::from("x"), |part, _| Value::list([part.clone(), part]));
    assert_eq!(pack(shared.as_ref(), 1 << 20), None);

    let long = Value::from("x".repeat(MAX_LEN + 1));
    for value in [long.clone(), Value::list([long])] {
        let error = encode(&Input::from(value)).expect_err("too long");
        assert_eq!(error.kind(), StoreErrorKind::Engine);
        assert!(!error.may_have_happened());
    }
}

#[test]
fn integers_are_read_as_the_engine_writes_them() {
    for int in [0, 1, -1, 10, i64::MAX, i64::MIN] {
        assert_eq!(parse_int(&int.to_string()), Some(int));
    }
    for text in ["", "-", "+1", "01", "-01", "-0", "1 ", "0x1", "9223372036854775808"] {
        assert_eq!(parse_int(text), None, "{text:?}");
    }
}
