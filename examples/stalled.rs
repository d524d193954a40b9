//! What a thread that stands still costs the others: the speed of threads that overwrite,
//! with one that stands still in a call or keeps a snapshot, by that with one that stands
//! still outside.
//!
//! ```sh
//! cargo run --release --example stalled               # two minutes
//! cargo run --release --example stalled -- --rounds 5
//! ```
//!
//! It judges by the clock, so it wants a machine without other work. `tests/memory/stalled.rs`
//! has what holds on any machine: how much memory such a thread holds back.

use clap::Parser;
use epochkv::{Change, Kv};
use std::env;
use std::error::Error;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// What a thread that stands still costs the others.
#[derive(Debug, Parser)]
struct Args {
    /// Rounds; each measures all hosts, one after the other
    #[arg(long, default_value_t = 61)]
    rounds: usize,
    /// Milliseconds of each measurement
    #[arg(long, default_value_t = 400)]
    millis: u64,
    /// Threads that overwrite
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Keys that they overwrite
    #[arg(long, default_value_t = 10_000)]
    keys: usize,
    /// The least share of their speed that must be left
    #[arg(long, default_value_t = 0.8)]
    least: f64,
    /// Only measures this host, and prints the speed
    #[arg(long, hide = true)]
    host: Option<usize>,
}

/// Something within which a thread calls `stand`.
struct Host {
    name: &'static str,
    /// Whether the others' speed is held to the least share.
    judged: bool,
    stand_in: fn(&Kv, &dyn Fn()),
}

/// The first is what the others are compared with.
const HOSTS: [Host; 4] = [
    Host { name: "outside of any call", judged: true, stand_in: |_, stand| stand() },
    Host {
        name: "in the closure of update",
        judged: true,
        stand_in: |kv, stand| {
            let keep = |_: Option<&_>| {
                stand();
                Change::Keep
            };
            kv.update("k", keep).expect("nothing is written");
        },
    },
    Host {
        name: "with a snapshot",
        judged: true,
        stand_in: |kv, stand| {
            let kept = kv.get("k");
            stand();
            drop(kept);
        },
    },
    // Holds back all garbage, as its documentation says: only shown.
    Host {
        name: "in the closure of with",
        judged: false,
        stand_in: |kv, stand| _ = kv.with("k", |_| stand()),
    },
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();
    if let Some(index) = args.host {
        println!("{}", speed(&args, &HOSTS[index]));
        return Ok(ExitCode::SUCCESS);
    }
    let mut speeds = [const { Vec::new() }; HOSTS.len()];
    for round in 0..args.rounds {
        // Each is the first one as often as any other, and goes before each other one.
        for turn in 0..HOSTS.len() {
            let turn = if round % 2 == 0 { turn } else { HOSTS.len() - 1 - turn };
            let index = (round / 2 + turn) % HOSTS.len();
            speeds[index].push(speed_apart(index)?);
        }
    }
    let medians = speeds.map(median);
    let mut passed = true;
    for (host, median) in HOSTS.iter().zip(medians) {
        let share = median / medians[0];
        passed &= !host.judged || share >= args.least;
        println!("{:<26} {:>6.3} M calls/s  {share:.3}", host.name, median / 1e6);
    }
    println!("{}", if passed { "PASS" } else { "FAIL" });
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The speed in a process of its own: what one leaves behind with the allocator is not the
/// next one's.
fn speed_apart(index: usize) -> Result<f64, Box<dyn Error>> {
    let mut child = Command::new(env::current_exe()?);
    child.args(env::args_os().skip(1)).arg("--host").arg(index.to_string());
    Ok(String::from_utf8(child.output()?.stdout)?.trim().parse()?)
}

/// Calls per second of all threads that overwrite, while another stands still in `host`.
fn speed(args: &Args, host: &Host) -> f64 {
    let kv = Kv::new();
    let key = |n: usize| format!("key:{}", n % args.keys);
    let set = |n: usize| kv.set(&key(n), "a text of twenty-six bytes").expect("a text is not deep");
    (0..args.keys).for_each(set);
    kv.set("k", "text").expect("a text is not deep");
    let (arrives, arrived) = mpsc::channel();
    let (goes_on, waits) = mpsc::channel::<()>();
    let stop = AtomicBool::new(false);
    let (kv, set, stop) = (&kv, &set, &stop);
    let overwrite = move |first: usize| {
        let mut calls = 0;
        while !stop.load(Ordering::Relaxed) {
            (calls..calls + 64).for_each(|n| set(first + n));
            calls += 64;
        }
        calls
    };
    thread::scope(|scope| {
        scope.spawn(move || {
            (host.stand_in)(kv, &|| {
                arrives.send(()).expect("it is waited for");
                _ = waits.recv();
            });
        });
        arrived.recv().expect("it stands");
        let start = Instant::now();
        let first = |index: usize| index * args.keys / args.threads;
        let writers: Vec<_> =
            (0..args.threads).map(|index| scope.spawn(move || overwrite(first(index)))).collect();
        thread::sleep(Duration::from_millis(args.millis));
        stop.store(true, Ordering::Relaxed);
        let calls: usize = writers.into_iter().map(|writer| writer.join().expect("no panic")).sum();
        let seconds = start.elapsed().as_secs_f64();
        drop(goes_on);
        calls as f64 / seconds
    })
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
