//! The table with the smallest possible entry: no values, no TTL, no globs.

use super::{Cursor, Entry, Place, Table};
use crate::reclaim::{self, Guard, Managed, Owned, Shared};
use core::cell::Cell;
use core::cmp::Ordering as Compare;
use core::ptr::NonNull;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

thread_local! {
    /// So many hashes are told before one panics; 0 for none.
    static PANICS_AFTER: Cell<u64> = const { Cell::new(0) };
}

/// A key, a number, and a witness of its own release. Aligned as slot words need.
#[repr(align(16))]
pub(super) struct Tiny {
    pub(super) key: u64,
    value: u64,
    hash: u64,
    committed: AtomicBool,
    alive: Arc<AtomicUsize>,
}

impl Drop for Tiny {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

// SAFETY: the one reference of a `Tiny` is its box.
unsafe impl Managed for Tiny {
    unsafe fn release(this: NonNull<Self>) {
        // SAFETY: made by `Box::into_raw` in `tiny`.
        drop(unsafe { Box::from_raw(this.as_ptr()) });
    }

    fn bytes(_: Shared<'_, Self>) -> usize {
        size_of::<Self>()
    }
}

impl Entry for Tiny {
    type Key = u64;

    const REACH: usize = 0;

    fn hash(this: Shared<'_, Self>) -> u64 {
        PANICS_AFTER.set(PANICS_AFTER.get().wrapping_sub(1));
        assert!(PANICS_AFTER.get() != 0, "as planned");
        this.get().hash
    }

    fn has_key(this: Shared<'_, Self>, key: &u64) -> bool {
        this.get().key == *key
    }

    fn compare_keys(a: Shared<'_, Self>, b: Shared<'_, Self>) -> Compare {
        a.get().key.cmp(&b.get().key)
    }

    fn set_committed(this: Shared<'_, Self>) {
        this.get().committed.store(true, Ordering::Release);
    }

    fn is_committed(this: Shared<'_, Self>) -> bool {
        this.get().committed.load(Ordering::Acquire)
    }

    fn duplicate(this: Shared<'_, Self>) -> Owned<Self> {
        let this = this.get();
        tiny(this.key, this.value, this.hash, &this.alive)
    }
}

fn tiny(key: u64, value: u64, hash: u64, alive: &Arc<AtomicUsize>) -> Owned<Tiny> {
    alive.fetch_add(1, Ordering::SeqCst);
    let tiny = Tiny { key, value, hash, committed: AtomicBool::new(false), alive: alive.clone() };
    let raw = NonNull::from(Box::leak(Box::new(tiny)));
    // SAFETY: the only reference to a valid entry.
    unsafe { Owned::from_raw(raw) }
}

/// How many hashes entries have told meanwhile.
pub(super) fn hashes_told(call: impl FnOnce()) -> u64 {
    PANICS_AFTER.set(0);
    call();
    PANICS_AFTER.replace(0).wrapping_neg()
}

pub(super) type Hash = fn(u64) -> u64;

/// Spreads well.
pub(super) fn spread(key: u64) -> u64 {
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

/// All keys in one bucket with one tag.
pub(super) fn collide(_: u64) -> u64 {
    0x1234_5678_9abc_def0
}

/// A map of numbers on the table.
pub(super) struct Map {
    pub(super) table: Table<Tiny>,
    hash: Hash,
    alive: Arc<AtomicUsize>,
}

impl Map {
    pub(super) fn new(hash: Hash) -> Self {
        Self::with_buckets(0, hash)
    }

    pub(super) fn with_buckets(lg: u32, hash: Hash) -> Self {
        Self { table: Table::with_buckets(lg), hash, alive: Arc::default() }
    }

    pub(super) fn get(&self, key: u64) -> Option<u64> {
        let guard = reclaim::pin();
        self.table.find((self.hash)(key), &key, &guard).map(|tiny| tiny.get().value)
    }

    /// Sets the key; returns the old value.
    pub(super) fn set(&self, key: u64, value: u64) -> Option<u64> {
        let guard = reclaim::pin();
        let mut entry = tiny(key, value, (self.hash)(key), &self.alive);
        loop {
            let tried = match self.locate(key, &guard) {
                Place::Occupied(place) => self
                    .table
                    .replace(place, entry, &guard)
                    .map(|(_, old)| Some(old.share().get().value)),
                Place::Vacant(place) => self.table.insert(place, entry, &guard).map(|_| None),
            };
            match tried {
                Ok(old) => return old,
                Err(back) => entry = back,
            }
        }
    }

    fn set_if_absent(&self, key: u64, value: u64) -> bool {
        let guard = reclaim::pin();
        let mut entry = tiny(key, value, (self.hash)(key), &self.alive);
        loop {
            let Place::Vacant(place) = self.locate(key, &guard) else {
                return false;
            };
            match self.table.insert(place, entry, &guard) {
                Ok(_) => return true,
                Err(back) => entry = back,
            }
        }
    }

    pub(super) fn remove(&self, key: u64) -> Option<u64> {
        let guard = reclaim::pin();
        loop {
            let Place::Occupied(place) = self.locate(key, &guard) else {
                return None;
            };
            if let Some(old) = self.table.remove(place, &guard) {
                return Some(old.share().get().value);
            }
        }
    }

    fn locate<'g>(&self, key: u64, guard: &'g Guard) -> Place<'g, Tiny> {
        self.table.locate((self.hash)(key), &key, guard)
    }

