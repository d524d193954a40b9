//! Decides whether the calls on one key have a linearization.
//!
//! The history is cut wherever no call is under way. All calls before a cut precede
//! all calls after it, so a linearization of the whole is one of the first part
//! followed by one of the second, which starts in the state where the first has ended.
//! What is carried across a cut is the set of all such states. The history is
//! linearizable if and only if the set after the last window is not empty.
//!
//! Most windows are single calls, which take no search. Of a window of a few calls all
//! orders are explored. One that is too wide for that goes, with all that follows it,
//! to `search`, which looks for one linearization and not for all final states.
//!
//! Two calls are ordered if one ended before the other started, by the monotonic clock of
//! the system, which all cores share. It is read before a call begins and after it has
//! returned. What the processor moves across a reading makes an interval shorter, never
//! longer: that could accuse a correct store, but not excuse a wrong one. (A count that
//! all threads increment would order more calls. But each call would then begin and end
//! with a full barrier and a wait for the count's cache line, which hides what this test
//! is to show.)

use crate::history::Call;
use crate::search::search;
use crate::spec::{State, moves, observes};

/// What the check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Linearizable,
    Violation,
    /// The budget was spent first. This is never a pass.
    Undecided,
}

/// The verdict and the number of moves tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    pub(crate) steps: u64,
}

/// The number of moves that [`check`] may try by default on `calls` calls.
pub(crate) fn budget(calls: usize) -> u64 {
    20_000_000 + 500 * calls as u64
}

/// A window that is explored has at most so many calls, one for each bit of a set.
const MOST_CALLS: usize = 64;

/// And at most so many pairs of a set of picked calls and a state.
const MOST_PAIRS: usize = 256;

/// Decides whether `calls` on one key have a linearization that starts in `initial`.
pub(crate) fn check(calls: &[Call], initial: State, budget: u64) -> Outcome {
    if !calls.is_sorted_by_key(|call| call.start) {
        let mut sorted = calls.to_vec();
        sorted.sort_by_key(|call| call.start);
        return check(&sorted, initial, budget);
    }
    let mut walk = Walk { states: vec![initial], ..Walk::default() };
    let mut rest = calls;
    while let Some((window, after)) = split(rest) {
        if !walk.cross(window) {
            return walk.search(rest, budget);
        }
        if walk.states.is_empty() {
            return walk.ends(Verdict::Violation);
        }
        rest = after;
    }
    walk.ends(Verdict::Linearizable)
}

/// The first window of `calls`, sorted by start, and what comes after the cut.
pub(crate) fn split(calls: &[Call]) -> Option<(&[Call], &[Call])> {
    let mut latest = calls.first()?.end;
    let joins = |call: &&Call| {
        // Equal times count as overlapping.
        let joins = call.start <= latest;
        latest = latest.max(call.end);
        joins
    };
    let size = 1 + calls[1..].iter().take_while(joins).count();
    Some(calls.split_at(size))
}

/// The way through the windows of a history.
#[derive(Default)]
struct Walk {
    /// All states in which a linearization of the windows so far may end.
    states: Vec<State>,
    /// Those after the next window.
    next: Vec<State>,
    /// The pairs of the window that is explored.
    seen: Vec<(u64, State)>,
    steps: u64,
}

impl Walk {
    /// Replaces the states by those after `window`. False if there are too many ways.
    fn cross(&mut self, window: &[Call]) -> bool {
        self.next.clear();
        let done = match window {
            [call] if call.is_required() => {
                for at in 0..self.states.len() {
                    let moves = moves(&self.states[at], call);
                    self.steps += 1;
                    moves.iter().for_each(|state| add(&mut self.next, state));
                }
                true
            }
            _ => self.explore(window),
        };
        if done {
            std::mem::swap(&mut self.states, &mut self.next);
        }
        done
    }

    /// Puts the states after all orders of the calls of `window` into `next`.
    fn explore(&mut self, window: &[Call]) -> bool {
        if window.len() > MOST_CALLS {
            return false;
        }
        let required = (0..window.len()).filter(|at| window[*at].is_required());
        let required = required.fold(0, |set, at| set | 1 << at);
        self.seen.clear();
        self.seen.extend(self.states.iter().map(|state| (0, *state)));
        let mut at = 0;
        while let Some((picked, state)) = self.seen.get(at).copied() {
            at += 1;
            if picked & required == required {
                add(&mut self.next, state);
            } else if !self.extend(window, picked, state) {
                return false;
            }
        }
        true
    }

    /// Adds the pairs that one more call makes of this one.
    fn extend(&mut self, window: &[Call], picked: u64, state: State) -> bool {
        let calls = || {
            let all = window.iter().enumerate().map(|(at, call)| (1 << at, call));
            all.filter(|(bit, _)| picked & bit == 0)
        };
        let first_end = calls().map(|(_, call)| call.end).min().unwrap_or(0);
        let first = self.seen.len();
        for (bit, call) in calls().take_while(|(_, call)| call.start <= first_end) {
            let moves = moves(&state, call);
            self.steps += 1;
            if observes(call) && moves.is_only(&state) {
                // As in `search`: it can go first in any linearization of the rest.
                self.seen.truncate(first);
                return self.reach(picked | bit, state);
            }
            for state in moves.iter() {
                if !self.reach(picked | bit, state) {
                    return false;
                }
            }
        }
        true
    }

    /// False if there are too many pairs.
    fn reach(&mut self, picked: u64, state: State) -> bool {
        if !self.seen.contains(&(picked, state)) {
            self.seen.push((picked, state));
        }
        self.seen.len() <= MOST_PAIRS
    }

    /// Whether there is a linearization of `rest` from one of the states.
    fn search(mut self, rest: &[Call], budget: u64) -> Outcome {
        let mut verdict = Verdict::Violation;
        for at in 0..self.states.len() {
            let outcome = search(rest, self.states[at], budget.saturating_sub(self.steps));
            self.steps += outcome.steps;
            match outcome.verdict {
                Verdict::Linearizable => return self.ends(Verdict::Linearizable),
                Verdict::Undecided => verdict = Verdict::Undecided,
                Verdict::Violation => {}
            }
        }
        self.ends(verdict)
    }

    fn ends(&self, verdict: Verdict) -> Outcome {
        Outcome { verdict, steps: self.steps }
    }
}

/// Adds a state to a set, unless another one allows all that it allows.
fn add(states: &mut Vec<State>, state: State) {
    if !states.iter().any(|other| other.covers(&state)) {
        states.retain(|other| !state.covers(other));
        states.push(state);
    }
}
