//! The store under test: makes the calls, shows the answers.

use super::calls::{Answer, Call, Counting, Glob, Key, Seen, TtlRule, added, exact, fillers};
use super::spec::Spec;
use epochkv::{
    Builder, Clock, Condition, Cursor, Error, Expiry, IncrOptions, Kv, ManualClock, Pattern,
    Snapshot, Value,
};
use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::time::Duration;

/// A kind of key, as the tests need it.
pub trait Text: epochkv::Key {
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
pub struct Subject<K: epochkv::Key + ?Sized, S> {
    kv: Kv<K, S, ManualClock>,
    clock: ManualClock,
    remembered: Option<Snapshot>,
}

impl Counting {
    fn options(&self) -> IncrOptions {
        let Self { by, min, max, saturate, ttl } = *self;
        let options = IncrOptions::by(by).min(min).max(max).saturate(saturate);
        match ttl {
            TtlRule::Keep => options,
            TtlRule::OnCreate(ttl) => options.ttl_on_create(ttl),
            TtlRule::IfNone(ttl) => options.ttl_if_none(ttl),
            TtlRule::Refresh(ttl) => options.ttl_refresh(ttl),
        }
    }
}

fn answer<T>(result: Result<T, Error>, show: impl FnOnce(T) -> Answer) -> Answer {
    result.map_or_else(|error| Answer::Refused(error.kind()), show)
}

fn optional(snapshot: Option<Snapshot>) -> Answer {
    Answer::value(snapshot)
}

/// Pages of a walk, more than any store of these tests has.
const MANY_PAGES: usize = 10_000;

/// More sweeps than any of these stores needs.
const MANY_SWEEPS: usize = 100_000;

impl<K: Text + ?Sized, S: BuildHasher> Subject<K, S> {
    pub fn new<C: Clock>(options: Builder<str, S, C>) -> Self {
        let clock = ManualClock::new();
        Self::of(K::store(options.clock(clock.clone())), clock)
    }

    /// A store that is there already, with its clock.
    pub fn of(kv: Kv<K, S, ManualClock>, clock: ManualClock) -> Self {
        Self { kv, clock, remembered: None }
    }

    /// Makes all calls, then looks at everything. Says where store and model differ first.
    pub fn agrees(
        mut self,
        calls: impl IntoIterator<Item = Call>,
        pool: &[Key],
    ) -> Result<(), String> {
        let last_looks = pool.iter().cloned().map(Call::Look);
        let last = last_looks.chain([Call::Walk(Glob::All), Call::Upkeep]);
        self.agrees_on(calls.into_iter().chain(last))
    }

    /// Makes these calls and no others.
    pub fn agrees_on(&mut self, calls: impl Iterator<Item = Call>) -> Result<(), String> {
        let mut spec = Spec::default();
        for call in calls {
            let (answer, expected) = (self.apply(&call), spec.apply(&call));
            if answer != expected {
                return Err(format!("{call:?}\n  answer   {answer:?}\n  expected {expected:?}"));
            }
        }
        match (exact(self.remembered.take()), spec.remembered()) {
            (one, other) if one == other => Ok(()),
            (one, other) => Err(format!("remembered {one:?}, expected {other:?}")),
        }
    }

    fn look(&self, key: &K) -> Answer {
        let value = exact(self.kv.get(key));
        let others = [
            self.kv.with(key, |value| value.to_value()),
            self.kv.get_many([key]).remove(0).map(Value::from),
            Some(self.kv.get_or(key, "default").to_value()).filter(|_| self.kv.exists(key)),
        ];
        for other in others {
            assert_eq!(exact(other), value, "two ways to read");
        }
        let (exists, expiry) = (self.kv.exists(key), self.kv.expiry(key));
        let (ttl, ttl_ms) = (self.kv.ttl(key), self.kv.ttl_ms(key));
        Answer::Look(Seen { value, exists, expiry, ttl, ttl_ms })
    }

