//! Where a history is cut, and what is carried across: a violation whose calls lie on
//! both sides is seen, and what is only unusual is not accused.

use crate::checker::{Verdict, check, split};
use crate::checker_tests::{DONE, NO, accepts, at, hit, int, rejects, set, timed};
use crate::generated_tests::{Shape, random_history};
use crate::history::{Call, GRAIN, History, Op, Readings, Ret};
use crate::rng::{Rng, seed_of_run};
use crate::search::search;
use crate::spec::State;
use crate::tally;

/// The sizes of the windows.
fn sizes(mut calls: &[Call]) -> Vec<usize> {
    let mut sizes = Vec::new();
    while let Some((window, rest)) = split(calls) {
        sizes.push(window.len());
        calls = rest;
    }
    sizes
}

#[test]
fn cuts_are_where_no_call_is_under_way() {
    let call = |start, end| at(start, end, Op::Get, NO);
    assert!(sizes(&[]).is_empty());
    assert_eq!(sizes(&[call(0, 1), call(2, 3), call(4, 4)]), [1, 1, 1]);
    // Equal times overlap.
    assert_eq!(sizes(&[call(0, 2), call(2, 3), call(4, 5)]), [2, 1]);
    // The first call is still under way when the third begins.
    assert_eq!(sizes(&[call(0, 9), call(1, 2), call(8, 10), call(11, 12)]), [3, 1]);
    assert_eq!(sizes(&[call(0, 1), call(2, 2).unreturned(), call(5, 6), call(7, 8)]), [1, 3]);
}

#[test]
fn all_states_are_carried_across_a_cut() {
    // Either write may be the last, but for all that come later it is the same one.
    let writes = [at(0, 9, set(1), DONE), at(1, 8, set(2), DONE)];
    let read = |start, n| at(start, start + 1, Op::Get, hit(n));
    let exists = at(10, 11, Op::Exists, Ret::Bool(true));
    for n in [1, 2] {
        accepts(&[writes[0], writes[1], exists, read(20, n), read(30, n)]);
        rejects(&[writes[0], writes[1], exists, read(20, n), read(30, 3 - n)]);
    }
    rejects(&[writes[0], writes[1], exists, read(20, 7)]);
    rejects(&[writes[0], writes[1], exists, at(20, 21, Op::Get, NO)]);
}

#[test]
fn violations_on_both_sides_of_a_cut() {
    // Each time the last call alone shows it, behind a window of two and a cut.
    let first = at(0, 1, set(10), DONE);
    let both = |a, b| [first, at(2, 5, Op::Incr(1), a), at(3, 6, Op::Incr(1), b)];
    let then = |ret| at(10, 11, Op::Incr(1), ret);
    let (one, two) = (Ret::Int(11), Ret::Int(12));
    rejects(&[&both(one, two)[..], &[then(two)]].concat());
    accepts(&[&both(two, one)[..], &[then(Ret::Int(13))]].concat());
    // A value that a delete has removed comes back.
    let delete = [at(2, 5, Op::Delete, Ret::Bool(true)), at(3, 6, Op::Get, hit(10))];
    rejects(&[&[first], &delete[..], &[at(10, 11, Op::Get, hit(10))]].concat());
    accepts(&[&[first], &delete[..], &[at(10, 11, Op::Get, NO)]].concat());
}

#[test]
fn time_is_carried_across_a_cut() {
    // Gone or not at 10 to 12, while another call runs; afterwards it stays so.
    let value = timed(0, 2, Op::Set(int(1), Some(10 * GRAIN)), DONE);
    let beside = timed(10, 11, Op::Exists, Ret::Bool(false));
    let gone = [value, timed(9, 12, Op::Get, hit(1)), beside];
    accepts(&[&gone[..], &[timed(13, 14, Op::Get, NO)]].concat());
    rejects(&[&gone[..], &[timed(13, 14, Op::Get, hit(1))]].concat());
    // Who ended before it can have gone cannot have missed it.
    rejects(&[value, timed(5, 6, Op::Get, hit(1)), timed(7, 9, Op::Get, NO)]);
}