    pub(super) fn keys(&self) -> Vec<u64> {
        let mut keys = Vec::new();
        let mut cursor = Some(Cursor::START);
        while let Some(at) = cursor {
            let guard = reclaim::pin();
            let mut found = Vec::new();
            cursor = self.table.visit(at, &mut found, &guard);
            keys.extend(found.iter().map(|tiny| tiny.get().key));
        }
        keys
    }

    pub(super) fn len(&self) -> usize {
        self.table.len(&reclaim::pin())
    }
}

/// Runs deferred work until `done` or until it is clear that it never comes.
fn flush_until(done: impl Fn() -> bool) -> bool {
    (0..100_000).any(|_| {
        reclaim::pin().hand_over();
        reclaim::free(Vec::new(), true);
        std::thread::yield_now();
        done()
    })
}

/// A random walk against the standard map, with forced resizes.
fn agrees_with_std(hash: Hash, keys: u64, steps: u64) {
    let map = Map::new(hash);
    let mut model = HashMap::new();
    let mut random = 7u64;
    for step in 0..steps {
        random = spread(random.wrapping_add(step));
        let key = (random >> 8) % keys;
        match random % 8 {
            0..3 => assert_eq!(map.set(key, step), model.insert(key, step)),
            3 => {
                let absent = !model.contains_key(&key);
                assert_eq!(map.set_if_absent(key, step), absent);
                model.entry(key).or_insert(step);
            }
            4..6 => assert_eq!(map.remove(key), model.remove(&key)),
            _ => assert_eq!(map.get(key), model.get(&key).copied()),
        }
        if random % 97 == 0 {
            map.table.resize_to((random >> 20) as u32 % 10, &reclaim::pin());
        }
        if random % 1009 == 0 {
            let mut keys = map.keys();
            keys.sort_unstable();
            let expected: BTreeSet<_> = model.keys().copied().collect();
            assert!(keys.into_iter().eq(expected));
            assert_eq!(map.len(), model.len());
        }
    }
    let alive = map.alive.clone();
    drop(map);
    assert!(flush_until(|| alive.load(Ordering::SeqCst) == 0), "entries leaked");
}

#[test]
fn behaves_like_a_map() {
    agrees_with_std(spread, 500, 60_000);
    agrees_with_std(u64::reverse_bits, 500, 30_000);
    agrees_with_std(|key| key, 100, 10_000);
    agrees_with_std(collide, 40, 20_000);
    agrees_with_std(|key| spread(key) << 60, 60, 20_000);
}

#[test]
fn grows_and_shrinks_by_itself() {
    let map = Map::new(spread);
    let count = 100_000;
    (0..count).for_each(|key| assert_eq!(map.set(key, key), None));
    let full = map.table.shape(&reclaim::pin());
    assert!(full.buckets >= 100_000 / 8 && full.buckets <= 100_000, "{full:?}");
    assert_eq!(map.len(), 100_000);
    for key in 0..count {
        assert_eq!(map.remove(key), Some(key));
    }
    map.table.shrink_to_fit();
    assert_eq!(map.table.shape(&reclaim::pin()).buckets, 1);
    assert_eq!(map.len(), 0);
}