    fn get_many(&self, keys: &[Key]) -> Answer {
        let keys = || keys.iter().map(|key| K::of(key));
        let copied = self.kv.get_many(keys());
        let mut in_place = Vec::new();
        self.kv.with_many(keys(), |key, value| in_place.push((key, value.map(|v| v.to_value()))));
        assert!(
            keys().map(K::raw).eq(in_place.iter().map(|(key, _)| key.raw())),
            "not in their order"
        );
        let in_place: Vec<_> = in_place.into_iter().map(|(_, value)| exact(value)).collect();
        let copied: Vec<_> = copied.into_iter().map(exact).collect();
        assert_eq!(copied, in_place, "two ways to read");
        Answer::Values(copied)
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
            assert!(item.expiry() != Expiry::Missing);
        }
        let mut visited = Vec::new();
        self.kv.for_each_key(&pattern, |key| visited.push(key.raw().to_vec()));
        visited.sort_unstable();
        let paged = self.pages(Cursor::START, &pattern, 3);
        for other in [&visited, &paged] {
            assert!(other.iter().eq(keys.iter().map(|key| key.raw())), "{other:?}");
        }
        Answer::Keys(paged)
    }

    /// The keys of a walk by pages, sorted.
    fn pages(&self, mut cursor: Cursor, pattern: &Pattern<K>, count: usize) -> Vec<Key> {
        let mut keys = Vec::new();
        for _ in 0..MANY_PAGES {
            let (next, page) = self.kv.scan_page(cursor, pattern, count);
            keys.extend(page.iter().map(|item| item.key().raw().to_vec()));
            cursor = next;
            if cursor.is_start() {
                keys.sort_unstable();
                return keys;
            }
        }
        panic!("a walk does not end");
    }

    fn walk_prefix(&self, prefix: &Key) -> Answer {
        let items = self.kv.scan_prefix(K::of(prefix));
        let mut keys: Vec<_> = items.map(|item| item.key().raw().to_vec()).collect();
        keys.sort_unstable();
        Answer::Keys(keys)
    }

    /// A walk that begins anywhere meets some of the keys, each once.
    fn walk_from(&self, cursor: u64, count: usize, glob: Glob) -> Answer {
        let cursor = Cursor::from(cursor);
        assert_eq!(Cursor::from(u64::from(cursor)), cursor);
        let pattern = K::of(glob.pattern().as_bytes());
        let met = self.pages(cursor, &Pattern::new(pattern), count);
        let all = self.kv.keys(pattern);
        let all: BTreeSet<_> =
            all.iter().map(|key| std::borrow::Borrow::<K>::borrow(key).raw()).collect();
        assert!(met.windows(2).all(|pair| pair[0] < pair[1]), "{met:?} has a key twice");
        assert!(met.iter().all(|key| all.contains(&key[..])), "{met:?} is not in {all:?}");
        Answer::Done
    }

    /// Sweeps once, or until all that has expired is gone. What goes had expired.
    fn sweep(&self, budget: usize, whole: bool) -> Answer {
        let Self { kv, .. } = self;
        let live = kv.live_len();
        for _ in 0..MANY_SWEEPS {
            let before = kv.len();
            let mut gone = 0;
            let swept = kv.sweep_with(budget, |key, _| {
                assert!(!kv.exists(key), "swept and there");
                gone += 1;
            });
            assert_eq!((swept.removed, swept.busy), (gone, false));
            assert_eq!((kv.len(), kv.live_len()), (before - gone, live));
            // Without a budget there is never an end.
            if !whole || budget == 0 || !swept.more {
                assert!(swept.more || kv.len() == live, "something expired is left");
                return Answer::Count(live);
            }
        }
        panic!("a sweep does not end");
    }

    /// A call around a call: `outer` gets the store, and a closure that makes the
    /// inner call when it runs first.
    fn meanwhile(
        &mut self,
        inner: &Call,
        outer: impl FnOnce(&Kv<K, S, ManualClock>, &mut dyn FnMut()) -> Answer,
    ) -> Answer {
        let kv = self.kv.clone();
        let mut answer = None;
        let outer = outer(&kv, &mut || {
            if answer.is_none() {
                answer = Some(self.apply(inner).into());
            }
        });
        Answer::Both(answer, outer.into())
    }

