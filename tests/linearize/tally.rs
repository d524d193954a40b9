//! Checks the keys of a history on all cores, and counts.

use crate::checker::{self, Verdict, budget, split};
use crate::history::{Call, History, Op};
use crate::report;
use crate::spec::State;
use std::fmt;
use std::ops::AddAssign;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What has been recorded and checked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) recorded: usize,
    pub(crate) keys: usize,
    /// Calls that overlap another one on the same key, or a `clear`: with none the check
    /// would say nothing about races.
    pub(crate) met: usize,
    pub(crate) steps: u64,
    pub(crate) resizes: u64,
    pub(crate) expired: u64,
    pub(crate) recording: Duration,
    pub(crate) checking: Duration,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.recorded += other.recorded;
        self.keys += other.keys;
        self.met += other.met;
        self.steps += other.steps;
        self.resizes += other.resizes;
        self.expired += other.expired;
        self.recording += other.recording;
        self.checking += other.checking;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { recorded, keys, met, steps, resizes, expired, recording, checking } = *self;
        let share = 100.0 * met as f64 / recorded.max(1) as f64;
        write!(
            f,
            "{recorded} calls on {keys} keys, {met} met another ({share:.1} %), {steps} moves, \
             {resizes} resizes, {expired} expired, recorded in {:.1} s, checked in {:.1} s",
            recording.as_secs_f64(),
            checking.as_secs_f64()
        )
    }
}

/// Checks all keys; the first that has no linearization is described.
pub(crate) fn check(history: History) -> Result<Tally, String> {
    let keys = history.into_keys();
    let next = AtomicUsize::new(0);
    let result = Mutex::new(Ok(Tally::default()));
    let check_some = || {
        let mut sum = Tally::default();
        // Relaxed: hands out numbers; the keys were there before the threads.
        while let Some((key, calls)) = keys.get(next.fetch_add(1, Ordering::Relaxed)) {
            match check_key(*key, calls) {
                Ok(tally) => sum += tally,
                Err(what) => {
                    *result.lock().expect("nobody panics") = Err(what);
                    return;
                }
            }
        }
        if let Ok(all) = &mut *result.lock().expect("nobody panics") {
            *all += sum;
        }
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        for _ in 1..cores.min(keys.len()) {
            scope.spawn(check_some);
        }
        check_some();
    });
    result.into_inner().expect("nobody panics")
}

fn check_key(key: u32, calls: &[Call]) -> Result<Tally, String> {
    let outcome = checker::check(calls, State::ABSENT, budget(calls.len()));
    match outcome.verdict {
        Verdict::Linearizable => {
            Ok(Tally { keys: 1, met: met(calls), steps: outcome.steps, ..Tally::default() })
        }
        Verdict::Violation => {
            Err(format!("key {key}: not linearizable\n{}", report::explain(calls)))
        }
        Verdict::Undecided => Err(format!(
            "key {key}: undecided after {} moves, {} calls",
            outcome.steps,
            calls.len()
        )),
    }
}

/// How many calls share their window with others: each overlaps one of them. A `clear`
/// may be among the others; itself it is not counted, since all keys have it.
fn met(mut calls: &[Call]) -> usize {
    let mut met = 0;
    while let Some((window, rest)) = split(calls) {
        if window.len() > 1 {
            met += window.iter().filter(|call| call.op != Op::Clear).count();
        }
        calls = rest;
    }
    met
}
