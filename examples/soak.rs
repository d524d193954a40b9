//! A soak: many threads set keys that live for a moment, for a long time, while a
//! sweeper works. Fails if resident memory grows after the warm-up, if a thread makes no
//! progress, if an answer is wrong, or if keys are left when all have expired.
//!
//! ```sh
//! scripts/soak.sh                 # half an hour
//! scripts/soak.sh --seconds 60    # a minute
//! ```

use clap::Parser;
use epochkv::{IncrOptions, Kv};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Sets keys that live for a moment, for a long time.
#[derive(Debug, Parser)]
struct Args {
    /// How long
    #[arg(long, default_value_t = 1800)]
    seconds: u64,
    /// Threads; 0: two for each core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Keys that are written again and again
    #[arg(long, default_value_t = 200_000)]
    keys: u64,
    /// The sweeper's tick, in milliseconds
    #[arg(long, default_value_t = 100)]
    tick: u64,
    /// How much of the resident memory after the warm-up may come on top, in percent
    #[arg(long, default_value_t = 20)]
    growth: u64,
    /// Seconds without progress that count as a stall
    #[arg(long, default_value_t = 5)]
    stall: u64,
}

/// Keys that no thread writes twice, and their rate: so many per thread in 100 ms.
const FRESH: u64 = 2_000;

/// The longest time to live, in milliseconds.
const LONGEST: u64 = 1_000;

/// The same in the warm-up: all keys are alive then, so that what comes after it, when fewer
/// are, needs no more memory, whatever share of the machine others have at which time.
const LONGEST_IN_WARM_UP: u64 = 20_000;

/// Pages count for the resident memory of a process only when it is touched, and
/// the allocator keeps some: less growth than this says nothing.
const NOISE_KIB: u64 = 16 << 10;

fn main() -> ExitCode {
    let args = Args::parse();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = if args.threads == 0 { 2 * cores } else { args.threads };
    println!("{threads} threads on {cores} cores, {} s, {} keys", args.seconds, args.keys);
    match soak(&args, threads) {
        Ok(()) => {
            println!("PASS");
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("FAIL: {why}");
            ExitCode::FAILURE
        }
    }
}