#[test]
fn clear_removes_everything_and_releases_it() {
    let map = Map::new(spread);
    for round in 0..20 {
        (0..3000).for_each(|key| _ = map.set(key, round));
        map.table.resize_to(11, &reclaim::pin());
        (0..100).for_each(|key| _ = map.set(key, round));
        map.table.clear(&reclaim::pin());
        assert_eq!((map.len(), map.get(1), map.keys()), (0, None, vec![]));
    }
    let alive = || map.alive.load(Ordering::SeqCst);
    assert!(flush_until(|| map.table.release_cleared(1)), "there are cleared tables");
    assert!(alive() > 1000, "more is left after the first bucket");
    assert!(flush_until(|| !map.table.release_cleared(100) && alive() == 0), "entries leaked");
}

#[test]
fn dropped_in_the_middle_of_a_migration() {
    for lg in [0, 4, 9, 12] {
        for writes in [0, 1, 20] {
            let map = Map::new(spread);
            (0..5000).for_each(|key| _ = map.set(key, 0));
            map.table.finish_migration();
            map.table.resize_to(lg, &reclaim::pin());
            (0..writes).for_each(|key| _ = map.set(key, 1));
            let alive = map.alive.clone();
            drop(map);
            assert!(flush_until(|| alive.load(Ordering::SeqCst) == 0), "lg {lg}, {writes}");
        }
    }
}

/// Threads that race for the same few keys while the table is resized all the
/// time: insertions minus removals must be what is left, per key.
fn races_balance(hash: Hash) {
    const KEYS: u64 = 6;
    let map = Map::new(hash);
    let stop = AtomicBool::new(false);
    let balance = std::thread::scope(|scope| {
        let resizer = scope.spawn(|| {
            let mut lg = 0;
            while !stop.load(Ordering::Relaxed) {
                map.table.resize_to(lg % 4, &reclaim::pin());
                map.table.finish_migration();
                lg += 1;
            }
        });
        let writers: Vec<_> = (0..3u64)
            .map(|thread| {
                let map = &map;
                scope.spawn(move || {
                    let mut balance: BTreeMap<u64, i64> = BTreeMap::new();
                    let mut random = thread;
                    for step in 0..40_000 {
                        random = spread(random.wrapping_add(step));
                        let key = (random >> 8) % KEYS;
                        let change = match random % 4 {
                            0 => i64::from(map.set_if_absent(key, step)),
                            1 => i64::from(map.set(key, step).is_none()),
                            _ => -i64::from(map.remove(key).is_some()),
                        };
                        *balance.entry(key).or_default() += change;
                    }
                    balance
                })
            })
            .collect();
        let mut sum: BTreeMap<u64, i64> = BTreeMap::new();
        for writer in writers {
            for (key, change) in writer.join().expect("a writer failed") {
                *sum.entry(key).or_default() += change;
            }
        }
        stop.store(true, Ordering::Relaxed);
        resizer.join().expect("the resizer failed");
        sum
    });
    for key in 0..KEYS {
        let present = i64::from(map.get(key).is_some());
        assert_eq!(balance.get(&key).copied().unwrap_or(0), present, "key {key}");
    }
    let alive = map.alive.clone();
    drop(map);
    assert!(flush_until(|| alive.load(Ordering::SeqCst) == 0), "entries leaked");
}

#[test]
fn racing_writers_balance() {
    races_balance(spread);
    races_balance(collide);
}

