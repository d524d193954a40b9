//! Linearizability of the store, checked on recorded histories of real threads.
//!
//! `recorder` runs a mix of calls, `checker` looks for a linearization of each key's
//! calls, `report` shows the calls of a violation. `checker_tests` and
//! `generated_tests` hold the checker itself to hand-made histories and to an oracle.
//!
//! `EPOCHKV_LIN_EVENTS` sets the number of recorded calls of all tests together
//! (1,500,000 if unset). `EPOCHKV_SEED` sets the seed, which each test prints; the
//! calls of each thread depend on nothing else, the interleaving does.

mod brute;
mod checker;
mod checker_tests;
mod generated_tests;
mod history;
mod mixes;
mod recorder;
mod report;
mod rng;
mod spec;

use checker::Verdict;
use epochkv::ManualClock;
use history::Call;
use mixes::{Beside, Keys, Mix};
use recorder::{TestClock, WallClock, record};
use rng::{Rng, seed_of_run};
use spec::State;

/// The number of mixes below, which share the events.
const MIXES: usize = 6;

/// The calls in one recorded history.
const HISTORY: usize = 100_000;

/// From so many events on, 16 threads are recorded too.
const LONG_RUN: usize = 10_000_000;

/// The widest hot set; each history draws its own width.
const HOT: u64 = 32;

/// Records and checks histories of `mix` until its share of the events is used.
fn run<C: TestClock>(mix: Mix, new_clock: impl Fn() -> C) {
    let seed = seed_of_run();
    println!("{}: EPOCHKV_SEED={seed}", mix.name);
    let total = match std::env::var("EPOCHKV_LIN_EVENTS") {
        Ok(text) => text.trim().parse().expect("EPOCHKV_LIN_EVENTS is a decimal number"),
        Err(_) => 1_500_000,
    };
    let threads: &[u16] = if total < LONG_RUN { &[2, 4, 8] } else { &[2, 4, 8, 16] };
    let share = total / MIXES / threads.len();
    let mut rng = Rng::new(seed);
    for &threads in threads {
        let (mut checked, mut keys, mut steps, mut met) = (0, 0, 0, 0);
        while checked < share {
            let mut mix = mix;
            match &mut mix.keys {
                Keys::Hot(count) | Keys::Both(count) => *count = 1 + rng.below(HOT) as u32,
                Keys::Fresh => {}
            }
            let events = HISTORY.min(share - checked).max(usize::from(threads));
            let history = record(mix, threads, events, rng.next(), &new_clock());
            for (key, calls) in history.into_keys() {
                let outcome = checker::check(&calls, State::ABSENT, checker::budget(calls.len()));
                steps += outcome.steps;
                met += overlaps(&calls);
                keys += 1;
                let place =
                    format!("{}, {threads} threads, EPOCHKV_SEED={seed}, key {key}", mix.name);
                match outcome.verdict {
                    Verdict::Linearizable => {}
                    Verdict::Violation => {
                        panic!("not linearizable: {place}\n{}", report::explain(&calls));
                    }
                    Verdict::Undecided => {
                        panic!(
                            "undecided after {} moves: {place}, {} calls",
                            outcome.steps,
                            calls.len()
                        );
                    }
                }
            }
            checked += events;
        }
        println!(
            "{}: {threads} threads, {checked} calls, {met} met another, {keys} keys, {steps} moves",
            mix.name
        );
    }
}

/// How many calls, sorted by start, began while an earlier one still ran: with none
/// the check would say nothing about races.
fn overlaps(calls: &[Call]) -> usize {
    let mut latest = 0;
    calls
        .iter()
        .filter(|call| {
            let met = call.start < latest;
            latest = latest.max(call.end);
            met
        })
        .count()
}

const PLAIN: Mix =
    Mix { name: "", keys: Keys::Fresh, beside: Beside::Nothing, ttl: false, clear_every: 0 };

#[test]
fn hot_keys_are_linearizable() {
    run(Mix { name: "hot keys", keys: Keys::Hot(1), ..PLAIN }, ManualClock::new);
}

#[test]
fn fresh_keys_are_linearizable() {
    run(Mix { name: "fresh keys", ..PLAIN }, ManualClock::new);
}

#[test]
fn keys_of_a_resizing_table_are_linearizable() {
    let mix = Mix { name: "resizing", keys: Keys::Both(1), beside: Beside::Filler, ..PLAIN };
    run(mix, ManualClock::new);
}

#[test]
fn keys_are_linearizable_with_clear() {
    let mix = Mix { name: "clear", keys: Keys::Both(1), clear_every: 500, ..PLAIN };
    run(mix, ManualClock::new);
}

#[test]
fn keys_that_expire_are_linearizable() {
    let mix = Mix { name: "ttl", keys: Keys::Both(1), beside: Beside::Ticker, ttl: true, ..PLAIN };
    run(mix, ManualClock::new);
}

#[test]
fn keys_that_expire_in_real_time_are_linearizable() {
    let mix = Mix {
        name: "ttl, real time",
        keys: Keys::Both(1),
        beside: Beside::Ticker,
        ttl: true,
        ..PLAIN
    };
    run(mix, WallClock::new);
}
