//! Turning a violation into the few calls that show it.

use crate::checker::{Verdict, check};
use crate::history::{Call, NEVER};
use crate::spec::State;
use std::fmt::Write;

/// The most moves spent on each attempt to make the window smaller.
const BUDGET: u64 = 3_000_000;

/// The window that still is a violation, as text, one call to a line.
///
/// The window ends with the first return after which no linearization is left. It
/// starts as late as possible: the calls before it are replaced by "anything may
/// have been stored". Both cuts are sound, so the printed calls alone are a proof.
pub(crate) fn explain(calls: &[Call]) -> String {
    let prefix = shortest_prefix(calls);
    let (window, initial) = latest_start(&prefix);
    let base = window.iter().map(|call| call.start).min().unwrap_or(0);
    let mut text = format!("{} calls, key {initial} at first:\n", window.len());
    for call in &window {
        let end = if call.is_required() {
            format!("{:>9}", call.end - base)
        } else {
            "     open".to_string()
        };
        let _ = writeln!(
            text,
            "  thread {:>2} {:>9} ..{end} ns  {call}",
            call.thread,
            call.start - base
        );
    }
    text
}

fn is_violation(calls: &[Call], initial: State) -> bool {
    check(calls, initial, BUDGET).verdict == Verdict::Violation
}

/// The calls up to the earliest return that makes the history a violation. A prefix
/// of a linearizable history is linearizable, so this return is found by bisection.
fn shortest_prefix(calls: &[Call]) -> Vec<Call> {
    let mut ends: Vec<u64> =
        calls.iter().map(|call| call.end).filter(|end| *end != NEVER).collect();
    ends.sort_unstable();
    let cut = ends.partition_point(|end| !is_violation(&up_to(calls, *end), State::ABSENT));
    match ends.get(cut) {
        Some(end) => up_to(calls, *end),
        None => calls.to_vec(),
    }
}

/// What had happened at time `now`: calls still running then have no result.
fn up_to(calls: &[Call], now: u64) -> Vec<Call> {
    let started = calls.iter().filter(|call| call.start <= now);
    started.map(|call| if call.end <= now { *call } else { call.unreturned() }).collect()
}

fn latest_start(calls: &[Call]) -> (Vec<Call>, &'static str) {
    let mut starts: Vec<u64> = calls.iter().map(|call| call.start).collect();
    starts.sort_unstable();
    let cut = starts.partition_point(|start| is_violation(&from(calls, *start), State::UNKNOWN));
    match cut.checked_sub(1) {
        Some(last) => (from(calls, starts[last]), "in any state"),
        None => (calls.to_vec(), "absent"),
    }
}

/// What is known from time `now` on: calls running then may have happened before.
fn from(calls: &[Call], now: u64) -> Vec<Call> {
    let open = calls.iter().filter(|call| call.end >= now);
    open.map(|call| if call.start >= now { *call } else { call.may_be_missing() }).collect()
}
