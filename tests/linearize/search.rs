//! The search for one linearization of calls on one key, however many overlap.
//!
//! The algorithm is that of Wing and Gong ("Testing and verifying concurrent
//! objects", JPDC 1993): a depth-first search that picks, among the calls that no
//! unpicked call precedes, one whose result fits the state. Lowe ("Testing for
//! linearizability", CCPE 2017) added the memo of visited pairs (set of picked
//! calls, state) and the linked list from which picked calls are lifted. The set is
//! kept as a 128-bit incremental hash: a collision could only hide a linearization,
//! with a probability below 2^-80 for a memo of 2^24 pairs.
//!
//! Two rules of our own keep the search short; neither changes the verdict:
//! - A call that only observed, and whose only move leaves the state as it is, can
//!   go first in any linearization of the rest: it is taken and never reconsidered.
//! - A move that replaces a value which a remaining call must still find, and which
//!   no remaining call can write again, cannot be completed.

use crate::checker::{Outcome, Verdict};
use crate::history::{Call, Val};
use crate::rng::scramble;
use crate::spec::{State, Writes, moves, needs, observes, writes};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// Decides whether `calls` have a linearization that starts in `initial`. They need
/// not be sorted.
pub(crate) fn search(calls: &[Call], initial: State, budget: u64) -> Outcome {
    Search::new(calls, initial, budget).run()
}

/// The index of the list's sentinel.
const HEAD: u32 = 0;
const NONE: u32 = u32::MAX;

/// The start or the end of a call in the linked list of what is not yet picked.
#[derive(Clone, Copy)]
struct Event {
    call: u32,
    is_end: bool,
    prev: u32,
    next: u32,
}

/// A picked call and what is needed to take it back.
struct Frame {
    event: u32,
    before: State,
    /// Which of the call's moves was taken, or none if it was taken greedily and
    /// there is no alternative to try.
    choice: Option<usize>,
}

/// How often a value is still needed and still written by the calls not picked.
#[derive(Clone, Copy, Default)]
struct Demand {
    needed: u32,
    written: u32,
}

struct Search<'a> {
    calls: &'a [Call],
    events: Vec<Event>,
    /// For each call, the events of its start and its end.
    ends: Vec<u32>,
    demand: HashMap<Val, Demand, BuildHasherDefault<Scrambled>>,
    /// Calls not picked that may write any integer.
    wild: u32,
    /// Calls not picked that must be.
    left: usize,
    state: State,
    picked: u128,
    memo: HashSet<u128, BuildHasherDefault<Scrambled>>,
    stack: Vec<Frame>,
    steps: u64,
    budget: u64,
}

impl<'a> Search<'a> {
    fn new(calls: &'a [Call], state: State, budget: u64) -> Self {
        let mut search = Self {
            calls,
            events: Vec::new(),
            ends: vec![NONE; calls.len()],
            demand: HashMap::default(),
            wild: 0,
            left: 0,
            state,
            picked: 0,
            memo: HashSet::default(),
            stack: Vec::new(),
            steps: 0,
            budget,
        };
        let mut moments = Vec::with_capacity(calls.len() * 2);
        for (index, call) in calls.iter().enumerate() {
            // An observer that may be missing explains nothing.
            if !call.is_required() && observes(call) {
                continue;
            }
            moments.push((call.start, false, index));
            if call.is_required() {
                moments.push((call.end, true, index));
                search.left += 1;
            }
            search.account(index, true);
        }
        // At equal times starts come before ends, which makes the calls overlap.
        moments.sort_unstable();
        search.link(&moments);
        search
    }

    fn link(&mut self, moments: &[(u64, bool, usize)]) {
        let count = u32::try_from(moments.len()).expect("a key has fewer than 2^31 calls");
        let event = |call, is_end, at| Event { call, is_end, prev: at - 1, next: at + 1 };
        self.events.push(Event { call: NONE, is_end: true, prev: NONE, next: 1 });
        for (at, (_, is_end, call)) in (1..=count).zip(moments) {
            self.events.push(event(*call as u32, *is_end, at));
            if *is_end {
                self.ends[*call] = at;
            }
        }
        self.events[count as usize].next = NONE;
    }

    fn run(mut self) -> Outcome {
        let verdict = self.search();
        Outcome { verdict, steps: self.steps }
    }

    fn search(&mut self) -> Verdict {
        if !self.is_coverable() {
            return Verdict::Violation;
        }
        while self.left > 0 {
            if self.steps > self.budget {
                return Verdict::Undecided;
            }
            if let Some(event) = self.free_call() {
                self.pick(event, None, self.state);
            } else if !self.advance(None, 0) && !self.backtrack() {
                return Verdict::Violation;
            }
        }
        Verdict::Linearizable
    }

    /// Whether each value that is needed is in place or written by some call.
    fn is_coverable(&self) -> bool {
        self.state == State::UNKNOWN
            || self.demand.iter().all(|(value, demand)| {
                demand.needed == 0
                    || self.state.value() == Some(*value)
                    || self.is_written(*value, *demand)
            })
    }

    fn is_written(&self, value: Val, demand: Demand) -> bool {
        demand.written > 0 || (self.wild > 0 && matches!(value, Val::Int(_)))
    }

