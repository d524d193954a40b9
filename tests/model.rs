//! Random sequences of all operations against a plain map.
//!
//! The clock of the store moves by hand, in whole milliseconds; the corners of
//! rounding are in `ttl.rs`. `EPOCHKV_SEED` replays a run.

use calls::{Answer, Call, Glob, HUGE_MS, Seen, exact};
use epochkv::{
    Builder, Clock, Condition, Cursor, Error, IncrOptions, Kv, ManualClock, Pattern, Snapshot, Ttl,
    Value,
};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use spec::Spec;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use weak::Weak;

#[path = "model/calls.rs"]
mod calls;
#[path = "common/seed.rs"]
mod seed;
#[path = "model/spec.rs"]
mod spec;
#[path = "common/weak.rs"]
mod weak;

/// Sequences per test; six tests.
const CASES: u32 = 250;

const LENGTH: usize = 200;

/// A kind of key, as the test needs it.
trait Text: epochkv::Key {
    fn of(bytes: &[u8]) -> &Self;
    fn raw(&self) -> &[u8];
    fn store<S, C: Clock>(options: Builder<str, S, C>) -> Kv<Self, S, C>;
}

impl Text for str {
    fn of(bytes: &[u8]) -> &Self {
        std::str::from_utf8(bytes).expect("keys of this test are text")
    }

    fn raw(&self) -> &[u8] {
        self.as_bytes()
    }

    fn store<S, C: Clock>(options: Builder<str, S, C>) -> Kv<Self, S, C> {
        options.build()
    }
}

impl Text for [u8] {
    fn of(bytes: &[u8]) -> &Self {
        bytes
    }

    fn raw(&self) -> &[u8] {
        self
    }

    fn store<S, C: Clock>(options: Builder<str, S, C>) -> Kv<Self, S, C> {
        options.byte_keys().build()
    }
}

/// The store with what a sequence needs beside it.
struct Subject<K: epochkv::Key + ?Sized, S> {
    kv: Kv<K, S, ManualClock>,
    clock: ManualClock,
    remembered: Option<Snapshot>,
}

fn ttl(ms: u64) -> Ttl {
    Duration::from_millis(ms).into()
}

fn answer<T>(result: Result<T, Error>, show: impl FnOnce(T) -> Answer) -> Answer {
    result.map_or_else(|error| Answer::Refused(error.kind()), show)
}

fn optional(snapshot: Option<Snapshot>) -> Answer {
    Answer::value(snapshot)
}

impl<K: Text + ?Sized, S: BuildHasher> Subject<K, S> {
    fn look(&self, key: &K) -> Answer {
        let value = self.kv.get(key).map(Value::from);
        let others = [
            self.kv.with(key, |value| value.to_value()),
            self.kv.get_many([key]).remove(0).map(Value::from),
            Some(self.kv.get_or(key, "default").to_value()).filter(|_| self.kv.exists(key)),
        ];
        for other in others {
            assert_eq!(format!("{other:?}"), format!("{value:?}"), "two ways to read");
        }
        let ttl_ms = self.kv.ttl_ms(key);
        let secs = if ttl_ms > 0 { (ttl_ms - 1) / 1000 + 1 } else { ttl_ms };
        assert!(self.kv.ttl(key) == secs || ttl_ms > HUGE_MS as i64 / 2);
        Answer::Look(Seen { value: exact(value), exists: self.kv.exists(key), ttl_ms })
    }

    fn walk(&self, glob: Glob) -> Answer {
        let pattern = Pattern::new(K::of(glob.pattern().as_bytes()));
        let keys = self.kv.keys(K::of(glob.pattern().as_bytes()));
        let keys: Vec<_> = keys.iter().map(|key| std::borrow::Borrow::<K>::borrow(key)).collect();
        let mut items: Vec<_> = self.kv.scan(&pattern).collect();
        items.sort_by(|one, other| one.key().raw().cmp(other.key().raw()));
        assert!(items.iter().map(|item| item.key().raw()).eq(keys.iter().map(|key| key.raw())));
        for item in &items {
            let value = self.kv.get(item.key()).expect("just seen");
            assert!(value.to_value().same(&item.value().to_value()));
            assert_eq!(item.expiry(), self.kv.expiry(item.key()));
        }
        let (mut cursor, mut paged) = (Cursor::START, Vec::new());
        loop {
            let (next, page) = self.kv.scan_page(cursor, &pattern, 3);
            paged.extend(page.iter().map(|item| item.key().raw().to_vec()));
            cursor = next;
            if cursor.is_start() {
                break;
            }
        }
        paged.sort_unstable();
        assert!(paged.iter().eq(keys.iter().map(|key| key.raw())), "paged {paged:?}");
        Answer::Keys(paged)
    }

