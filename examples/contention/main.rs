//! What high-contention server code does, on one shared store, and then the proof that it was right.
//!
//! ```text
//! cargo run --release --example contention
//! cargo run --release --example contention -- --threads 8 --seconds 10 --zipf 1.2
//! cargo run --release --example contention -- --svg throughput.svg
//! cargo run --release --example contention -- --input some-book.txt
//! ```
//!
//! Handler threads and two background tasks share one `Kv` for a few seconds: sessions with a time
//! to live, counters per route, rate limits per window, a feature flag, one-time tokens, and a
//! report that lists keys by glob. Every thread keeps its own books; at the end they must agree
//! with the store. The exit code is 0 if every check passed, 1 if one failed, and 2 if the job
//! could not be run at all.
//!
//! Read `site` for what is shared, `handler` for one request, `verify` for the checks.

mod args;
mod background;
mod faults;
mod figures;
mod handler;
mod latency;
mod limits;
mod names;
mod peer;
mod plot;
mod report;
mod rng;
mod scaling;
mod session;
mod site;
mod traffic;
mod verify;
mod words;
mod zipf;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::site::Site;

fn main() -> ExitCode {
    let args = Args::parse();
    let passed = match &args.input {
        Some(file) => words::run(file, args.threads),
        None => serve(&args),
    };
    match passed {
        Ok(true) => {
            println!("\nPASS");
            ExitCode::SUCCESS
        }
        Ok(false) => {
            println!("\nFAIL");
            ExitCode::from(1)
        }
        Err(reason) => {
            eprintln!("contention: {reason}");
            ExitCode::from(2)
        }
    }
}

/// Runs the traffic, prints its table and its checks, and draws the plot if one is wanted.
fn serve(args: &Args) -> Result<bool, String> {
    if let Some(file) = &args.svg {
        scaling::check_writable(file)?;
    }
    let seed = args.seed_or_random();
    report::introduction(args, seed);
    let site = Site::open(args.threads, args.keys)?;
    let outcome = traffic::run(&site, args, seed)?;
    report::latencies(&outcome)?;
    let mut passed = report::checks(&verify::all(&site, &outcome));
    if let Some(file) = &args.svg {
        passed &= scaling::run(args, seed, file)?;
    }
    Ok(passed)
}
