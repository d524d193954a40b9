//! Random sequences of all operations against a plain map.
//!
//! The clock of the store moves by hand. `EPOCHKV_SEED` replays a run. The
//! fuzzing target `operations` uses the same model.

use epochkv::Kv;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::hash::{BuildHasher, RandomState};
use subject::{Subject, Text};
use weak::Weak;

#[path = "model/calls.rs"]
mod calls;
#[path = "common/property.rs"]
mod property;
#[path = "model/spec.rs"]
mod spec;
#[path = "model/strategies.rs"]
mod strategies;
#[path = "model/subject.rs"]
mod subject;
#[path = "common/weak.rs"]
mod weak;

/// Sequences per test: of six, ten thousand. `EPOCHKV_CASES` sets another number.
const CASES: u32 = 1667;

fn cases() -> u32 {
    std::env::var("EPOCHKV_CASES")
        .map_or(CASES, |text| text.trim().parse().expect("EPOCHKV_CASES is a number of sequences"))
}

const LENGTH: usize = 200;

/// Runs the sequences of one test.
fn agree<K: Text + ?Sized, S: BuildHasher>(keys: &[&K], hasher: impl Fn() -> S) {
    let pool: Vec<_> = keys.iter().map(|key| key.raw().to_vec()).collect();
    let sequences = prop::collection::vec(strategies::call(pool.clone()), 1..LENGTH);
    let mut runner = TestRunner::new(property::seeded(cases()));
    let outcome = runner.run(&sequences, |sequence| {
        let subject = Subject::<K, S>::new(Kv::builder().hasher(hasher()));
        subject.agrees(sequence, &pool).map_err(TestCaseError::fail)
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

const TEXT: &[&str] = &["", "b", "ba", "ключ", "a\0", "f1", "*"];

const BYTES: &[&[u8]] = &[b"", b"b", b"b\xff", b"\0", b"\xff\xfe", b"f1", b"f299"];

#[test]
fn text_keys_with_a_random_hasher() {
    agree(TEXT, RandomState::new);
}

#[test]
fn text_keys_with_a_constant_hasher() {
    agree(TEXT, || Weak { bits: 0, high: false });
}

#[test]
fn text_keys_with_two_low_bits() {
    agree(TEXT, || Weak { bits: 2, high: false });
}

#[test]
fn byte_keys_with_a_random_hasher() {
    agree(BYTES, RandomState::new);
}

#[test]
fn byte_keys_with_five_high_bits() {
    agree(BYTES, || Weak { bits: 5, high: true });
}

#[test]
fn byte_keys_with_a_constant_hasher() {
    agree(BYTES, || Weak { bits: 0, high: true });
}
