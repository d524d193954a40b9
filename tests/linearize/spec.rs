//! The sequential specification of one key.
//!
//! Expiry makes the specification nondeterministic. A call reads the store's clock
//! once, somewhere between the two readings recorded around it, so a deadline
//! computed from that reading is known only as an interval. A call finds the entry
//! alive if its reading can be below the deadline, and gone if the clock can have
//! reached the deadline by the time the call ended, be it by its own reading or
//! because others removed the entry. Going is final: later calls see an absent key.

use crate::history::{Call, GRAIN, Op, Readings, Ret, Ttl, Val, whole};
use crate::rng::scramble;

/// What is known of the deadline of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    None,
    /// It lies within these nanoseconds, both ends included.
    Within(u64, u64),
    /// There may be one or none.
    Unknown,
}

/// What is known of the entry under the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Absent,
    Live(Val, Deadline),
    /// Nothing is known: the window of a history starts here.
    Unknown,
}

/// The state of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) slot: Slot,
    /// The earliest deadline at which the last expired entry can have gone: no
    /// later call can have ended at an earlier reading.
    floor: u64,
}

impl State {
    /// A key that was never written.
    pub(crate) const ABSENT: Self = Self { slot: Slot::Absent, floor: 0 };
    /// A key of which nothing is known.
    pub(crate) const UNKNOWN: Self = Self { slot: Slot::Unknown, floor: 0 };

    pub(crate) fn value(&self) -> Option<Val> {
        match self.slot {
            Slot::Live(value, _) => Some(value),
            Slot::Absent | Slot::Unknown => None,
        }
    }

    /// Whether all that can follow upon `other` can follow upon this: the floor only
    /// forbids.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.slot == other.slot && self.floor <= other.floor
    }

    /// A 128-bit hash of the state.
    pub(crate) fn hash(&self) -> u128 {
        let value = |value| match value {
            Val::Int(n) => [2, n as u64],
            Val::Text(id) => [3, id],
        };
        let ([kind, payload], deadline) = match self.slot {
            Slot::Absent => ([0, 0], Deadline::None),
            Slot::Unknown => ([1, 0], Deadline::None),
            Slot::Live(current, deadline) => (value(current), deadline),
        };
        let deadline = match deadline {
            Deadline::None => [0, 0, 0],
            Deadline::Within(lo, hi) => [1, lo, hi],
            Deadline::Unknown => [2, 0, 0],
        };
        let words = [kind, payload, self.floor, deadline[0], deadline[1], deadline[2]];
        let chain = |seed| words.iter().fold(seed, |hash, word| scramble(hash ^ word) ^ seed);
        (u128::from(chain(0x243f_6a88_85a3_08d3)) << 64) | u128::from(chain(0x1319_8a2e_0370_7344))
    }
}

/// The states in which a call may leave a key: none, one, or two where the entry
/// may have been alive or gone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moves {
    list: [Option<State>; 2],
}

