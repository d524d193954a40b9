//! Generated histories: small ones against the brute-force oracle, large ones within
//! a fixed number of moves.

use crate::brute::{HALF, execute, is_linearizable};
use crate::checker::{Verdict, budget, check};
use crate::checker_tests::{NO, at, hit, int, set};
use crate::history::{Call, GRAIN, History, Op, Readings, Ret, Val};
use crate::report;
use crate::rng::{Rng, seed_of_run};
use crate::search::search;
use crate::spec::State;

#[test]
fn the_report_is_small() {
    let (mut calls, _) = long_history(1, 5_000, 7);
    let mut calls: Vec<Call> = calls.remove(0).1;
    let position = 4_000 + calls[4_000..].iter().position(|call| call.op == Op::Get).unwrap_or(0);
    calls[position].ret = hit(-1);
    let text = report::explain(&calls);
    assert!(text.contains("Int(-1)"), "{text}");
    assert!(text.lines().count() < 40, "{text}");
}

/// Calls on `keys` keys, as a correct store with eight threads would answer them.
fn long_history(keys: u32, events: u64, seed: u64) -> (Vec<(u32, Vec<Call>)>, usize) {
    let mut rng = Rng::new(seed);
    let mut entries = vec![None; keys as usize];
    let mut history = History::default();
    for n in 0..events {
        let key = rng.below(u64::from(keys)) as u32;
        let op = match rng.below(8) {
            0..3 => Op::Get,
            3 => set((n as i64) << 8),
            4 => Op::Delete,
            5 => Op::Swap(int((n as i64) << 8), None),
            6 => Op::Exists,
            _ => Op::Incr(1),
        };
        let (ret, entry) = execute(op, entries[key as usize], 0);
        entries[key as usize] = entry;
        // It took effect at 100 n; eight calls of the store run at any time.
        let point = (n + 10) * 100;
        let call = at(point - rng.below(400), point + rng.below(400), op, ret);
        history.calls.push((key, call));
    }
    let count = history.calls.len();
    (history.into_keys(), count)
}

#[test]
fn a_million_calls_take_few_moves() {
    // The same history on 10,000 keys and, shorter, on one key.
    for (keys, events) in [(10_000, 1_000_000), (1, 100_000)] {
        let (histories, count) = long_history(keys, events, 11);
        let mut steps = 0;
        for (key, calls) in &histories {
            let outcome = check(calls, State::ABSENT, budget(calls.len()));
            assert_eq!(outcome.verdict, Verdict::Linearizable, "key {key}");
            steps += outcome.steps;
        }
        assert!(steps < 30 * count as u64, "{steps} moves for {count} calls");
    }
}

/// The form of a random history.
pub(crate) struct Shape {
    pub(crate) calls: u64,
    /// Each call is less than so much later than the one before.
    pub(crate) step: u64,
    /// Its interval is shorter than so much to either side.
    pub(crate) spread: u64,
    /// One call in so many never returns.
    pub(crate) unreturned: u64,
}

/// Calls of a correct store, perhaps with one result replaced.
pub(crate) fn random_history(rng: &mut Rng, shape: &Shape) -> Vec<Call> {
    let Shape { calls: count, step, spread, unreturned } = *shape;
    let timed = rng.one_in(2);
    let (mut entry, mut now) = (None, spread);
    let mut calls = Vec::new();
    for _ in 0..count {
        now += rng.below(step);
        let time = now * HALF;
        let op = random_op(rng, timed);
        let live = entry.filter(|(_, end): &(Val, Option<u64>)| end.is_none_or(|end| time < end));
        let (ret, next) = execute(op, live, time);
        entry = next;
        let (start, end) = (now * 2 - rng.below(spread), now * 2 + rng.below(spread));
        // The store's clock is the same time, in half milliseconds.
        let clock = if timed {
            Readings { before: start / 2 * HALF, after: end.div_ceil(2) * HALF }
        } else {
            Readings { before: 0, after: 0 }
        };
        let call = Call { op, ret, start, end, clock, thread: 0 };
        calls.push(if rng.one_in(unreturned) { call.unreturned() } else { call });
    }
    if !rng.one_in(3) {
        let index = rng.below(count) as usize;
        let (donor, call) = (rng.below(8) as i64, &mut calls[index]);
        call.ret = match call.ret {
            Ret::Bool(done) => Ret::Bool(!done),
            Ret::Value(Some(_)) if rng.one_in(3) => NO,
            Ret::Value(_) => hit(donor),
            Ret::Int(n) if n.unsigned_abs() >= GRAIN => Ret::Int(n + GRAIN as i64),
            Ret::Int(n) => Ret::Int(n + 1 + donor % 2),
            other => other,
        };
    }
    calls
}

fn random_op(rng: &mut Rng, timed: bool) -> Op {
    let ttl = (timed && rng.one_in(2)).then(|| GRAIN * (1 + rng.below(3)));
    // Few values, so that calls repeat them: the hard case for the pruning rules.
    let value = int(rng.below(4) as i64);
    match rng.below(16) {
        0 | 1 => Op::Get,
        2 => Op::Exists,
        3 if timed => Op::TimeLeft,
        3 | 4 => Op::Set(value, ttl),
        5 => Op::Swap(value, ttl),
        6 => Op::SetIfAbsent(value, ttl),
        7 => Op::SetIfPresent(value, ttl),
        8 => Op::GetOrInsert(value, ttl),
        9 => Op::CompareAndSet(value, int(rng.below(4) as i64), ttl),
        10 => Op::CompareAndDelete(value),
        11 | 12 => Op::Incr(rng.below(3) as i64),
        13 => Op::Delete,
        14 if timed => Op::Expire(GRAIN * (1 + rng.below(3))),
        14 => Op::Take,
        _ if timed => Op::Persist,
        _ => Op::Clear,
    }
}

#[test]
fn agrees_with_the_oracle() {
    let seed = seed_of_run();
    println!("checker against oracle: EPOCHKV_SEED={seed}");
    let mut rng = Rng::new(seed);
    let (mut accepted, mut rejected) = (0, 0);
    for round in 0..30_000 {
        let (calls, spread) = (3 + rng.below(5), 1 + rng.below(8));
        let shape = Shape { calls, step: 5, spread, unreturned: 10 };
        let calls = random_history(&mut rng, &shape);
        let expected = is_linearizable(&calls);
        // Cut and explored; and searched as what is too wide for that.
        for decide in [check, search] {
            assert_eq!(
                decide(&calls, State::ABSENT, u64::MAX).verdict == Verdict::Linearizable,
                expected,
                "history {round} of EPOCHKV_SEED={seed}: {calls:#?}"
            );
        }
        *(if expected { &mut accepted } else { &mut rejected }) += 1;
    }
    println!("checker against oracle: {accepted} linearizable, {rejected} not");
    assert!(accepted > 6_000 && rejected > 6_000, "both verdicts are common");
}
