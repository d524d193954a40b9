//! Linearizability of the store, checked on recorded histories of real threads.
//!
//! `recorder` runs a mix of calls, `checker` looks for a linearization of each key's
//! calls, `report` shows the calls of a violation. `checker_tests`, `cut_tests` and
//! `generated_tests` hold the checker itself to hand-made histories and to an oracle.
//!
//! `EPOCHKV_LIN_EVENTS` sets the number of recorded calls of all tests together
//! (1,500,000 if unset). `EPOCHKV_SEED` sets the seed, which each test prints: which
//! operations each thread draws. On which keys of a round, with which values expected,
//! depends on what the others do meanwhile.

mod brute;
mod calls;
mod checker;
mod checker_tests;
mod cut_tests;
mod generated_tests;
mod history;
mod mixes;
mod recorder;
mod report;
mod rng;
mod search;
mod spec;
mod tally;

use epochkv::ManualClock;
use mixes::{Beside, Keys, Mix};
use recorder::{FastClock, TestClock, record};
use rng::{Rng, seed_of_run};
use std::time::Instant;
use tally::Tally;

/// The number of mixes below, which share the events.
const MIXES: usize = 7;

/// From so many events on, 16 threads are recorded too.
const LONG_RUN: usize = 10_000_000;

/// Records and checks histories of `mix` until its share of the events is used.
fn run<C: TestClock>(mix: Mix, new_clock: impl Fn(&mut Rng) -> C) {
    let seed = seed_of_run();
    println!("{}: EPOCHKV_SEED={seed}", mix.name);
    let total = match std::env::var("EPOCHKV_LIN_EVENTS") {
        Ok(text) => text.trim().parse().expect("EPOCHKV_LIN_EVENTS is a decimal number"),
        Err(_) => 1_500_000,
    };
    let threads: &[u16] = if total < LONG_RUN { &[2, 4, 8] } else { &[2, 4, 8, 16] };
    let share = total.div_ceil(MIXES * threads.len());
    let mut rng = Rng::new(seed);
    for &threads in threads {
        let mut tally = Tally::default();
        while tally.recorded < share {
            let length = mix.longest >> rng.below(5);
            let events = (length as usize).min(share - tally.recorded) as u32;
            let clock = new_clock(&mut rng);
            let begun = Instant::now();
            let (history, stats) = record(mix, threads, events, rng.next(), &clock);
            tally.recording += begun.elapsed();
            tally.resizes += stats.resizes;
            tally.expired += stats.expired;
            tally.recorded += events as usize;
            let begun = Instant::now();
            let found = tally::check(history);
            tally.checking += begun.elapsed();
            tally += found.unwrap_or_else(|what| {
                panic!("{}, {threads} threads, EPOCHKV_SEED={seed}, {what}", mix.name)
            });
        }
        println!("{}: {threads} threads, {tally}", mix.name);
    }
}

const PLAIN: Mix = Mix {
    name: "",
    keys: Keys::Fresh,
    beside: Beside::Nothing,
    ttl: false,
    clear_every: 0,
    longest: 64_000,
};

fn manual(_: &mut Rng) -> ManualClock {
    ManualClock::new()
}

#[test]
fn hot_keys_are_linearizable() {
    run(Mix { name: "hot keys", keys: Keys::Hot, ..PLAIN }, manual);
}

#[test]
fn fresh_keys_are_linearizable() {
    run(Mix { name: "fresh keys", ..PLAIN }, manual);
}

#[test]
fn keys_of_a_resizing_table_are_linearizable() {
    // Short histories: the table stays small, so that it grows and shrinks often.
    let mix =
        Mix { name: "resizing", keys: Keys::Both, beside: Beside::Filler, longest: 8_000, ..PLAIN };
    run(mix, manual);
}

#[test]
fn keys_are_linearizable_with_clear() {
    let mix = Mix { name: "clear", keys: Keys::Both, clear_every: 500, ..PLAIN };
    run(mix, manual);
}

#[test]
fn keys_that_expire_are_linearizable() {
    let mix = Mix { name: "ttl", keys: Keys::Both, beside: Beside::Ticker, ttl: true, ..PLAIN };
    run(mix, manual);
}

#[test]
fn keys_that_expire_are_linearizable_with_clear() {
    let mix = Mix {
        name: "ttl and clear",
        keys: Keys::Both,
        beside: Beside::Ticker,
        ttl: true,
        clear_every: 100,
        ..PLAIN
    };
    run(mix, manual);
}

#[test]
fn keys_that_expire_in_real_time_are_linearizable() {
    let mix = Mix {
        name: "ttl, real time",
        keys: Keys::Both,
        beside: Beside::Ticker,
        ttl: true,
        ..PLAIN
    };
    // From a millisecond in a hundred calls to one in a few.
    run(mix, |rng| FastClock::new(32 << rng.below(5)));
}
