//! Random sequences of all operations against a plain map.
//!
//! The clock of the store moves by hand. `EPOCHKV_SEED` replays a run. The
//! fuzzing target `operations` uses the same model.

use epochkv::Kv;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use std::hash::{BuildHasher, RandomState};
use subject::{Subject, Text};
use weak::Weak;

#[path = "model/calls.rs"]
mod calls;
#[path = "common/seed.rs"]
mod seed;
#[path = "model/spec.rs"]
mod spec;
#[path = "model/strategies.rs"]
mod strategies;
#[path = "model/subject.rs"]
mod subject;
#[path = "common/weak.rs"]
mod weak;

/// Sequences per test; six tests.
const CASES: u32 = 250;

const LENGTH: usize = 200;

/// Runs the sequences of one test.
fn agree<K: Text + ?Sized, S: BuildHasher>(test: &str, keys: &[&K], hasher: impl Fn() -> S) {
    let mut seed = [0; 32];
    let mut draw = seed::Rng::new(seed::seed_of_run(test));
    seed.chunks_mut(8).for_each(|part| part.copy_from_slice(&draw.next().to_le_bytes()));
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..Default::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let pool: Vec<_> = keys.iter().map(|key| key.raw().to_vec()).collect();
    let sequences = prop::collection::vec(strategies::call(pool.clone()), 1..LENGTH);
    let mut runner = TestRunner::new_with_rng(config, rng);
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
    agree("text_keys_with_a_random_hasher", TEXT, RandomState::new);
}

#[test]
fn text_keys_with_a_constant_hasher() {
    agree("text_keys_with_a_constant_hasher", TEXT, || Weak { bits: 0, high: false });
}

#[test]
fn text_keys_with_two_low_bits() {
    agree("text_keys_with_two_low_bits", TEXT, || Weak { bits: 2, high: false });
}

#[test]
fn byte_keys_with_a_random_hasher() {
    agree("byte_keys_with_a_random_hasher", BYTES, RandomState::new);
}

#[test]
fn byte_keys_with_five_high_bits() {
    agree("byte_keys_with_five_high_bits", BYTES, || Weak { bits: 5, high: true });
}

#[test]
fn byte_keys_with_a_constant_hasher() {
    agree("byte_keys_with_a_constant_hasher", BYTES, || Weak { bits: 0, high: true });
}