    fn apply(&mut self, call: &Call) -> Answer {
        let Self { kv, clock, remembered } = self;
        match call {
            Call::Advance(time) => {
                clock.advance(*time);
                Answer::Done
            }
            Call::Set(key, value, Duration::ZERO) => {
                answer(kv.set(K::of(key), value), |()| Answer::Done)
            }
            Call::Set(key, value, ttl) => {
                answer(kv.set_ex(K::of(key), value, *ttl), |()| Answer::Done)
            }
            Call::SetMany(items, ttl) => {
                let items = items.iter().map(|(key, value)| (K::of(key), value));
                answer(kv.set_many(items, *ttl), |()| Answer::Done)
            }
            Call::Swap(key, value, ttl) => answer(kv.swap(K::of(key), value, *ttl), optional),
            Call::SetIf(key, value, ttl, true) => {
                answer(kv.set_if_present(K::of(key), value, *ttl), Answer::Yes)
            }
            Call::SetIf(key, value, ttl, false) => {
                answer(kv.set_if_absent(K::of(key), value, *ttl), Answer::Yes)
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
            Call::SetIfRemembered(key, value, ttl) => match remembered {
                None => Answer::Done,
                Some(seen) => {
                    answer(kv.compare_and_set_snapshot(K::of(key), seen, value, *ttl), Answer::Yes)
                }
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
            Call::IncrWith(key, counting) => {
                answer(kv.incr_with(K::of(key), &counting.options()), |done| {
                    Answer::Counted(done.value, done.applied)
                })
            }
            Call::IncrFloat(key, by) => {
                answer(kv.incr_float(K::of(key), *by), |new| Answer::value(Some(new)))
            }
            Call::Expire(key, ttl, Condition::Always) => Answer::Yes(kv.expire(K::of(key), *ttl)),
            Call::Expire(key, ttl, condition) => {
                Answer::Yes(kv.expire_if(K::of(key), *ttl, *condition))
            }
            Call::GetAndExpire(key, ttl) => optional(kv.get_and_expire(K::of(key), *ttl)),
            Call::Persist(key) => Answer::Yes(kv.persist(K::of(key))),
            Call::Update(key, change) => {
                answer(kv.update(K::of(key), |_| change.clone()), optional)
            }
            Call::GetOrInsert(key, value, ttl) => {
                let made = kv.get_or_insert_with(K::of(key), *ttl, || value.clone());
                answer(made, |snapshot| optional(Some(snapshot)))
            }
            Call::UpdateMeanwhile(key, inner, change) => self.meanwhile(inner, |kv, call| {
                let updated = kv.update(K::of(key), |seen| {
                    call();
                    added(seen.map(Value::from).as_ref(), change)
                });
                answer(updated, optional)
            }),
            Call::InsertMeanwhile(key, inner, value, ttl) => self.meanwhile(inner, |kv, call| {
                let made = kv.get_or_insert_with(K::of(key), *ttl, || {
                    call();
                    value.clone()
                });
                answer(made, |snapshot| optional(Some(snapshot)))
            }),
            Call::ReadMeanwhile(key, inner) => self.meanwhile(inner, |kv, call| {
                Answer::value(kv.with(K::of(key), |value| {
                    call();
                    value.to_value()
                }))
            }),
            Call::GetMany(keys) => self.get_many(keys),
            Call::Walk(glob) => self.walk(*glob),
            Call::WalkPrefix(prefix) => self.walk_prefix(prefix),
            Call::WalkFrom(cursor, count, glob) => self.walk_from(*cursor, *count, *glob),
            Call::DeleteMatching(glob) => {
                let pattern = Pattern::new(K::of(glob.pattern().as_bytes()));
                Answer::Count(kv.delete_matching(&pattern))
            }
            Call::Retain => {
                Answer::Count(kv.retain(|_, value| value.as_int().is_none_or(|int| int % 2 == 0)))
            }
            Call::Fill(count) => {
                for (key, n) in fillers(*count) {
                    kv.set(K::of(key), n).expect("an integer is accepted");
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
            Call::Sweep(budget, whole) => self.sweep(*budget, *whole),
        }
    }
}
