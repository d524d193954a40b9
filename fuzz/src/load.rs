//! The loader against anything.
//!
//! The input is a dump, or the inside of one that gets its checksums here. A store that refuses
//! it is as it was; a store that takes it gives a dump that means the same.

use super::bytes::Bytes;
use super::frames::Frames;
use ahash::RandomState;
use epochkv::{Item, Key, Kv, ManualClock, Value};
use std::borrow::Borrow;
use std::time::Duration;

type Store<K> = Kv<K, RandomState, ManualClock>;

#[inline]
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let dump = match bytes.below(4) {
        0 => bytes.take(input.len()).to_vec(),
        way => {
            let mut frames = Frames::new(bytes.below(3) as u8, 7);
            while !bytes.is_empty() {
                let len = if way == 1 { input.len() } else { 1 + bytes.below(16) };
                frames = frames.chunk(bytes.take(len));
            }
            frames.chunk(&[]).into_bytes()
        }
    };
    let builder = || Kv::builder().hasher(RandomState::with_seeds(1, 2, 3, 4)).clock(clock());
    check(&dump, "before", || builder().build());
    check(&dump, &b"before"[..], || builder().byte_keys().build());
}

/// Not at the beginning, so that a deadline can have passed.
fn clock() -> ManualClock {
    let clock = ManualClock::new();
    clock.advance(Duration::from_nanos(1_000_500_000));
    clock
}

/// Everything in a store: its values, and the time that they have left.
fn contents<K: Key + ?Sized>(kv: &Store<K>) -> Vec<(K::Owned, Value, i64)> {
    let item =
        |item: Item<K>| (item.key().to_owned(), item.value().to_value(), item.expiry().as_millis());
    let mut items: Vec<_> = kv.scan_prefix(K::Owned::default().borrow()).map(item).collect();
    items.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    items
}

fn check<K: Key + ?Sized>(dump: &[u8], before: &K, store: impl Fn() -> Store<K>) {
    let kv = store();
    kv.set(before, 1).expect("an empty store takes it");
    let loaded = match kv.load(dump) {
        Ok(loaded) => loaded,
        Err(error) => {
            assert!(error.position() <= dump.len() as u64, "{error}");
            assert_eq!(kv.len(), 1, "{error}");
            assert_eq!(kv.get(before).expect("as it was"), 1);
            return;
        }
    };
    assert_eq!(loaded.read, loaded.expired + loaded.stored);
    assert!(loaded.bytes <= dump.len() as u64);
    let mut again = Vec::new();
    let dumped = kv.dump(&mut again).expect("a vector takes everything");
    assert_eq!(dumped.entries, kv.live_len() as u64);
    let other = store();
    assert_eq!(other.load(&again[..]).expect("a dump").stored, dumped.entries);
    let (one, other) = (contents(&kv), contents(&other));
    assert_eq!(one.len(), other.len());
    for ((key, value, left), (other_key, other_value, other_left)) in one.iter().zip(&other) {
        assert_eq!((key, left), (other_key, other_left));
        assert!(value.same(other_value), "{value:?} became {other_value:?}");
    }
}