fn soak(args: &Args, threads: usize) -> Result<(), String> {
    let kv = Kv::new();
    let told = AtomicU64::new(0);
    let sweeper = kv.start_sweeper(Duration::from_millis(args.tick));
    let sweeper = sweeper.map_err(|error| format!("no sweeper: {error}"))?;
    let longest = AtomicU64::new(LONGEST_IN_WARM_UP);
    let progress: Vec<_> = (0..threads).map(|_| AtomicU64::new(0)).collect();
    let stop = AtomicBool::new(false);
    let watched = thread::scope(|scope| {
        for (index, calls) in progress.iter().enumerate() {
            let (kv, stop, longest, told) = (&kv, &stop, &longest, &told);
            scope.spawn(move || {
                if let Err(why) = churn(kv, index as u64, args.keys, calls, longest, stop) {
                    println!("thread {index}: {why}");
                    told.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let watched = watch(args, &kv, &progress, &longest);
        stop.store(true, Ordering::Relaxed);
        watched
    });
    watched?;
    if told.into_inner() > 0 {
        return Err("an answer was wrong".into());
    }
    // Nobody calls any more: all that is left must go by itself.
    let end = Instant::now() + Duration::from_millis(LONGEST) + Duration::from_secs(args.stall);
    while !kv.is_empty() {
        if Instant::now() > end {
            return Err(format!("entries are left: {:?}", kv.stats()));
        }
        thread::sleep(Duration::from_millis(args.tick));
    }
    drop(sweeper);
    println!("at rest: {} KiB resident, {:?}", resident_kib(), kv.stats());
    Ok(())
}

/// What one thread does.
fn churn(
    kv: &Kv,
    index: u64,
    keys: u64,
    calls: &AtomicU64,
    longest: &AtomicU64,
    stop: &AtomicBool,
) -> Result<(), epochkv::Error> {
    let mut random = index + 1;
    let window = IncrOptions::by(1).ttl_on_create(Duration::from_millis(LONGEST));
    let (mut fresh, mut fresh_in_turn, mut turn) = (0u64, 0, Instant::now());
    while !stop.load(Ordering::Relaxed) {
        let longest = longest.load(Ordering::Relaxed);
        for _ in 0..64 {
            // Xorshift64*, by Vigna.
            random ^= random >> 12;
            random ^= random << 25;
            random ^= random >> 27;
            let number = random.wrapping_mul(0x2545_f491_4f6c_dd1d);
            let ttl = Duration::from_millis(longest - (number >> 20) % LONGEST);
            let key = format!("session:{}", (number >> 32) % keys);
            match number % 16 {
                0..6 => kv.set_ex(&key, "a session's token", ttl)?,
                6 => kv.set_ex(&key, "a longer text ".repeat(20), ttl)?,
                7 => _ = kv.delete(&key),
                8 => _ = kv.expire(&key, ttl),
                9 => _ = kv.get_and_expire(&key, ttl),
                10 => _ = kv.incr_with(&format!("window:{}", number % 1000), &window)?,
                _ => _ = kv.get(&key),
            }
        }
        if fresh_in_turn < FRESH {
            for _ in 0..16 {
                kv.set_ex(&format!("once:{index}:{fresh}"), 1, Duration::from_millis(100))?;
                fresh += 1;
            }
            fresh_in_turn += 16;
        } else if turn.elapsed() >= Duration::from_millis(100) {
            (fresh_in_turn, turn) = (0, Instant::now());
        }
        calls.fetch_add(64, Ordering::Relaxed);
    }
    Ok(())
}

/// Looks on, second by second.
fn watch(args: &Args, kv: &Kv, progress: &[AtomicU64], longest: &AtomicU64) -> Result<(), String> {
    // A third of a short run, a minute or more of a long one.
    let warm_up = (args.seconds / 3).min(60.max(args.seconds / 10));
    let counts = || progress.iter().map(|calls| calls.load(Ordering::Relaxed)).collect::<Vec<_>>();
    let mut before = counts();
    let mut stalled = vec![0; before.len()];
    let (mut after_warm_up, mut most) = (0, 0);
    for second in 1..=args.seconds {
        thread::sleep(Duration::from_secs(1));
        let now = counts();
        for (index, (now, before)) in now.iter().zip(&before).enumerate() {
            stalled[index] = if now == before { stalled[index] + 1 } else { 0 };
            if stalled[index] >= args.stall {
                return Err(format!("thread {index} has stood still for {} s", args.stall));
            }
        }
        let resident = resident_kib();
        if second == warm_up {
            longest.store(LONGEST, Ordering::Relaxed);
        }
        if second <= warm_up {
            after_warm_up = after_warm_up.max(resident);
        } else {
            most = most.max(resident);
            let allowed = after_warm_up * (100 + args.growth) / 100;
            if most > allowed.max(after_warm_up + NOISE_KIB) {
                return Err(format!("{most} KiB resident, {after_warm_up} after the warm-up"));
            }
        }
        if second % 10 == 0 || second == args.seconds {
            let calls: u64 = now.iter().sum::<u64>() - before.iter().sum::<u64>();
            let stats = kv.stats();
            println!(
                "{second:>5} s  {resident:>7} KiB  {:>5.2} M calls/s  {:>7} entries  {:>7} handles  {:>7} removed  {:>10} swept",
                calls as f64 / 1e6,
                stats.entries,
                stats.handles,
                stats.garbage,
                stats.swept,
            );
        }
        before = now;
    }
    println!("resident: {after_warm_up} KiB in the warm-up, at most {most} after it");
    Ok(())
}

/// The resident memory of this process, where the system tells; else 0.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
}