impl Moves {
    pub(crate) fn get(&self, index: usize) -> Option<State> {
        self.list.get(index).copied().flatten()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = State> {
        self.list.into_iter().flatten()
    }

    /// Whether the call can do nothing but leave `state` as it is.
    pub(crate) fn is_only(&self, state: &State) -> bool {
        self.list == [Some(*state), None]
    }

    fn push(&mut self, slot: Option<Slot>, floor: u64) {
        let Some(slot) = slot else { return };
        let state = State { slot, floor };
        match self.list {
            [None, _] => self.list[0] = Some(state),
            [Some(first), None] if first != state => self.list[1] = Some(state),
            _ => {}
        }
    }
}

/// All states that `call` may leave behind, given that it returned what it did.
pub(crate) fn moves(state: &State, call: &Call) -> Moves {
    let mut moves = Moves::default();
    let floor = state.floor;
    if call.clock.after < floor {
        return moves;
    }
    match state.slot {
        Slot::Unknown => moves.push(from_unknown(call), floor),
        Slot::Absent => moves.push(from_absent(call, call.clock), floor),
        // What is overwritten blindly may be alive or gone, it makes no difference.
        Slot::Live(..) if call.op.is_blind() => {
            moves.push(from_absent(call, call.clock), floor);
        }
        Slot::Live(value, Deadline::None) => {
            moves.push(from_live(value, Deadline::None, call, call.clock), floor);
        }
        Slot::Live(value, Deadline::Unknown) => {
            moves.push(from_live(value, Deadline::Unknown, call, call.clock), floor);
            moves.push(from_absent(call, call.clock), floor);
        }
        Slot::Live(value, Deadline::Within(lo, hi)) => {
            let Readings { before, after } = call.clock;
            if before < hi {
                let clock = Readings { before, after: after.min(hi - 1) };
                let deadline = Deadline::Within(lo.max(whole(before + 1)), hi);
                moves.push(from_live(value, deadline, call, clock), floor);
            }
            // A sweep may have removed it, so the call's own reading can be older.
            if after >= lo {
                moves.push(from_absent(call, call.clock), floor.max(lo));
            }
        }
    }
    moves
}

/// An entry written at a reading within `clock`.
fn written(value: Val, ttl: Ttl, clock: Readings) -> Slot {
    let deadline = ttl.map_or(Deadline::None, |ttl| {
        Deadline::Within(
            whole(clock.before).saturating_add(ttl),
            whole(clock.after).saturating_add(ttl),
        )
    });
    Slot::Live(value, deadline)
}

fn from_absent(call: &Call, clock: Readings) -> Option<Slot> {
    let (ret, slot) = match call.op {
        Op::Get | Op::Take => (Ret::Value(None), Slot::Absent),
        Op::TimeLeft => (Ret::Int(-2), Slot::Absent),
        Op::Set(value, ttl) => (Ret::Unit, written(value, ttl, clock)),
        Op::Clear => (Ret::Unit, Slot::Absent),
        Op::Swap(value, ttl) => (Ret::Value(None), written(value, ttl, clock)),
        Op::SetIfAbsent(value, ttl) => (Ret::Bool(true), written(value, ttl, clock)),
        Op::GetOrInsert(value, ttl) => (Ret::Value(Some(value)), written(value, ttl, clock)),
        Op::Incr(n) => (Ret::Int(n), written(Val::Int(n), None, clock)),
        Op::Exists
        | Op::Delete
        | Op::SetIfPresent(..)
        | Op::CompareAndSet(..)
        | Op::CompareAndDelete(_)
        | Op::Expire(_)
        | Op::Persist => (Ret::Bool(false), Slot::Absent),
    };
    call.ret.admits(ret).then_some(slot)
}

fn from_live(value: Val, deadline: Deadline, call: &Call, clock: Readings) -> Option<Slot> {
    let same = Slot::Live(value, deadline);
    let (ret, slot) = match call.op {
        Op::Get | Op::GetOrInsert(..) => (Ret::Value(Some(value)), same),
        Op::Exists => (Ret::Bool(true), same),
        Op::TimeLeft => return remaining(value, deadline, call.ret, clock),
        Op::Set(new, ttl) => (Ret::Unit, written(new, ttl, clock)),
        Op::Clear => (Ret::Unit, Slot::Absent),
        Op::Swap(new, ttl) => (Ret::Value(Some(value)), written(new, ttl, clock)),
        Op::Take => (Ret::Value(Some(value)), Slot::Absent),
        Op::Delete => (Ret::Bool(true), Slot::Absent),
        Op::SetIfAbsent(..) => (Ret::Bool(false), same),
        Op::SetIfPresent(new, ttl) => (Ret::Bool(true), written(new, ttl, clock)),
        Op::CompareAndSet(expected, new, ttl) if expected == value => {
            (Ret::Bool(true), written(new, ttl, clock))
        }
        Op::CompareAndDelete(expected) if expected == value => (Ret::Bool(true), Slot::Absent),
        Op::CompareAndSet(..) | Op::CompareAndDelete(_) => (Ret::Bool(false), same),
        Op::Incr(n) => match value {
            Val::Int(old) => match old.checked_add(n) {
                Some(new) => (Ret::Int(new), Slot::Live(Val::Int(new), deadline)),
                None => (Ret::Refused, same),
            },
            Val::Text(_) => (Ret::Refused, same),
        },
        Op::Expire(ttl) => (Ret::Bool(true), written(value, Some(ttl), clock)),
        Op::Persist => {
            let ret = match deadline {
                Deadline::None => Ret::Bool(false),
                Deadline::Within(..) => Ret::Bool(true),
                // Either answer may be right, and both leave no deadline.
                Deadline::Unknown => call.ret,
            };
            (ret, Slot::Live(value, Deadline::None))
        }
    };
    call.ret.admits(ret).then_some(slot)
}

/// The time left of a live entry: its answer narrows the deadline down.
fn remaining(value: Val, deadline: Deadline, ret: Ret, clock: Readings) -> Option<Slot> {
    let left = match ret {
        Ret::Unknown => return Some(Slot::Live(value, deadline)),
        Ret::Int(left) => {
            u64::try_from(left).ok().filter(|left| *left >= GRAIN && left % GRAIN == 0)
        }
        _ => return None,
    };
    let (lo, hi) = match deadline {
        Deadline::None => (u64::MAX, 0),
        Deadline::Within(lo, hi) => (lo, hi),
        Deadline::Unknown => (0, u64::MAX),
    };
    let deadline = match left {
        Some(left) => {
            // Less than one millisecond shows as one.
            let least = if left == GRAIN { 0 } else { left };
            let lo = lo.max(whole(clock.before).saturating_add(least));
            let hi = hi.min(whole(clock.after).saturating_add(left));
            (lo <= hi).then_some(Deadline::Within(lo, hi))
        }
        None if ret == Ret::Int(-1) && !matches!(deadline, Deadline::Within(..)) => {
            Some(Deadline::None)
        }
        None => None,
    };
    deadline.map(|deadline| Slot::Live(value, deadline))
}

/// The most that can be known after a call on an unknown key: every true state is
/// among those described, so a violation found from here is one from any state.
fn from_unknown(call: &Call) -> Option<Slot> {
    let live = |value| Slot::Live(value, Deadline::Unknown);
    Some(match (call.op, call.ret) {
        (Op::Set(value, ttl) | Op::Swap(value, ttl), _)
        | (Op::SetIfAbsent(value, ttl) | Op::SetIfPresent(value, ttl), Ret::Bool(true))
        | (Op::CompareAndSet(_, value, ttl), Ret::Bool(true)) => written(value, ttl, call.clock),
        (Op::Get | Op::GetOrInsert(..), Ret::Value(Some(value))) => live(value),
        (Op::Incr(_), Ret::Int(n)) => live(Val::Int(n)),
        (Op::Get, Ret::Value(None)) | (Op::TimeLeft, Ret::Int(-2)) => Slot::Absent,
        (Op::Clear | Op::Take | Op::Delete, _) => Slot::Absent,
        (Op::CompareAndDelete(_), Ret::Bool(true)) => Slot::Absent,
        (Op::Exists | Op::Expire(_) | Op::SetIfPresent(..), Ret::Bool(false)) => Slot::Absent,
        _ => Slot::Unknown,
    })
}

/// The value that must be in place for `call` to return what it returned.
pub(crate) fn needs(call: &Call) -> Option<Val> {
    match (call.op, call.ret) {
        (Op::Get | Op::Swap(..) | Op::Take, Ret::Value(value)) => value,
        (Op::GetOrInsert(new, _), Ret::Value(Some(value))) if value != new => Some(value),
        (Op::CompareAndSet(expected, ..) | Op::CompareAndDelete(expected), Ret::Bool(true)) => {
            Some(expected)
        }
        (Op::Incr(n), Ret::Int(sum)) if sum != n => sum.checked_sub(n).map(Val::Int),
        _ => None,
    }
}

/// What a call may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    Nothing,
    This(Val),
    /// An increment that did not return may write any integer.
    AnyInt,
}

