//! The lock, on a clock that the tests move.
#![cfg(not(epochkv_loom))]

use epochkv::{Kv, ManualClock};
use epochkv_job_lock::JobLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const TIME: Duration = Duration::from_secs(60);

fn lock() -> (JobLock<ManualClock>, ManualClock) {
    let clock = ManualClock::new();
    (JobLock::new(Kv::builder().clock(clock.clone()).build(), "job", TIME), clock)
}

#[test]
fn one_holder_at_a_time_each_with_a_higher_number() {
    let (lock, _) = lock();
    let first = lock.try_lock().unwrap().unwrap();
    assert!(lock.try_lock().unwrap().is_none());
    let number = first.number();
    drop(first);
    let second = lock.try_lock().unwrap().unwrap();
    assert!(second.number() > number);
}

#[test]
fn a_holder_that_is_gone_holds_nothing_back() {
    let (lock, clock) = lock();
    std::mem::forget(lock.try_lock().unwrap());
    clock.advance(TIME - Duration::from_millis(1));
    assert!(lock.try_lock().unwrap().is_none());
    clock.advance(Duration::from_millis(1));
    assert!(lock.try_lock().unwrap().is_some());
}

#[test]
fn a_slow_holder_neither_gives_back_nor_extends_what_is_not_its_own() {
    let (lock, clock) = lock();
    let slow = lock.try_lock().unwrap().unwrap();
    clock.advance(TIME);
    assert!(!slow.extend().unwrap(), "its time is over, and nobody holds the lock");
    let next = lock.try_lock().unwrap().unwrap();
    assert!(!slow.extend().unwrap());
    drop(slow);
    assert!(next.extend().unwrap(), "the next one still holds it");
    assert!(lock.try_lock().unwrap().is_none());
}

#[test]
fn who_extends_has_the_whole_time_again() {
    let (lock, clock) = lock();
    let held = lock.try_lock().unwrap().unwrap();
    for _ in 0..10 {
        clock.advance(TIME - Duration::from_millis(1));
        assert!(held.extend().unwrap());
    }
    assert!(lock.try_lock().unwrap().is_none());
}

#[test]
fn threads_exclude_each_other() {
    let (lock, _) = lock();
    let (busy, runs) = (AtomicBool::new(false), AtomicU64::new(0));
    let work = || {
        // Ends, because whoever is refused was refused by a holder.
        for _ in 0..2_500 {
            let held = loop {
                match lock.try_lock().unwrap() {
                    Some(held) => break held,
                    None => thread::yield_now(),
                }
            };
            assert!(!busy.swap(true, Ordering::Relaxed), "two at once");
            runs.fetch_add(1, Ordering::Relaxed);
            busy.store(false, Ordering::Relaxed);
            drop(held);
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    assert_eq!(runs.into_inner(), 10_000);
}
