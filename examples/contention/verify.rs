//! The checks: what the threads wrote down must agree with what the store says.

use std::thread;
use std::time::Duration;

use epochkv::Snapshot;

use crate::faults::Faults;
use crate::figures::count;
use crate::handler::{HandlerLog, TOKEN_BACKLOG};
use crate::names::{self, Key, spell};
use crate::session::{self, Verdict};
use crate::site::{ROUTES, Site};
use crate::traffic::Outcome;

/// One claim about the store, the numbers behind it, and what contradicts it.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) claim: &'static str,
    pub(crate) evidence: String,
    pub(crate) problems: Vec<String>,
}

impl Check {
    /// A claim that nothing contradicts so far.
    pub(crate) fn new(claim: &'static str, evidence: String) -> Self {
        Self { claim, evidence, problems: Vec::new() }
    }

    /// Whether nothing contradicts the claim.
    pub(crate) fn passed(&self) -> bool {
        self.problems.is_empty()
    }

    /// Adds what several threads noted, as one problem.
    pub(crate) fn blame<'a>(&mut self, noted: impl IntoIterator<Item = &'a Faults>) {
        let (mut times, mut example) = (0, None);
        for faults in noted {
            times += faults.count;
            example = example.or(faults.first.as_deref());
        }
        if let Some(example) = example {
            let problem = format!("{} times, for example: {example}", count(times));
            self.problems.push(problem);
        }
    }

    /// Adds a problem unless something holds.
    pub(crate) fn require(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(problem());
        }
    }
}

/// Every check, in the order of the introduction.
pub(crate) fn all(site: &Site, outcome: &Outcome) -> Vec<Check> {
    let mut checks = vec![threads(outcome)];
    let sessions = session::judge(outcome.handlers.iter().map(|log| &log.sessions));
    if outcome.panics.is_empty() {
        checks.extend([
            profiles(site),
            profile_reads(outcome),
            listings(outcome),
            sessions_expired(site, outcome, &sessions),
            sessions_kept(outcome, &sessions),
            counters(site, outcome),
            counters_grow(outcome),
            limits(site, outcome),
            flag(site, outcome),
            tokens(site, outcome),
        ]);
    }
    checks.push(refusals(outcome));
    checks
}

fn sum(outcome: &Outcome, of: impl Fn(&HandlerLog) -> u64) -> u64 {
    outcome.handlers.iter().map(of).sum()
}

fn threads(outcome: &Outcome) -> Check {
    let alive = outcome.threads - outcome.panics.len();
    let mut check = Check::new(
        "no thread panicked",
        format!("{alive} of {} threads finished", outcome.threads),
    );
    check.problems.extend(outcome.panics.iter().cloned());
    check.require(outcome.panics.is_empty(), || {
        "the books of that thread are gone, so the other checks were not made".into()
    });
    check
}

fn profiles(site: &Site) -> Check {
    let mut key = String::new();
    let mut lost = Faults::default();
    for user in 0..site.users {
        let key = spell(&mut key, Key::Profile { user });
        let found = site.store.get(key);
        let text = found.as_ref().and_then(Snapshot::as_str);
        if !text.is_some_and(|text| names::is_profile(text, user)) {
            lost.note(|| format!("{key} holds {text:?}"));
        }
    }
    let kept = site.users as u64 - lost.count;
    let mut check = Check::new(
        "no key was lost",
        format!(
            "{} of {} profiles hold their value at the end",
            count(kept),
            count(site.users as u64)
        ),
    );
    check.blame([&lost]);
    check
}

fn profile_reads(outcome: &Outcome) -> Check {
    let reads = sum(outcome, |log| log.profile_reads);
    let mut check = Check::new(
        "no key was missing while it was rewritten",
        format!("{} reads, each with the exact value", count(reads)),
    );
    check.blame(outcome.handlers.iter().map(|log| &log.profile_faults));
    check
}

fn listings(outcome: &Outcome) -> Check {
    let reports = outcome.reporter.as_slice();
    let listings: u64 = reports.iter().map(|log| log.listings).sum();
    let mut check = Check::new(
        "every listing was complete and sorted",
        format!("keys(\"profile:*\") called {} times", count(listings)),
    );
    check.blame(reports.iter().map(|log| &log.listing_faults));
    check.require(listings > 0, || "no listing was made".into());
    check
}

fn sessions_expired(site: &Site, outcome: &Outcome, verdict: &Verdict) -> Check {
    // One more lifetime, and none may be listed any longer.
    thread::sleep(session::TTL + Duration::from_millis(5));
    let listed = site.store.keys("session:*");
    let served = sum(outcome, |log| log.sessions.served);
    let mut check = Check::new(
        "no expired session was served",
        format!(
            "{} served, {} late; {} listed after their time",
            count(served),
            count(verdict.late.count),
            listed.len()
        ),
    );
    check.blame([&verdict.late]);
    check.require(listed.is_empty(), || format!("still listed: {}", listed[0]));
    check.blame(outcome.handlers.iter().map(|log| &log.session_faults));
    check
}

