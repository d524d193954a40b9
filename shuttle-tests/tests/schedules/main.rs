//! The shipped store under random schedules: four threads of eight calls each.
//!
//! `explore` runs a scenario, the modules below `tests/linearize` judge what its threads
//! have seen. `EPOCHKV_SCHEDULES` sets the number of schedules of each scenario (1,000 if
//! unset), `EPOCHKV_SEED` the seed, which each scenario prints. `EPOCHKV_SCHEDULE` is one
//! schedule to be replayed, as a failed scenario has printed it.
#![cfg(epochkv_loom)]

#[path = "../../../tests/linearize/calls.rs"]
mod calls;
#[allow(dead_code)]
#[path = "../../../tests/linearize/checker.rs"]
mod checker;
mod draw;
mod explore;
#[allow(dead_code)]
#[path = "../../../tests/linearize/history.rs"]
mod history;
#[path = "../../../loom-tests/common/poison.rs"]
mod poison;
#[path = "../../../tests/linearize/report.rs"]
mod report;
#[allow(dead_code)]
#[path = "../../../tests/linearize/rng.rs"]
mod rng;
#[allow(dead_code)]
#[path = "../../../tests/linearize/search.rs"]
mod search;
#[allow(dead_code)]
#[path = "../../../tests/linearize/spec.rs"]
mod spec;

use draw::{Draw, MILLISECOND, Step};
use explore::{Collector, Scenario, explore};
use history::Op;

#[global_allocator]
static ALLOCATOR: poison::Poisoning = poison::Poisoning;

/// A table of one bucket, and garbage that waits for the end of the schedule.
const PLAIN: Scenario = Scenario {
    name: "",
    keys: 1,
    collector: Collector::Keep,
    resizes: false,
    expires: false,
    draw: any,
};

/// Any operation, without deadlines.
fn any(draw: &mut Draw) -> Step {
    let op = match draw.rng.below(14) {
        0 | 1 => Op::Get,
        2 => Op::Exists,
        3 => Op::Set(draw.value(), None),
        4 => Op::Swap(draw.value(), None),
        5 => Op::SetIfAbsent(draw.value(), None),
        6 => Op::SetIfPresent(draw.value(), None),
        7 => Op::GetOrInsert(draw.value(), None),
        8 => Op::CompareAndSet(draw.seen(), draw.value(), None),
        9 => Op::CompareAndDelete(draw.seen()),
        10 => Op::Delete,
        11 => Op::Take,
        12 => return Step::Update(draw.amount()),
        _ => Op::Incr(draw.amount()),
    };
    Step::Call(op)
}

#[test]
fn one_key() {
    explore(Scenario { name: "one_key", ..PLAIN });
}

#[test]
fn counters() {
    let draw = |draw: &mut Draw| match draw.rng.below(12) {
        0 => Step::Call(Op::Get),
        1 => Step::Call(Op::Set(draw.value(), None)),
        2 => Step::Call(Op::Take),
        3 => Step::Call(Op::CompareAndSet(draw.seen(), draw.value(), None)),
        _ => Step::Call(Op::Incr(draw.amount())),
    };
    explore(Scenario { name: "counters", keys: 2, draw, ..PLAIN });
}

/// Insertions and removals of a few keys that share a bucket.
#[test]
fn insertions() {
    let draw = |draw: &mut Draw| match draw.rng.below(8) {
        0 => Step::Call(Op::Set(draw.value(), None)),
        1 | 2 => Step::Call(Op::SetIfAbsent(draw.value(), None)),
        3 => Step::Call(Op::GetOrInsert(draw.value(), None)),
        4 => Step::Call(Op::Get),
        5 => Step::Call(Op::Take),
        _ => Step::Call(Op::Delete),
    };
    explore(Scenario { name: "insertions", keys: 3, draw, ..PLAIN });
}

#[test]
fn comparisons() {
    let draw = |draw: &mut Draw| match draw.rng.below(8) {
        0 | 1 => Step::Call(Op::Get),
        2 => Step::Call(Op::SetIfAbsent(draw.value(), None)),
        3 => Step::Call(Op::Incr(draw.amount())),
        4 => Step::Call(Op::CompareAndDelete(draw.seen())),
        _ => Step::Call(Op::CompareAndSet(draw.seen(), draw.value(), None)),
    };
    explore(Scenario { name: "comparisons", keys: 2, draw, ..PLAIN });
}