#[test]
fn of_two_states_the_one_that_allows_more_is_carried() {
    // The entry went at 10 or at 20, the key is absent either way. What a clock that goes
    // back shows afterwards can follow upon the first only.
    let set = |ttl| timed(0, 2, Op::Set(int(1), Some(ttl * GRAIN)), DONE);
    let back = |ms: u64| {
        let clock = Readings { before: ms * GRAIN, after: ms * GRAIN };
        Call { clock, ..at(40, 41, Op::Get, NO) }
    };
    for writes in [[set(10), set(20)], [set(20), set(10)]] {
        let gone = [&writes[..], &[timed(30, 31, Op::Get, NO)]].concat();
        accepts(&[&gone[..], &[back(15)]].concat());
        rejects(&[&gone[..], &[back(9)]].concat());
    }
}

/// `count` calls that all overlap, on a key that holds 1 and then 2, behind two writes
/// of which either may be the last.
fn wide(count: u64, last: i64) -> Vec<Call> {
    let mut calls = vec![at(0, 9, set(1), DONE), at(1, 8, set(2), DONE)];
    calls.extend((0..count).map(|n| at(10 + n, 1000 + n, Op::Get, hit(last))));
    calls
}

#[test]
fn a_window_too_wide_to_explore_is_searched() {
    for count in [60, 64, 65, 100] {
        for n in [1, 2] {
            let read = |n| at(2000, 2001, Op::Get, hit(n));
            let verdict = |calls: &[Call]| check(calls, State::ABSENT, u64::MAX).verdict;
            assert_eq!(verdict(&[wide(count, n), vec![read(n)]].concat()), Verdict::Linearizable);
            assert_eq!(verdict(&[wide(count, n), vec![read(3 - n)]].concat()), Verdict::Violation);
        }
    }
}

#[test]
fn cuts_do_not_change_the_verdict() {
    let seed = seed_of_run();
    println!("cuts: EPOCHKV_SEED={seed}");
    let mut rng = Rng::new(seed);
    let (mut accepted, mut rejected, mut windows, mut wide) = (0, 0, 0, 0);
    for round in 0..4_000 {
        // From hardly any overlap to a dozen calls at a time.
        let (step, spread) = ([5, 5, 3, 2][rng.below(4) as usize], 1 + rng.below(10));
        let shape = Shape { calls: 8 + rng.below(120), step, spread, unreturned: 500 };
        let mut calls = random_history(&mut rng, &shape);
        calls.sort_by_key(|call| call.start);
        let whole = search(&calls, State::ABSENT, 1_000_000).verdict;
        if whole == Verdict::Undecided {
            continue;
        }
        let cut = check(&calls, State::ABSENT, u64::MAX).verdict;
        assert_eq!(cut, whole, "history {round} of EPOCHKV_SEED={seed}: {calls:#?}");
        *(if cut == Verdict::Linearizable { &mut accepted } else { &mut rejected }) += 1;
        let sizes = sizes(&calls);
        windows += sizes.len();
        wide += sizes.iter().filter(|size| **size > 64).count();
    }
    println!("cuts: {accepted} linearizable, {rejected} not; {windows} windows, {wide} wide");
    assert!(accepted > 1_000 && rejected > 500, "both verdicts are common");
    assert!(windows > 40_000 && wide > 100, "so are cuts, and windows that are not explored");
}

#[test]
fn every_key_is_checked() {
    let history = |after: Ret| {
        let key = |key| {
            [(key, at(0, 5, set(1), DONE)), (key, at(3, 6, set(2), DONE))].into_iter().chain([
                (key, at(10, 11, Op::Exists, Ret::Bool(true))),
                (key, at(12, 13, Op::Get, if key == 77 { after } else { hit(1) })),
            ])
        };
        History { calls: (0..100).flat_map(key).collect(), clears: Vec::new() }
    };
    let tally = tally::check(history(hit(2))).expect("linearizable");
    assert_eq!((tally.keys, tally.met), (100, 200));
    let what = tally::check(history(NO)).expect_err("not linearizable");
    assert!(what.starts_with("key 77: not linearizable"), "{what}");
}
