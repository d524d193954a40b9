//! Reads in place keep what they read, and only as long as they last.

use super::{alone, out};
use epochkv::Kv;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Enough reads for a thread to read without guards.
fn warm(kv: &Kv) {
    for _ in 0..10_000 {
        assert!(kv.exists("warm"));
    }
}

/// Does `work` while a thread reads the text of "k" in place, which stays what it was.
fn while_it_is_read(kv: &Kv, warm: impl Fn() + Send, work: impl FnOnce()) {
    kv.set("warm", 0).unwrap();
    kv.set("k", "the text that is being read").unwrap();
    thread::scope(|scope| {
        // In here, so that a failure lets the reader go.
        let (at_it, is_at_it) = mpsc::channel();
        let (done, is_done) = mpsc::channel::<()>();
        let reader = scope.spawn(move || {
            warm();
            kv.with("k", |value| {
                // A section within: its end is not the end of this one.
                warm();
                let text = value.as_str().unwrap();
                at_it.send(()).unwrap();
                is_done.recv().unwrap();
                assert_eq!(text, "the text that is being read");
            })
        });
        is_at_it.recv().unwrap();
        work();
        done.send(()).unwrap();
        assert_eq!(reader.join().unwrap(), Some(()));
    });
}

/// While a thread reads a text in place, others replace it, and reuse all memory that
/// they get back: the text stays what it was.
#[test]
fn a_text_that_is_read_in_place_is_not_overwritten() {
    let _alone = alone();
    let kv = Kv::new();
    let replace = || {
        for _ in 0..100 {
            for _ in 0..1_000 {
                kv.set("k", "another text, just as long!").unwrap();
            }
            kv.flush();
        }
        assert!(kv.stats().garbage > 0, "what is read waits");
    };
    while_it_is_read(&kv, || warm(&kv), replace);
    kv.flush();
    assert_eq!(kv.stats().garbage, 0);
}

/// A thread that removes one entry and ends frees it no sooner than others.
#[test]
fn what_a_thread_has_removed_when_it_ends_waits_too() {
    let _alone = alone();
    let kv = Kv::new();
    let fill = |name: usize| {
        for m in 0..2_000 {
            kv.set(&*format!("{name}:{m}"), "another text, just as long!").unwrap();
        }
    };
    let remove = || {
        assert!(thread::scope(|scope| scope.spawn(|| kv.delete("k")).join().unwrap()));
        // Whoever gets the memory now, from whatever thread, writes to it.
        thread::scope(|scope| {
            (1..5).for_each(|name| _ = scope.spawn(move || fill(name)));
            fill(0);
        });
    };
    while_it_is_read(&kv, || (), remove);
}

/// Threads that have read and now do nothing hold back nothing for long.
#[test]
fn idle_readers_hold_back_little() {
    let _alone = alone();
    let kv = Kv::new();
    kv.set("warm", 0).unwrap();
    thread::scope(|scope| {
        // In here, so that a failure lets the reader go.
        let (stop, is_stopped) = mpsc::channel::<()>();
        let (idle, is_idle) = mpsc::channel();
        let kv = &kv;
        scope.spawn(move || {
            warm(kv);
            idle.send(()).unwrap();
            is_stopped.recv().unwrap();
        });
        is_idle.recv().unwrap();
        for n in 0..200_000 {
            kv.set("k", &*format!("text {n}")).unwrap();
            if n % 1000 == 999 {
                let garbage = kv.stats().garbage;
                assert!(garbage < 20_000, "{garbage} entries wait");
            }
        }
        stop.send(()).unwrap();
    });
}

/// When nobody writes any more, those who read free what is left.
#[test]
fn readers_alone_free_what_is_left() {
    let _alone = alone();
    let kv = Kv::new();
    kv.set("warm", 0).unwrap();
    let large = "x".repeat(1 << 20);
    let before = out().0;
    for n in 0..64 {
        kv.set(&n.to_string(), &*large).unwrap();
    }
    thread::scope(|scope| {
        let (delete, is_to_delete) = mpsc::channel::<()>();
        let (deleted, is_deleted) = mpsc::channel();
        let (_stop, is_stopped) = mpsc::channel::<()>();
        let kv = &kv;
        scope.spawn(move || {
            is_to_delete.recv().unwrap();
            (0..64).for_each(|n| assert!(kv.delete(&n.to_string())));
            deleted.send(()).unwrap();
            // Idle, not ended: it hands over nothing more.
            assert!(is_stopped.recv().is_err());
        });
        warm(kv);
        delete.send(()).unwrap();
        is_deleted.recv().unwrap();
        let start = Instant::now();
        while out().0 > before + (2 << 20) {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{} bytes are out",
                out().0 - before
            );
            warm(kv);
        }
    });
}