#[test]
fn updates() {
    let draw = |draw: &mut Draw| match draw.rng.below(8) {
        0 => Step::Call(Op::Get),
        1 => Step::Call(Op::Delete),
        2 => Step::Call(Op::Swap(draw.value(), None)),
        3 => Step::Call(Op::Incr(draw.amount())),
        _ => Step::Update(draw.amount()),
    };
    explore(Scenario { name: "updates", draw, ..PLAIN });
}

/// More keys than a bucket takes, so that the table grows by itself.
#[test]
fn growth() {
    let draw = |draw: &mut Draw| match draw.rng.below(8) {
        0..4 => Step::Call(Op::Set(draw.value(), None)),
        4 => Step::Call(Op::Incr(draw.amount())),
        5 => Step::Call(Op::Delete),
        _ => any(draw),
    };
    explore(Scenario { name: "growth", keys: 9, resizes: true, draw, ..PLAIN });
}

/// A table that is moved into arrays of one, two and four buckets.
#[test]
fn resizes() {
    let draw = |draw: &mut Draw| match draw.rng.below(8) {
        0 => Step::Resize(draw.rng.below(3) as u32),
        _ => any(draw),
    };
    explore(Scenario { name: "resizes", keys: 3, resizes: true, draw, ..PLAIN });
}

#[test]
fn clear() {
    let draw = |draw: &mut Draw| match draw.rng.below(12) {
        0 => Step::Resize(draw.rng.below(2) as u32),
        1 | 2 => Step::Call(Op::Clear),
        _ => any(draw),
    };
    explore(Scenario { name: "clear", keys: 2, resizes: true, draw, ..PLAIN });
}

/// Deadlines, a clock that moves, and sweeps.
#[test]
fn expiry() {
    explore(Scenario { name: "expiry", keys: 2, expires: true, draw: mortal, ..PLAIN });
}

fn mortal(draw: &mut Draw) -> Step {
    let ttl = (1 + draw.rng.below(3)) * MILLISECOND;
    let op = match draw.rng.below(14) {
        0 | 1 => return Step::Tick,
        2 => return Step::Sweep,
        3 | 4 => Op::Set(draw.value(), Some(ttl)),
        5 => Op::SetIfAbsent(draw.value(), Some(ttl)),
        6 => Op::CompareAndSet(draw.seen(), draw.value(), Some(ttl)),
        7 | 8 => Op::Expire(ttl),
        9 => Op::Persist,
        10 => Op::TimeLeft,
        _ => return any(draw),
    };
    Step::Call(op)
}

/// crossbeam-epoch frees entries and arrays while others work.
#[test]
fn reclamation() {
    let draw = |draw: &mut Draw| match draw.rng.below(8) {
        0 | 1 => Step::Flush,
        2 => Step::Resize(draw.rng.below(2) as u32),
        _ => any(draw),
    };
    let collector = Collector::Epoch;
    explore(Scenario { name: "reclamation", keys: 2, resizes: true, collector, draw, ..PLAIN });
}

/// As `reclamation`, of entries that expire and are swept away.
#[test]
fn reclamation_of_the_expired() {
    let draw = |draw: &mut Draw| match draw.rng.below(8) {
        0 => Step::Flush,
        _ => mortal(draw),
    };
    let name = "reclamation_of_the_expired";
    let collector = Collector::Epoch;
    explore(Scenario { name, keys: 2, expires: true, collector, draw, ..PLAIN });
}

/// A call that began before a `clear` must not judge the entries of before it by a clock
/// that was read after it.
#[test]
fn clear_and_expiry() {
    let draw = |draw: &mut Draw| match draw.rng.below(8) {
        0 => Step::Call(Op::Clear),
        _ => mortal(draw),
    };
    explore(Scenario { name: "clear_and_expiry", expires: true, draw, ..PLAIN });
}
