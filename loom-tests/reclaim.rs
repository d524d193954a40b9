//! Reclamation with the real crossbeam-epoch inside of the model: nothing is
//! freed while a guard can reach it, and all of it is freed in the end (I1, I4,
//! I8).
//!
//! Memory is overwritten when it is freed, so that what loom does not track is
//! seen too: an array of buckets that was retired early has no valid atomics any
//! more, and a record's text no longer is what was written.
#![cfg(epochkv_loom)]

mod common;

use common::poison::Poisoning;
use common::race::World;
use common::tiny::Map;
use common::{Bound, Collector, explore};
use epochkv::internals::pin;
use loom::thread;
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: Poisoning = Poisoning;

const BOUND: Bound = Bound::Preemptions(2);

/// Gives the collector every chance to free what it may.
fn flush() {
    for _ in 0..3 {
        pin().hand_over();
    }
}

/// A map that holds key 7, and the thread's registration with the collector,
/// which would otherwise be explored too.
fn map() -> Arc<Map> {
    let map = Arc::new(Map::new());
    map.insert(7, 1);
    map
}

/// Looks a key up and reads it twice, with a chance for the other thread in
/// between.
fn read_twice(map: &Map) -> Option<u64> {
    let guard = pin();
    let tiny = map.find(7, &guard)?.get();
    let first = tiny.content().value;
    thread::yield_now();
    assert_eq!(tiny.content().value, first);
    Some(first)
}

#[test]
fn a_replaced_entry_stays_for_its_reader() {
    explore("a_replaced_entry_stays_for_its_reader", BOUND, Collector::Epoch, || {
        let map = map();
        let other = Arc::clone(&map);
        let reader = thread::spawn(move || read_twice(&other));
        assert_eq!(map.set(7, 2), Some(1));
        flush();
        let read = reader.join().expect("the reader panicked");
        assert!(matches!(read, Some(1 | 2)));
    });
}

#[test]
fn a_removed_entry_stays_for_its_reader() {
    explore("a_removed_entry_stays_for_its_reader", BOUND, Collector::Epoch, || {
        let map = map();
        let other = Arc::clone(&map);
        let reader = thread::spawn(move || read_twice(&other));
        assert_eq!(map.remove(7), Some(1));
        flush();
        let read = reader.join().expect("the reader panicked");
        assert!(matches!(read, None | Some(1)));
    });
}

/// A reader in the old array, whose entry is replaced in the new one: both the
/// array and the entry stay.
#[test]
fn a_retired_array_stays_for_its_reader() {
    let name = "a_retired_array_stays_for_its_reader";
    explore(name, BOUND, Collector::Epoch, || {
        let map = map();
        let other = Arc::clone(&map);
        let reader = thread::spawn(move || read_twice(&other));
        map.resize(0);
        assert_eq!(map.set(7, 2), Some(1));
        flush();
        let read = reader.join().expect("the reader panicked");
        assert!(matches!(read, Some(1 | 2)));
    });
}

/// A reader in a table that is cleared: it, and the entry in it, are released when the reader
/// has left.
#[test]
fn a_cleared_table_stays_for_its_reader() {
    let name = "a_cleared_table_stays_for_its_reader";
    explore(name, BOUND, Collector::Epoch, || {
        let map = map();
        let other = Arc::clone(&map);
        let reader = thread::spawn(move || read_twice(&other));
        map.table.clear(&pin());
        flush();
        map.table.release_cleared(usize::MAX);
        assert_eq!(map.get(7), None);
        let read = reader.join().expect("the reader panicked");
        assert!(matches!(read, None | Some(1)));
    });
}

/// Of two removers one retires the entry.
#[test]
fn an_entry_is_retired_once() {
    explore("an_entry_is_retired_once", BOUND, Collector::Epoch, || {
        let map = map();
        let other = Arc::clone(&map);
        let remover = thread::spawn(move || other.remove(7).is_some());
        let mine = map.remove(7).is_some();
        flush();
        assert!(mine != remover.join().expect("the remover panicked"));
    });
}

/// A snapshot is made under a guard and lives without one, whatever happens to
/// the key and to the store.
#[test]
fn a_snapshot_outlives_its_key() {
    explore("a_snapshot_outlives_its_key", BOUND, Collector::Epoch, || {
        let world = World::new();
        world.kv.set("k", "some text").expect("a text is not deep");
        let other = world.kv.clone();
        let reader = thread::spawn(move || other.get("k"));
        assert!(world.kv.delete("k"));
        flush();
        let snapshot = reader.join().expect("the reader panicked");
        drop(world);
        flush();
        if let Some(snapshot) = snapshot {
            assert_eq!(snapshot, "some text");
        }
    });
}
