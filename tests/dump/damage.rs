//! Dumps that are none, or none any more.

use super::frames::Frames;
use super::{contents, dump_of, refused, sample, store, store_at};
use epochkv::{Kv, LoadErrorKind, Value};
use std::time::Duration;

use LoadErrorKind::{Damaged, NotADump, Truncated, UnsupportedVersion};

#[test]
fn every_change_of_a_byte_and_every_shorter_dump_is_refused() {
    let dump = dump_of(&sample());
    let kv = store();
    kv.set("before", 1).unwrap();
    for at in 0..dump.len() {
        let kind = refused(&kv, &dump[..at]);
        assert_eq!(kind, Truncated, "the first {at} bytes");
        let mut changed = dump.clone();
        for byte in 0..=u8::MAX {
            changed[at] = byte;
            if changed != dump {
                let kind = refused(&kv, &changed);
                let expected = match at {
                    0..8 => NotADump,
                    8..10 => UnsupportedVersion,
                    // A chunk that claims to be longer ends too early.
                    _ if kind == Truncated => Truncated,
                    _ => Damaged,
                };
                assert_eq!(kind, expected, "{byte} at {at}");
            }
        }
    }
    assert_eq!(contents(&kv).len(), 1);
}

/// A dump of several chunks.
fn long() -> Vec<u8> {
    let kv = store();
    for n in 0..100 {
        kv.set(&format!("key:{n}"), "x".repeat(2000)).unwrap();
    }
    dump_of(&kv)
}

/// Where the chunks begin, the end included.
fn chunks(dump: &[u8]) -> Vec<usize> {
    let mut starts = vec![24];
    while let Some(len) = dump[starts[starts.len() - 1]..].first_chunk() {
        starts.push(starts[starts.len() - 1] + 8 + u32::from_le_bytes(*len) as usize);
    }
    starts
}

#[test]
fn chunks_cannot_be_missing_doubled_or_in_another_order() {
    let dump = long();
    let starts = chunks(&dump);
    assert_eq!((starts.len(), starts.last()), (6, Some(&dump.len())));
    let kv = store();
    let part = |from: usize, to: usize| &dump[starts[from]..starts[to]];
    let header = &dump[..24];
    let wrong = [
        [header, part(0, 1), part(2, 5)].concat(),
        [header, part(1, 5)].concat(),
        [header, part(0, 2), part(1, 5)].concat(),
        [header, part(1, 2), part(0, 1), part(2, 5)].concat(),
        [header, part(4, 5)].concat(),
        [header, part(0, 1), part(4, 5)].concat(),
    ];
    for dump in wrong {
        assert_eq!(refused(&kv, &dump), Damaged);
    }
    for end in &starts[..5] {
        assert_eq!(refused(&kv, &dump[..*end]), Truncated);
    }
    // The head of one dump on the body of another.
    let other = dump_of(&store_at(Duration::from_secs(1)).0);
    assert_eq!(refused(&kv, &[&other[..24], &dump[24..]].concat()), Damaged);
    assert_eq!(kv.load(&dump[..]).unwrap().stored, 100);
}

#[test]
fn the_edges_of_chunks_are_protected() {
    let dump = long();
    let kv = store();
    for start in chunks(&dump) {
        for at in start.saturating_sub(9)..(start + 9).min(dump.len()) {
            let mut changed = dump.clone();
            changed[at] ^= 1;
            refused(&kv, &changed);
        }
    }
}

#[test]
fn what_is_no_dump_is_named() {
    let kv = store();
    assert_eq!(refused(&kv, b""), Truncated);
    assert_eq!(refused(&kv, b"epochkv"), NotADump);
    assert_eq!(refused(&kv, b"REDIS0009\xfa"), NotADump);
    assert_eq!(refused(&kv, &[0; 100]), NotADump);
    let mut newer = dump_of(&sample());
    newer[8] = 2;
    assert_eq!(refused(&kv, &newer), UnsupportedVersion);
    let error = kv.load(&newer[..]).unwrap_err();
    assert_eq!(error.to_string(), "this dump was written by a newer version of epochkv");
}

