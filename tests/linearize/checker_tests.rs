//! Hand-made histories: each violation beside a legal twin, each also put to the
//! brute-force oracle.

use crate::brute::is_linearizable;
use crate::checker::{Outcome, Verdict, budget, check};
use crate::history::{Call, GRAIN, History, NEVER, Op, Readings, Ret, Val};
use crate::search::search;
use crate::spec::State;

pub(crate) const NO: Ret = Ret::Value(None);
pub(crate) const DONE: Ret = Ret::Unit;

pub(crate) fn int(n: i64) -> Val {
    Val::Int(n)
}

pub(crate) fn hit(n: i64) -> Ret {
    Ret::Value(Some(int(n)))
}

pub(crate) fn set(n: i64) -> Op {
    Op::Set(int(n), None)
}

/// A call over `start..=end`, on a store whose clock stands still.
pub(crate) fn at(start: u64, end: u64, op: Op, ret: Ret) -> Call {
    Call { op, ret, start, end, clock: Readings { before: 0, after: 0 }, thread: 0 }
}

fn left(ms: i64) -> Ret {
    Ret::Int(ms * GRAIN as i64)
}

/// A call over `start..=end` whose store clock ran as the timestamps do, in
/// milliseconds.
pub(crate) fn timed(start: u64, end: u64, op: Op, ret: Ret) -> Call {
    Call {
        clock: Readings { before: start * GRAIN, after: end * GRAIN },
        ..at(start, end, op, ret)
    }
}

/// A call that never returned.
fn open(start: u64, op: Op) -> Call {
    at(start, NEVER, op, Ret::Unknown).unreturned()
}

/// The verdict; every order in which the calls are listed must give the same.
fn verdict(calls: &[Call]) -> Verdict {
    let Outcome { verdict, .. } = check(calls, State::ABSENT, budget(calls.len()));
    let reversed: Vec<Call> = calls.iter().rev().copied().collect();
    assert_eq!(verdict, check(&reversed, State::ABSENT, budget(calls.len())).verdict);
    assert_eq!(verdict, search(calls, State::ABSENT, u64::MAX).verdict, "without cuts");
    assert_eq!(verdict == Verdict::Linearizable, is_linearizable(calls), "against the oracle");
    verdict
}

#[track_caller]
pub(crate) fn rejects(calls: &[Call]) {
    assert_eq!(verdict(calls), Verdict::Violation);
}

#[track_caller]
pub(crate) fn accepts(calls: &[Call]) {
    assert_eq!(verdict(calls), Verdict::Linearizable);
}

#[test]
fn lost_update() {
    let both = [
        at(0, 1, set(10), DONE),
        at(2, 5, Op::Incr(1), Ret::Int(11)),
        at(3, 6, Op::Incr(1), Ret::Int(12)),
    ];
    rejects(&[both[0], both[1], both[2], at(7, 8, Op::Get, hit(11))]);
    accepts(&[both[0], both[1], both[2], at(7, 8, Op::Get, hit(12))]);
}

#[test]
fn stale_read() {
    let (first, second) = (at(0, 1, set(1), DONE), at(2, 5, set(2), DONE));
    rejects(&[first, second, at(6, 7, Op::Get, hit(1))]);
    accepts(&[first, second, at(4, 7, Op::Get, hit(1))]);
    // Two readers may not see two writes in opposite orders.
    let reads = |a, b| [at(3, 4, Op::Get, hit(a)), at(5, 6, Op::Get, hit(b))];
    let third = at(2, 7, set(3), DONE);
    let wide = at(2, 7, set(2), DONE);
    let opposite = [reads(2, 3), reads(3, 2)].concat();
    rejects(&[&[first, wide, third], &opposite[..]].concat());
    let agreeing = [reads(2, 3), reads(2, 3)].concat();
    accepts(&[&[first, wide, third], &agreeing[..]].concat());
}

#[test]
fn value_from_nowhere() {
    rejects(&[at(0, 1, set(1), DONE), at(0, 3, Op::Get, hit(7))]);
    accepts(&[at(0, 1, set(7), DONE), at(0, 3, Op::Get, hit(7))]);
}

#[test]
fn duplicate_increment() {
    let first = at(0, 9, Op::Incr(1), Ret::Int(1));
    rejects(&[first, at(1, 8, Op::Incr(1), Ret::Int(1))]);
    accepts(&[first, at(1, 8, Op::Incr(1), Ret::Int(2))]);
    accepts(&[first, at(1, 8, Op::Incr(1), Ret::Int(1)), at(2, 7, Op::Delete, Ret::Bool(true))]);
}