    fn apply(&mut self, call: &Call) -> Answer {
        let Self { kv, clock, remembered } = self;
        match call {
            Call::Advance(ms) => {
                clock.advance(Duration::from_millis(*ms));
                Answer::Done
            }
            Call::Set(key, value, 0) => answer(kv.set(K::of(key), value), |()| Answer::Done),
            Call::Set(key, value, ms) => {
                answer(kv.set_ex(K::of(key), value, ttl(*ms)), |()| Answer::Done)
            }
            Call::SetMany(items, ms) => {
                let items = items.iter().map(|(key, value)| (K::of(key), value));
                answer(kv.set_many(items, ttl(*ms)), |()| Answer::Done)
            }
            Call::Swap(key, value, ms) => answer(kv.swap(K::of(key), value, ttl(*ms)), optional),
            Call::SetIf(key, value, ms, true) => {
                answer(kv.set_if_present(K::of(key), value, ttl(*ms)), Answer::Yes)
            }
            Call::SetIf(key, value, ms, false) => {
                answer(kv.set_if_absent(K::of(key), value, ttl(*ms)), Answer::Yes)
            }
            Call::CompareAndSet(key, expected, new) => {
                answer(kv.compare_and_set(K::of(key), expected, new, 0), Answer::Yes)
            }
            Call::CompareAndDelete(key, expected) => {
                Answer::Yes(kv.compare_and_delete(K::of(key), expected))
            }
            Call::Remember(key) => {
                *remembered = kv.get(K::of(key)).or(remembered.take());
                Answer::Done
            }
            Call::SetIfRemembered(key, value, ms) => match remembered {
                None => Answer::Done,
                Some(seen) => answer(
                    kv.compare_and_set_snapshot(K::of(key), seen, value, ttl(*ms)),
                    Answer::Yes,
                ),
            },
            Call::DeleteIfRemembered(key) => match remembered {
                None => Answer::Done,
                Some(seen) => Answer::Yes(kv.compare_and_delete_snapshot(K::of(key), seen)),
            },
            Call::Delete(key) => Answer::Yes(kv.delete(K::of(key))),
            Call::DeleteMany(keys) => {
                Answer::Count(kv.delete_many(keys.iter().map(|key| K::of(key))))
            }
            Call::Take(key) => optional(kv.take(K::of(key))),
            Call::Look(key) => self.look(K::of(key)),
            Call::Incr(key, 1) => answer(kv.incr(K::of(key)), Answer::Int),
            Call::Incr(key, by) => answer(kv.incr_by(K::of(key), *by), Answer::Int),
            Call::IncrWith(key, by, max, saturate) => {
                let options =
                    IncrOptions::by(*by).max(*max).saturate(*saturate).ttl_on_create(ttl(1000));
                answer(kv.incr_with(K::of(key), &options), |done| {
                    Answer::Counted(done.value, done.applied)
                })
            }
            Call::IncrFloat(key, by) => {
                answer(kv.incr_float(K::of(key), *by), |new| Answer::value(Some(new)))
            }
            Call::Expire(key, ms, Condition::Always) => {
                Answer::Yes(kv.expire(K::of(key), Duration::from_millis(*ms)))
            }
            Call::Expire(key, ms, condition) => {
                Answer::Yes(kv.expire_if(K::of(key), Duration::from_millis(*ms), *condition))
            }
            Call::GetAndExpire(key, ms) => {
                optional(kv.get_and_expire(K::of(key), Duration::from_millis(*ms)))
            }
            Call::Persist(key) => Answer::Yes(kv.persist(K::of(key))),
            Call::Update(key, change) => {
                answer(kv.update(K::of(key), |_| change.clone()), optional)
            }
            Call::GetOrInsert(key, value, ms) => {
                let made = kv.get_or_insert_with(K::of(key), ttl(*ms), || value.clone());
                answer(made, |snapshot| optional(Some(snapshot)))
            }
            Call::Walk(glob) => self.walk(*glob),
            Call::DeleteMatching(glob) => {
                let pattern = Pattern::new(K::of(glob.pattern().as_bytes()));
                Answer::Count(kv.delete_matching(&pattern))
            }
            Call::Retain => {
                Answer::Count(kv.retain(|_, value| value.as_int().is_none_or(|int| int % 2 == 0)))
            }
            Call::Fill(count) => {
                for n in 0..*count {
                    kv.set(K::of(format!("f{n}").as_bytes()), n).expect("an integer is accepted");
                }
                Answer::Done
            }
            Call::Clear => {
                kv.clear();
                Answer::Done
            }
            Call::Upkeep => {
                kv.shrink_to_fit();
                kv.flush();
                let live = kv.live_len();
                assert_eq!((kv.len(), kv.stats().entries), (live, live), "nobody else writes");
                Answer::Count(live)
            }
        }
    }
}

/// Runs the sequences of one test.
fn agree<K: Text + ?Sized, S: BuildHasher>(test: &str, keys: &[&K], hasher: impl Fn() -> S) {
    let mut seed = [0; 32];
    let mut draw = seed::Rng::new(seed::seed_of_run(test));
    seed.chunks_mut(8).for_each(|part| part.copy_from_slice(&draw.next().to_le_bytes()));
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..Default::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let pool: Vec<_> = keys.iter().map(|key| key.raw().to_vec()).collect();
    let sequences = prop::collection::vec(calls::call(pool.clone()), 1..LENGTH);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome = runner.run(&sequences, |sequence| {
        let clock = ManualClock::new();
        let kv = K::store(Kv::builder().clock(clock.clone()).hasher(hasher()));
        let mut subject = Subject { kv, clock, remembered: None };
        let mut spec = Spec::default();
        let last_look = pool.iter().cloned().map(Call::Look);
        for call in
            sequence.into_iter().chain(last_look).chain([Call::Walk(Glob::All), Call::Upkeep])
        {
            prop_assert_eq!(subject.apply(&call), spec.apply(&call), "{:?}", call);
        }
        prop_assert_eq!(exact(subject.remembered), spec.remembered());
        Ok(())
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