/// What becomes of entries with the right checksums.
fn framed(
    payload: &[u8],
) -> Result<Kv<str, std::hash::RandomState, epochkv::ManualClock>, LoadErrorKind> {
    let kv = store();
    let dump = Frames::new(0, 0).chunk(payload).chunk(&[]).into_bytes();
    match kv.load(&dump[..]) {
        Ok(_) => Ok(kv),
        Err(error) => Err(error.kind()),
    }
}

fn is_damaged(payload: &[u8]) {
    assert_eq!(framed(payload).map(|_| ()), Err(Damaged), "{}", payload.escape_ascii());
}

#[test]
fn entries_that_nobody_writes_are_refused_whatever_their_checksum() {
    let fine = b"\x01\x01k\x08\x02\x00\x00\x01a\x00";
    assert_eq!(framed(fine).unwrap().get("k").unwrap(), Value::dict([("", ()), ("a", ())]));
    // An entry, a value, a text, a list that ends too early.
    for end in 1..fine.len() {
        is_damaged(&fine[..end]);
    }
    // No such tags.
    is_damaged(b"\x00\x01k\x00");
    is_damaged(b"\x03\x01k\x00");
    is_damaged(b"\x01\x01k\x09");
    is_damaged(b"\x01\x01k\xff");
    // Lengths in a longer form, and beyond what a number holds.
    is_damaged(b"\x01\x81\x00k\x00");
    is_damaged(b"\x01\x01k\x05\x80\x00");
    is_damaged(b"\x01\x01k\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
    is_damaged(b"\x01\x01k\x05\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01");
    // Text that is none.
    is_damaged(b"\x01\x01\xff\x00");
    is_damaged(b"\x01\x01k\x05\x01\xff");
    is_damaged(b"\x01\x01k\x07\x01\x05\x01\xff");
    is_damaged(b"\x01\x01k\x08\x01\x01\xff\x00");
    // Keys of a dict twice, or not in order.
    is_damaged(b"\x01\x01k\x08\x02\x01a\x00\x01a\x00");
    is_damaged(b"\x01\x01k\x08\x02\x01b\x00\x01a\x00");
    // The checksums are right, but not the header.
    let kv = store();
    let strange = Frames::new(2, 0).chunk(&[]).into_bytes();
    assert_eq!(refused(&kv, &strange), Damaged);
    // A chunk longer than any.
    let mut long = Frames::new(0, 0).into_bytes();
    long.extend_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(refused(&kv, &long), Damaged);
}

#[test]
fn lengths_that_lie_cost_nothing() {
    // Nine bytes of a length, for text, bytes, lists and dicts, and for a key.
    let huge = b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f";
    for tag in [b"\x05", b"\x06", b"\x07", b"\x08"] {
        is_damaged(&[b"\x01\x01k", &tag[..], huge].concat());
        is_damaged(&[b"\x01\x01k\x07\x01", &tag[..], huge].concat());
    }
    is_damaged(&[b"\x01", &huge[..], b"k"].concat());
}

#[test]
fn nesting_beyond_that_of_a_store_is_refused_and_the_stack_is_safe() {
    let lists = |levels: usize| [b"\x01\x01k", &b"\x07\x01".repeat(levels)[..], b"\x00"].concat();
    let kv = framed(&lists(Value::MAX_DEPTH)).unwrap();
    assert_eq!(kv.get("k").unwrap().as_list().unwrap().depth(), Value::MAX_DEPTH);
    for levels in [Value::MAX_DEPTH + 1, 30_000] {
        is_damaged(&lists(levels));
        is_damaged(
            &[b"\x01\x01k", &b"\x08\x01\x00".repeat(levels.min(20_000))[..], b"\x00"].concat(),
        );
    }
    // An empty container is a level too.
    let bottom =
        |levels: usize| [b"\x01\x01k", &b"\x07\x01".repeat(levels)[..], b"\x07\x00"].concat();
    assert!(framed(&bottom(Value::MAX_DEPTH - 1)).is_ok());
    is_damaged(&bottom(Value::MAX_DEPTH));
}