fn sessions_kept(outcome: &Outcome, verdict: &Verdict) -> Check {
    let mut check = Check::new(
        "no login was lost before its time",
        format!(
            "{} logins, {} reads of none yet or none left, {} lost",
            count(sum(outcome, |log| log.sessions.logins)),
            count(sum(outcome, |log| log.sessions.absent)),
            count(verdict.lost.count)
        ),
    );
    check.blame([&verdict.lost]);
    check
}

fn counters(site: &Site, outcome: &Outcome) -> Check {
    let mut key = String::new();
    let mut calls = 0;
    let mut wrong = Faults::default();
    let mut compare = |name: Key, applied: i64| {
        let key = spell(&mut key, name);
        let stored = site.store.get(key).as_ref().and_then(Snapshot::as_int);
        if stored != Some(applied) {
            wrong.note(|| format!("{key} holds {stored:?}, {applied} was applied"));
        }
    };
    for route in 0..ROUTES {
        // A sum of an hour's traffic is far below the range of 64 bits.
        let hits: i64 = outcome.handlers.iter().map(|log| log.hits[route]).sum();
        let bytes: i64 = outcome.handlers.iter().map(|log| log.bytes[route]).sum();
        compare(Key::Hits { route }, hits);
        compare(Key::Bytes { route }, bytes);
        calls += hits;
    }
    let mut check = Check::new(
        "every counter equals what was applied",
        format!(
            "{} of {} counters after {} increments",
            2 * ROUTES as u64 - wrong.count,
            2 * ROUTES,
            count(2 * calls.unsigned_abs())
        ),
    );
    check.blame([&wrong]);
    check
}

fn counters_grow(outcome: &Outcome) -> Check {
    let reports = outcome.reporter.as_slice();
    let reads = reports.iter().map(|log| log.counter_reads).sum();
    let mut check = Check::new(
        "no counter ever stepped back",
        format!("{} readings by the report", count(reads)),
    );
    check.blame(reports.iter().map(|log| &log.counter_faults));
    check
}

fn limits(site: &Site, outcome: &Outcome) -> Check {
    let totals = site.limits.totals();
    let mut check = Check::new(
        "every limit admitted exactly what it allows",
        format!(
            "{} admitted, {} refused in {} windows",
            count(totals.admitted),
            count(totals.refused),
            count(totals.windows)
        ),
    );
    if totals.late > 0 {
        check.evidence += &format!(" ({} left out: a thread slept through them)", totals.late);
    }
    check.blame([&totals.wrong]);
    check.blame(outcome.handlers.iter().map(|log| &log.limit_faults));
    check
}

fn flag(site: &Site, outcome: &Outcome) -> Check {
    let written = outcome.refresher.as_ref().map_or(0, |log| log.versions);
    let reads = sum(outcome, |log| log.flag_reads);
    let mut check = Check::new(
        "the flag was never torn, stale or set back",
        format!("{} reads of {} versions", count(reads), count(written)),
    );
    check.blame(outcome.handlers.iter().map(|log| &log.flag_faults));
    let last = site.store.get(names::FLAG);
    let last = last.as_ref().and_then(Snapshot::as_str).and_then(names::flag_version);
    check.require(last == Some(written), || {
        format!("version {last:?} is in the store, {written} was written last")
    });
    check
}

fn tokens(site: &Site, outcome: &Outcome) -> Check {
    let issued = sum(outcome, |log| log.issued);
    let redeemed = sum(outcome, |log| log.redeemed);
    let left = site.store.keys("token:*").len() as u64;
    // Only the newest of each issuer may be there: all others were redeemed or withdrawn.
    let mut key = String::new();
    let mut newest = 0;
    for (issuer, log) in outcome.handlers.iter().enumerate() {
        for serial in (1..=log.issued).rev().take(TOKEN_BACKLOG as usize) {
            let key = spell(&mut key, Key::Token { issuer, serial });
            newest += u64::from(site.store.exists(key));
        }
    }
    let mut check = Check::new(
        "every token was redeemed once or is there",
        format!("{} issued, {} redeemed, {} left", count(issued), count(redeemed), count(left)),
    );
    check.require(issued == redeemed + left, || {
        format!("{} tokens are not accounted for", issued.abs_diff(redeemed + left))
    });
    check.require(left == newest, || {
        format!("{left} tokens are listed, {newest} of them were not deleted")
    });
    check
}

fn refusals(outcome: &Outcome) -> Check {
    let handlers = outcome.handlers.iter().map(|log| &log.refusals);
    let refresher = outcome.refresher.iter().map(|log| &log.refusals);
    let all: Vec<&Faults> = handlers.chain(refresher).collect();
    let refused: u64 = all.iter().map(|faults| faults.count).sum();
    let mut check =
        Check::new("no call was refused or answered amiss", format!("{} errors", count(refused)));
    check.blame(all);
    check
}