#[test]
fn a_scan_meets_every_stable_key_once_across_resizes() {
    let map = Map::new(spread);
    let stable: BTreeSet<u64> = (0..1000).collect();
    stable.iter().for_each(|&key| _ = map.set(key, 0));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 1..3u64 {
            let (map, stop) = (&map, &stop);
            scope.spawn(move || {
                let mut step = 0;
                while !stop.load(Ordering::Relaxed) {
                    step += 1;
                    let key = 1000 * thread + step % 900;
                    if step / 900 % 2 == 0 {
                        _ = map.set(key, 0)
                    } else {
                        _ = map.remove(key)
                    }
                    if step % 500 == 0 {
                        let lg = (step / 500 * thread) as u32 % 11;
                        map.table.resize_to(lg, &reclaim::pin());
                    }
                }
            });
        }
        for _ in 0..60 {
            let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
            map.keys().into_iter().for_each(|key| *counts.entry(key).or_default() += 1);
            assert!(stable.iter().all(|key| counts.get(key) == Some(&1)), "a stable key");
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn every_word_is_a_cursor_and_a_step_costs_one_bucket() {
    let map = Map::new(spread);
    (0..1000).for_each(|key| _ = map.set(key, 0));
    for word in [0u64, 1, 1 << 56, 1 << 63, u64::MAX] {
        let mut found = Vec::new();
        let guard = reclaim::pin();
        let next = map.table.visit(Cursor::from(word), &mut found, &guard);
        assert!(found.len() < 50 && next.is_none_or(|next| u64::from(next) > word));
    }
}

/// Hashes of a few buckets only, at both ends.
pub(super) fn ends(key: u64) -> u64 {
    if key % 2 == 0 { spread(key) >> 60 } else { !(spread(key) >> 60) }
}

#[test]
fn stopped_at_every_point_of_a_migration() {
    for hash in [spread as Hash, collide, ends, |key| key << 48, |key| key] {
        for (from, to) in [(0, 0), (0, 3), (3, 0), (5, 5), (5, 6), (6, 5), (7, 2), (2, 7)] {
            for writes in 0..20 {
                let map = Map::new(hash);
                let guard = reclaim::pin();
                map.table.resize_to(from, &guard);
                map.table.finish_migration();
                (0..90).for_each(|key| _ = map.set(key, 0));
                map.table.resize_to(to, &guard);
                drop(guard);
                (0..writes).for_each(|key| _ = map.set(key * 7, 1));
                let mut keys = map.keys();
                keys.sort_unstable();
                let twice = keys.windows(2).any(|pair| pair[0] == pair[1]);
                assert!(!twice && (0..90).all(|key| keys.binary_search(&key).is_ok()));
                if writes % 2 == 0 {
                    map.table.clear(&reclaim::pin());
                }
                let alive = map.alive.clone();
                drop(map);
                assert!(flush_until(|| alive.load(Ordering::SeqCst) == 0), "{from} {to} {writes}");
            }
        }
    }
}

#[test]
fn a_walk_from_any_hash_meets_what_is_not_below_it() {
    for hash in [spread as Hash, collide, ends] {
        let map = Map::new(hash);
        (0..300).for_each(|key| _ = map.set(key, 0));
        for lg in [0, 1, 6, 9, 0] {
            map.table.resize_to(lg, &reclaim::pin());
            // In the middle of the migration, and after it.
            for _ in 0..2 {
                for from in (0..300).map(hash).flat_map(|hash| [hash, hash.wrapping_add(1)]) {
                    let guard = reclaim::pin();
                    let mut met = Vec::new();
                    let mut cursor = Some(Cursor::from(from));
                    while let Some(at) = cursor {
                        cursor = map.table.visit(at, &mut met, &guard);
                    }
                    let expected = (0..300).filter(|&key| hash(key) >= from).count();
                    assert_eq!(met.len(), expected, "lg {lg}, from {from:#x}");
                    assert!(met.iter().all(|tiny| tiny.get().hash >= from));
                }
                map.table.finish_migration();
            }
        }
    }
}

#[test]
fn the_shape_counts_what_a_chain_takes() {
    let map = Map::with_buckets(6, collide);
    let shape = || map.table.shape(&reclaim::pin());
    let fill = |keys: u64| (0..keys).for_each(|key| _ = map.set(key, 0));
    fill(7);
    let alone = shape();
    assert_eq!((alone.buckets, alone.overflow_buckets), (64, 0));
    // Eight bytes are a bucket's filter.
    assert!((64 * 72..65 * 72 + 1024).contains(&alone.bytes), "{alone:?}");
    // A slab of this table has eight buckets.
    fill(8);
    let slab = shape().bytes - alone.bytes;
    assert!((8 * 64..9 * 64).contains(&slab), "{slab}");
    for (keys, buckets) in [(8, 1), (14, 1), (15, 2), (63, 8), (64, 9)] {
        fill(keys);
        let shape = shape();
        assert_eq!(shape.overflow_buckets, buckets, "{keys} keys");
        assert_eq!(shape.bytes, alone.bytes + buckets.div_ceil(8) * slab, "{keys} keys");
    }
    let before = shape().bytes;
    map.table.resize_to(7, &reclaim::pin());
    let both = shape().bytes - before;
    assert!((128 * 72..128 * 72 + 1024).contains(&both), "{both}");
}

#[test]
fn a_panic_while_it_looks_for_rivals_withdraws_the_insertion() {
    let map = Map::new(collide);
    map.set(1, 1);
    let insert = || {
        // Of the other key, which has the same tag.
        PANICS_AFTER.set(1);
        map.set(2, 2)
    };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(insert)).expect_err("it panics");
    assert_eq!((map.len(), map.get(2), map.keys()), (1, None, vec![1]));
    assert!(flush_until(|| map.alive.load(Ordering::SeqCst) == 1), "an entry leaked");
    assert_eq!((map.set(2, 3), map.get(2), map.len()), (None, Some(3), 2));
}