#[test]
fn increment_of_text() {
    let text = at(0, 1, Op::Set(Val::Text(1), None), DONE);
    rejects(&[text, at(2, 3, Op::Incr(1), Ret::Int(1))]);
    accepts(&[text, at(2, 3, Op::Incr(1), Ret::Refused)]);
    rejects(&[at(0, 1, set(1), DONE), at(2, 3, Op::Incr(1), Ret::Refused)]);
}

#[test]
fn resurrected_delete() {
    let calls = [at(0, 1, set(1), DONE), at(2, 3, Op::Delete, Ret::Bool(true))];
    rejects(&[calls[0], calls[1], at(4, 5, Op::Get, hit(1))]);
    accepts(&[calls[0], calls[1], at(3, 5, Op::Get, hit(1))]);
    accepts(&[calls[0], calls[1], at(4, 5, Op::Get, NO)]);
}

#[test]
fn two_deletes_of_one_value() {
    let value = at(0, 1, set(1), DONE);
    let delete = |deleted| at(2, 5, Op::Delete, Ret::Bool(deleted));
    rejects(&[value, delete(true), delete(true)]);
    accepts(&[value, delete(true), delete(false)]);
    rejects(&[
        value,
        at(2, 5, Op::Take, hit(1)),
        at(2, 5, Op::CompareAndDelete(int(1)), Ret::Bool(true)),
    ]);
    accepts(&[
        value,
        at(2, 5, Op::Take, hit(1)),
        at(2, 5, Op::CompareAndDelete(int(1)), Ret::Bool(false)),
    ]);
}

#[test]
fn two_first_inserts() {
    let insert = |n, done| at(0, 5, Op::SetIfAbsent(int(n), None), Ret::Bool(done));
    rejects(&[insert(1, true), insert(2, true)]);
    accepts(&[insert(1, true), insert(2, false)]);
    let compute = |n, got| at(0, 5, Op::GetOrInsert(int(n), None), hit(got));
    rejects(&[compute(1, 1), compute(2, 2)]);
    accepts(&[compute(1, 2), compute(2, 2)]);
}

#[test]
fn two_swaps_of_one_value() {
    let value = at(0, 1, set(1), DONE);
    let swap = |new, old| at(2, 5, Op::Swap(int(new), None), hit(old));
    rejects(&[value, swap(2, 1), swap(3, 1)]);
    accepts(&[value, swap(2, 1), swap(3, 2)]);
    let exchange = |new, done| at(2, 5, Op::CompareAndSet(int(1), int(new), None), Ret::Bool(done));
    rejects(&[value, exchange(2, true), exchange(3, true)]);
    accepts(&[value, exchange(2, true), exchange(3, false)]);
    rejects(&[value, exchange(2, false)]);
}

#[test]
fn increment_lost_to_a_take() {
    // 10, 11, absent: the increment added to a value that the take had removed.
    let (ten, sum) = (at(0, 1, set(10), DONE), at(2, 5, Op::Incr(1), Ret::Int(11)));
    let gone = at(6, 7, Op::Get, NO);
    rejects(&[ten, sum, at(2, 5, Op::Take, hit(10)), gone]);
    accepts(&[ten, sum, at(2, 5, Op::Take, hit(11)), gone]);
    let anew = at(2, 5, Op::Incr(1), Ret::Int(1));
    accepts(&[ten, anew, at(2, 5, Op::Take, hit(10)), at(6, 7, Op::Get, hit(1))]);
}

#[test]
fn expired_value() {
    // Written at 0 to 2 for 10, so the deadline lies within 10 and 12.
    let value = timed(0, 2, Op::Set(int(1), Some(10 * GRAIN)), DONE);
    rejects(&[value, timed(12, 14, Op::Get, hit(1))]);
    accepts(&[value, timed(11, 14, Op::Get, hit(1))]);
    accepts(&[value, timed(12, 14, Op::Get, NO)]);
    rejects(&[value, timed(8, 9, Op::Get, NO)]);
    accepts(&[value, timed(8, 10, Op::Get, NO)]);
    // Once gone it stays gone, even for a call whose reading may be earlier.
    rejects(&[value, timed(5, 10, Op::Get, NO), timed(11, 12, Op::Get, hit(1))]);
    // Seen alive at 11, the deadline is 12.
    rejects(&[value, timed(11, 11, Op::Get, hit(1)), timed(11, 11, Op::Get, NO)]);
}

