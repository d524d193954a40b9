//! Sequences of calls against the model of `tests/model`.
//!
//! The first bytes choose the kind and number of keys, the hasher and the capacity; the
//! others are calls, steps of the clock among them.

use super::bytes::Bytes;
use super::calls::Key;
use super::draw::Calls;
use super::hashers::Chosen;
use super::subject::{Subject, Text};
use epochkv::Kv;
use std::iter;
use std::sync::atomic::{AtomicU64, Ordering};

const TEXT: &[&str] = &["", "b", "ba", "ключ", "a\0", "f1", "*", "b0123456"];

const BYTES: &[&[u8]] = &[b"", b"b", b"b\xff", b"\0", b"\xff\xfe", b"f1", b"f60", b"b0123456"];

/// Calls that were made and whose answers were compared, by all inputs so far.
pub static CALLS: AtomicU64 = AtomicU64::new(0);

#[inline]
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    if bytes.bool() {
        agree::<[u8]>(BYTES, bytes);
    } else {
        agree::<str>(TEXT, bytes);
    }
}

fn agree<K: Text + ?Sized>(keys: &[&K], mut bytes: Bytes<'_>) {
    // With fewer keys, more calls meet on one.
    let number = bytes.pick(&[1, 3, keys.len()]);
    let keys: Vec<Key> = keys[..number].iter().map(|key| key.raw().to_vec()).collect();
    let hasher = Chosen::draw(&mut bytes);
    let capacity = bytes.pick(&[0, 0, 1, 100]);
    let calls = Calls { keys: &keys };
    let mut made = 0;
    let sequence = iter::from_fn(|| {
        (!bytes.is_empty()).then(|| {
            made += 1;
            calls.draw(&mut bytes)
        })
    });
    let subject = Subject::<K, _>::new(Kv::builder().capacity(capacity).hasher(hasher));
    if let Err(difference) = subject.agrees(sequence, &keys) {
        panic!("{difference}");
    }
    CALLS.fetch_add(made, Ordering::Relaxed);
}
