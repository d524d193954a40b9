//! What is printed: the introduction, the table of latencies, the verdicts.

use crate::args::Args;
use crate::figures::{count, nanos, rate};
use crate::latency::{self, Operation, Recorder};
use crate::limits::{CLIENTS, LIMIT, WINDOW};
use crate::session;
use crate::site::{FLAG_PERIOD, ROUTES};
use crate::traffic::Outcome;
use crate::verify::Check;

/// Says what is about to happen.
pub(crate) fn introduction(args: &Args, seed: u64) {
    println!(
        "{} handler threads and 2 background tasks share one store for {} s.\n",
        args.threads, args.seconds
    );
    println!(
        "  profiles   {} users, no expiry, rewritten while they are read",
        count(args.keys as u64)
    );
    println!("  sessions   one per user at most, expire after {} ms", session::TTL.as_millis());
    println!("  counters   hits and bytes of {ROUTES} routes");
    println!(
        "  limits     {} requests per {} ms for each of {CLIENTS} clients",
        count(LIMIT.unsigned_abs()),
        WINDOW.as_millis()
    );
    println!("  flag       rewritten every {} ms, read by every request", FLAG_PERIOD.as_millis());
    println!("  tokens     any handler may redeem any token, once");
    println!("  report     lists keys by glob all the while");
    println!(
        "\nTraffic: zipf skew {}, seed {seed}. Keys are drawn from the seed; threads interleave as they will.",
        args.zipf
    );
}

/// One line per operation, from the merged histograms of all threads.
pub(crate) fn latencies(outcome: &Outcome) -> Result<(), String> {
    let Some(merged) = merged(outcome)? else {
        return Ok(());
    };
    let seconds = outcome.elapsed.as_secs_f64();
    println!(
        "\n{:<14} {:<14} {:>12} {:>11} {:>9} {:>9} {:>9} {:>9}",
        "call", "on", "calls", "calls/s", "p50", "p99", "p99.9", "max"
    );
    for operation in Operation::ALL {
        let histogram = merged.histogram(operation);
        let (call, on) = operation.label();
        let at = |quantile| match histogram.len() {
            0 => "-".to_owned(),
            _ => nanos(histogram.value_at_quantile(quantile)),
        };
        println!(
            "{call:<14} {on:<14} {:>12} {:>11} {:>9} {:>9} {:>9} {:>9}",
            count(histogram.len()),
            rate(histogram.len(), seconds),
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0),
        );
    }
    println!(
        "{:<14} {:<14} {:>12} {:>11}",
        "all",
        "",
        count(merged.calls()),
        rate(merged.calls(), seconds)
    );
    println!(
        "\nEvery call is timed by two readings of the clock; about {} of each latency is theirs.",
        nanos(latency::clock_cost())
    );
    println!("Calls per second include the traffic generator and its bookkeeping. A maximum of");
    println!("milliseconds is most often a thread that had to wait for a processor.");
    Ok(())
}

fn merged(outcome: &Outcome) -> Result<Option<Recorder>, String> {
    let mut recorders = outcome
        .handlers
        .iter()
        .map(|log| &log.recorder)
        .chain(outcome.refresher.iter().map(|log| &log.recorder))
        .chain(outcome.reporter.iter().map(|log| &log.recorder));
    let Some(first) = recorders.next() else {
        return Ok(None);
    };
    let mut merged = first.clone();
    for recorder in recorders {
        merged.merge(recorder)?;
    }
    Ok(Some(merged))
}

/// One line per check, and what went wrong below those that failed; true if all passed.
pub(crate) fn checks(checks: &[Check]) -> bool {
    println!("\nChecks");
    for check in checks {
        let verdict = if check.passed() { "ok  " } else { "FAIL" };
        println!("  {verdict}  {:<44} {}", check.claim, check.evidence);
        for problem in &check.problems {
            println!("        {problem}");
        }
    }
    checks.iter().all(Check::passed)
}