#[test]
fn expired_value_revived() {
    // A call that read the clock early must not bring back what others saw gone.
    let value = timed(0, 0, Op::Set(int(1), Some(10 * GRAIN)), DONE);
    let gone = timed(11, 12, Op::Get, NO);
    for (late, then) in [
        (timed(5, 20, Op::Persist, Ret::Bool(true)), timed(21, 22, Op::Get, hit(1))),
        (
            timed(5, 20, Op::Expire(50 * GRAIN), Ret::Bool(true)),
            timed(21, 22, Op::Exists, Ret::Bool(true)),
        ),
        (timed(5, 20, Op::Swap(int(2), None), hit(1)), timed(21, 22, Op::Get, hit(2))),
    ] {
        rejects(&[value, late, gone, then]);
        accepts(&[value, late, then]);
    }
    // It may still take the old value: that can have been before the deadline.
    accepts(&[value, timed(5, 20, Op::Take, hit(1)), gone]);
    accepts(&[value, timed(5, 20, Op::Incr(1), Ret::Int(2)), gone]);
}

#[test]
fn deadlines_of_writes() {
    let value = timed(0, 0, Op::Set(int(1), Some(10 * GRAIN)), DONE);
    let sum = timed(5, 5, Op::Incr(1), Ret::Int(2));
    // An increment keeps the deadline, a set without one removes it.
    rejects(&[value, sum, timed(20, 20, Op::Get, hit(2))]);
    accepts(&[value, sum, timed(9, 9, Op::Get, hit(2))]);
    accepts(&[value, timed(5, 5, set(2), DONE), timed(20, 20, Op::Get, hit(2))]);
    // A key made by an increment after the expiry has none.
    let anew = timed(10, 10, Op::Incr(1), Ret::Int(1));
    accepts(&[value, anew, timed(30, 30, Op::TimeLeft, Ret::Int(-1))]);
    rejects(&[value, timed(3, 3, Op::TimeLeft, left(8))]);
    accepts(&[value, timed(3, 3, Op::TimeLeft, left(7))]);
    rejects(&[value, timed(3, 3, Op::Persist, Ret::Bool(false))]);
    // Whoever found it alive read the clock before 10, and set a deadline before 15.
    let longer = timed(5, 20, Op::Expire(5 * GRAIN), Ret::Bool(true));
    rejects(&[value, longer, timed(21, 22, Op::Get, hit(1))]);
    accepts(&[value, longer, timed(21, 22, Op::Get, NO)]);
}

#[test]
fn equal_timestamps_overlap() {
    accepts(&[at(5, 9, set(1), DONE), at(3, 5, Op::Get, hit(1))]);
    rejects(&[at(6, 9, set(1), DONE), at(3, 5, Op::Get, hit(1))]);
}

#[test]
fn calls_that_never_returned() {
    let value = at(0, 1, set(1), DONE);
    let gone = at(8, 9, Op::Get, NO);
    accepts(&[value, open(2, Op::Delete), gone]);
    accepts(&[value, open(2, Op::Delete), at(8, 9, Op::Get, hit(1))]);
    rejects(&[value, open(2, Op::Delete), gone, at(10, 11, Op::Get, hit(1))]);
    accepts(&[value, open(2, Op::Incr(4)), at(8, 9, Op::Get, hit(5))]);
    rejects(&[value, open(10, Op::Incr(4)), at(8, 9, Op::Get, hit(5))]);
}

#[test]
fn clear_touches_each_key() {
    let history = |after: Ret| History {
        calls: vec![
            (1, at(0, 1, set(1), DONE)),
            (2, at(0, 1, set(2), DONE)),
            (2, at(4, 5, Op::Get, after)),
            (3, at(6, 7, Op::Get, NO)),
            // It took effect while the first call on this key was under way.
            (4, at(0, 9, set(4), DONE)),
            (4, at(10, 11, Op::Get, NO)),
        ],
        clears: vec![at(2, 3, Op::Clear, DONE)],
    };
    let verdicts = |after| -> Vec<Verdict> {
        history(after).into_keys().iter().map(|(_, calls)| verdict(calls)).collect()
    };
    use Verdict::{Linearizable, Violation};
    assert_eq!(verdicts(NO), [Linearizable; 4]);
    assert_eq!(verdicts(hit(2)), [Linearizable, Violation, Linearizable, Linearizable]);
}

#[test]
fn a_spent_budget_is_no_verdict() {
    // Many writes that overlap, and two reads that contradict each other at the end.
    let mut calls: Vec<Call> = (0..12).map(|n| at(0, 50, set(n), DONE)).collect();
    calls.extend([
        at(60, 61, Op::Exists, Ret::Bool(true)),
        at(62, 63, Op::Exists, Ret::Bool(false)),
    ]);
    assert_eq!(check(&calls, State::ABSENT, 100).verdict, Verdict::Undecided);
    assert_eq!(check(&calls, State::ABSENT, u64::MAX).verdict, Verdict::Violation);
}