/// The value that `call` may leave in place, beside the one it found.
pub(crate) fn writes(call: &Call) -> Writes {
    match (call.op, call.ret) {
        (_, Ret::Bool(false) | Ret::Refused) => Writes::Nothing,
        (Op::GetOrInsert(new, _), Ret::Value(Some(value))) if value != new => Writes::Nothing,
        (Op::Incr(_), Ret::Int(sum)) => Writes::This(Val::Int(sum)),
        (Op::Incr(_), _) => Writes::AnyInt,
        (
            Op::Set(value, _)
            | Op::Swap(value, _)
            | Op::SetIfAbsent(value, _)
            | Op::SetIfPresent(value, _)
            | Op::GetOrInsert(value, _)
            | Op::CompareAndSet(_, value, _),
            _,
        ) => Writes::This(value),
        _ => Writes::Nothing,
    }
}

/// Whether `call`, having returned what it did, changed nothing wherever it took
/// effect. (That it may have found an entry expired is not a change it made.)
pub(crate) fn observes(call: &Call) -> bool {
    match (call.op, call.ret) {
        (op, _) if op.is_read() => true,
        (_, Ret::Bool(false) | Ret::Refused) | (Op::Take, Ret::Value(None)) => true,
        (Op::GetOrInsert(new, _), Ret::Value(Some(value))) => value != new,
        _ => false,
    }
}
