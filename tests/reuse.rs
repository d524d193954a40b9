//! Threads that come and go, walks in the order of hashes, and cursors that are old.

use epochkv::{Cursor, Kv, Pattern, Snapshot};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::thread;

#[path = "common/weak.rs"]
mod weak;

use weak::Weak;

/// Writes, removes and walks when its thread ends, and drops a snapshot.
struct Late(Kv, Option<Snapshot>, usize);

impl Drop for Late {
    fn drop(&mut self) {
        let Self(kv, held, thread) = self;
        drop(held.take());
        for n in 0..200 {
            kv.set(&format!("late:{thread}:{}", n % 9), "text").unwrap();
            let _ = kv.delete(&format!("gone:{thread}:{n}"));
            kv.incr("late").unwrap();
        }
        assert_eq!(kv.keys(&format!("late:{thread}:*")).len(), 9);
    }
}

thread_local! {
    static FIRST: RefCell<Option<Late>> = const { RefCell::new(None) };
    static LAST: RefCell<Option<Late>> = const { RefCell::new(None) };
}

#[test]
fn threads_that_end_while_their_destructors_work_on_lose_nothing() {
    const THREADS: usize = 400;
    let kv = Kv::new();
    kv.set("shared", "some text").unwrap();
    let one = |thread: usize| {
        let kv = kv.clone();
        thread::spawn(move || {
            let late = |part| Late(kv.clone(), kv.get("shared"), 2 * thread + part);
            // One destructor is registered before those of the store, in some of
            // the threads, and one after them.
            let before = thread % 3 != 0;
            if before {
                FIRST.set(Some(Late(kv.clone(), None, 2 * thread)));
            }
            for n in 0..100 {
                kv.set(&format!("gone:{}:{n}", 2 * thread), n).unwrap();
                kv.set(&format!("gone:{}:{n}", 2 * thread + 1), "text").unwrap();
            }
            LAST.set(Some(late(1)));
            if !before {
                FIRST.set(Some(late(0)));
            }
        })
    };
    for start in (0..THREADS).step_by(8) {
        let threads: Vec<_> = (start..start + 8).map(one).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
    assert_eq!(kv.keys("gone:*"), Vec::<String>::new());
    assert_eq!(kv.get("late").unwrap(), (2 * THREADS * 200) as i64);
    assert_eq!(kv.len(), 2 * THREADS * 9 + 2);
    assert_eq!(kv.live_len(), kv.len());
    assert_eq!(kv.delete_matching(&Pattern::new("*")), 2 * THREADS * 9 + 2);
    assert_eq!(kv.len(), 0);
}

/// Pages of walks that all stand at different places, while the table grows and
/// shrinks between the pages: every stable key once in each walk.
fn old_cursors<S: BuildHasher>(kv: &Kv<str, S>, stable: usize, comers: usize) {
    (0..stable).try_for_each(|n| kv.set(&format!("s{n}"), 1)).unwrap();
    let everything = Pattern::new("*");
    let mut walks: Vec<(Option<Cursor>, BTreeMap<String, usize>)> =
        (0..12).map(|_| (Some(Cursor::START), BTreeMap::new())).collect();
    let mut round = 0;
    while walks.iter().any(|walk| walk.0.is_some()) {
        for (index, (cursor, met)) in walks.iter_mut().enumerate() {
            // Later walks begin later, so that they stand elsewhere.
            let Some(at) = cursor.filter(|_| round >= index) else { continue };
            let (next, page) = kv.scan_page(at, &everything, 256);
            for item in page.iter().filter(|item| item.key().starts_with('s')) {
                *met.entry(item.key().to_owned()).or_default() += 1;
            }
            *cursor = (!next.is_start()).then_some(next);
        }
        match round % 4 {
            0 => (0..comers).try_for_each(|n| kv.set(&format!("t{n}"), 1)).unwrap(),
            // Stops in the middle of a migration, perhaps.
            1 => (0..comers - 7).for_each(|n| _ = kv.delete(&format!("t{n}"))),
            2 => kv.shrink_to_fit(),
            _ => (0..comers / 3).try_for_each(|n| kv.set(&format!("t{n}"), 1)).unwrap(),
        }
        round += 1;
    }
    for (_, met) in walks {
        assert!(met.len() == stable && met.values().all(|&times| times == 1));
    }
}

#[test]
fn old_cursors_meet_every_stable_key_once() {
    for (bits, high) in [(4, false), (4, true), (9, false), (9, true), (20, true), (20, false)] {
        old_cursors(&Kv::builder().hasher(Weak { bits, high }).build(), 700, 3000);
    }
    old_cursors(&Kv::new(), 2000, 60_000);
}