    /// An observer that may go first and whose only move keeps the state.
    fn free_call(&mut self) -> Option<u32> {
        let mut at = self.events[HEAD as usize].next;
        while at != NONE && !self.events[at as usize].is_end {
            let event = self.events[at as usize];
            let call = &self.calls[event.call as usize];
            if observes(call) {
                self.steps += 1;
                let moves = moves(&self.state, call);
                if moves.is_only(&self.state) {
                    return Some(at);
                }
            }
            at = event.next;
        }
        None
    }

    /// Picks the next call that fits, beginning with move `choice` of the call at
    /// `at`. False if there is none before the first end of a call.
    fn advance(&mut self, at: Option<u32>, mut choice: usize) -> bool {
        let mut next = at.or_else(|| self.candidate_after(None));
        while let Some(at) = next {
            let moves = moves(&self.state, &self.calls[self.events[at as usize].call as usize]);
            self.steps += 1;
            while let Some(state) = moves.get(choice) {
                let before = self.state;
                self.pick(at, Some(choice), state);
                if self.is_promising(&before) && self.memo.insert(self.picked ^ state.hash()) {
                    return true;
                }
                self.unpick();
                choice += 1;
            }
            next = self.candidate_after(Some(at));
            choice = 0;
        }
        false
    }

    /// Of the calls that may be next, the one that ends next after that at `last`. Who has
    /// long to go has mostly not taken effect yet.
    fn candidate_after(&self, last: Option<u32>) -> Option<u32> {
        let end = |at: u32| (self.calls[self.events[at as usize].call as usize].end, at);
        let last = last.map(end);
        let mut best = None;
        let mut at = self.events[HEAD as usize].next;
        while at != NONE && !self.events[at as usize].is_end {
            let this = end(at);
            if last.is_none_or(|last| this > last) && best.is_none_or(|best| this < best) {
                best = Some(this);
            }
            at = self.events[at as usize].next;
        }
        best.map(|(_, at)| at)
    }

    /// Whether the value that the last move replaced, if any, can be done without.
    fn is_promising(&self, before: &State) -> bool {
        let Some(old) = before.value().filter(|old| self.state.value() != Some(*old)) else {
            return true;
        };
        let demand = self.demand.get(&old).copied().unwrap_or_default();
        demand.needed == 0 || self.is_written(old, demand)
    }

    /// Takes calls back until one of them has an alternative, and picks that.
    fn backtrack(&mut self) -> bool {
        while let Some(frame) = self.unpick() {
            // A spent budget is noticed by the caller.
            if self.steps > self.budget {
                return true;
            }
            if let Some(choice) = frame.choice
                && self.advance(Some(frame.event), choice + 1)
            {
                return true;
            }
        }
        false
    }

    fn pick(&mut self, event: u32, choice: Option<usize>, state: State) {
        let call = self.events[event as usize].call as usize;
        self.unlink(event);
        if self.ends[call] != NONE {
            self.unlink(self.ends[call]);
            self.left -= 1;
        }
        self.account(call, false);
        self.picked ^= identity(call);
        self.stack.push(Frame { event, before: self.state, choice });
        self.state = state;
    }

    fn unpick(&mut self) -> Option<Frame> {
        let frame = self.stack.pop()?;
        let call = self.events[frame.event as usize].call as usize;
        self.state = frame.before;
        self.picked ^= identity(call);
        self.account(call, true);
        // In the reverse order of unlinking, so that each finds its neighbours.
        if self.ends[call] != NONE {
            self.relink(self.ends[call]);
            self.left += 1;
        }
        self.relink(frame.event);
        Some(frame)
    }

    fn unlink(&mut self, at: u32) {
        let Event { prev, next, .. } = self.events[at as usize];
        self.events[prev as usize].next = next;
        if next != NONE {
            self.events[next as usize].prev = prev;
        }
    }

    fn relink(&mut self, at: u32) {
        let Event { prev, next, .. } = self.events[at as usize];
        self.events[prev as usize].next = at;
        if next != NONE {
            self.events[next as usize].prev = at;
        }
    }

    /// Counts what a call that is not picked needs and writes, or takes it back.
    fn account(&mut self, call: usize, add: bool) {
        let call = &self.calls[call];
        let adjust = |count: &mut u32| if add { *count += 1 } else { *count -= 1 };
        if let Some(value) = needs(call).filter(|_| call.is_required()) {
            adjust(&mut self.demand.entry(value).or_default().needed);
        }
        match writes(call) {
            Writes::Nothing => {}
            Writes::This(value) => adjust(&mut self.demand.entry(value).or_default().written),
            Writes::AnyInt => adjust(&mut self.wild),
        }
    }
}

/// The number by which a call takes part in the hash of a set of calls.
fn identity(call: usize) -> u128 {
    let word = call as u64;
    let half = |salt: u64| u128::from(scramble(scramble(word ^ salt).wrapping_add(salt)));
    (half(0xa409_3822_299f_31d0) << 64) | half(0x082e_fa98_ec4e_6c89)
}

/// A hasher for keys that are numbers: one round of mixing for each word.
#[derive(Clone, Copy, Debug, Default)]
struct Scrambled(u64);

impl Hasher for Scrambled {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = scramble(self.0 ^ word);
    }

    fn write_i64(&mut self, word: i64) {
        self.write_u64(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word as u64);
    }

    fn write_u128(&mut self, word: u128) {
        self.write_u64(word as u64);
    }
}
