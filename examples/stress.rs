//! Threads that do everything to a few keys at once, and check all they see: for
//! ThreadSanitizer and AddressSanitizer, which `scripts/sanitize.sh` runs.
//!
//! A plain program, because the test harness has a channel of its own that
//! ThreadSanitizer takes for a race.

use clap::Parser;
use epochkv::{Change, IncrOptions, Kv, Pattern};
use std::hash::{BuildHasher, RandomState};
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

/// Does everything to a few keys at once.
#[derive(Clone, Copy, Debug, Parser)]
struct Args {
    /// Calls of each thread
    #[arg(long, default_value_t = 1_000_000)]
    calls: u64,
    #[arg(long, default_value_t = 4)]
    threads: u64,
    /// Keys that all threads write
    #[arg(long, default_value_t = 32)]
    keys: u64,
    /// What the threads draw from; another one in every run unless it is given
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| RandomState::new().hash_one(process::id()));
    println!("--seed {seed}");
    let kv = Kv::new();
    // Before any thread: what the standard library makes once, it makes here.
    kv.set("warm", "up").expect("a text is accepted");
    let counted = Arc::new(AtomicI64::new(0));
    let workers: Vec<_> = (0..args.threads)
        .map(|index| {
            let (kv, counted) = (kv.clone(), Arc::clone(&counted));
            // Without a result: it would go through the standard library's own memory.
            thread::spawn(move || match work(&kv, args, seed, index) {
                Ok(sum) => _ = counted.fetch_add(sum, Ordering::Relaxed),
                Err(why) => {
                    println!("FAIL: {why}");
                    process::exit(1)
                }
            })
        })
        .collect();
    if workers.into_iter().any(|worker| worker.join().is_err()) {
        return fail("a thread panicked");
    }
    let counted = counted.load(Ordering::Relaxed);
    if kv.get_or("sum", 0) != counted {
        return fail(&format!("{} was counted, not {counted}", kv.get_or("sum", 0)));
    }
    let (len, live) = (kv.len(), kv.live_len());
    kv.clear();
    kv.flush();
    if !kv.is_empty() || live > len {
        return fail(&format!("{len} entries, {live} of them live, {} after clear", kv.len()));
    }
    println!("{} threads, {} calls each: PASS", args.threads, args.calls);
    ExitCode::SUCCESS
}

fn fail(why: &str) -> ExitCode {
    println!("FAIL: {why}");
    ExitCode::FAILURE
}

/// A value that can be seen to be whole, of every size that stands in an entry: longer
/// ones are behind an `Arc`, whose fence ThreadSanitizer does not see.
fn text(number: u64) -> String {
    let letter = char::from(b'a' + (number % 26) as u8);
    letter.to_string().repeat([3, 40, 300, 1000][number as usize % 4])
}

fn is_whole(text: &str) -> bool {
    text.bytes().all(|byte| byte == text.as_bytes()[0])
}

/// What one thread does. Returns what it added to the common sum.
fn work(kv: &Kv, args: Args, seed: u64, index: u64) -> Result<i64, String> {
    // Not zero, from which nothing comes.
    let mut random = seed.wrapping_add(index) | 1 << 63;
    let mut held = Vec::new();
    let mut sum = 0;
    let window = IncrOptions::by(1).max(100).ttl_on_create(Duration::from_millis(2));
    let error = |error: epochkv::Error| error.to_string();
    for call in 0..args.calls {
        // Xorshift64*, by Vigna.
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        let number = random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        let key = format!("key:{}", number % args.keys);
        match number / args.keys % 24 {
            0..4 => held.extend(kv.get(&key)),
            4 | 5 => {
                let seen = kv.with(&key, |value| value.as_str().is_none_or(is_whole));
                if seen == Some(false) {
                    return Err(format!("{key} is torn"));
                }
            }
            6..8 => kv.set(&key, text(number)).map_err(error)?,
            8 => kv.set_ex(&key, text(number), Duration::from_millis(1)).map_err(error)?,
            9 => kv.set(&key, number as i64).map_err(error)?,
            10 => _ = kv.delete(&key),
            11 => held.extend(kv.take(&key)),
            12 => _ = kv.swap(&key, text(number), 0).map_err(error)?,
            13 => _ = kv.set_if_absent(&key, text(number), 0).map_err(error)?,
            14 => _ = kv.update(&key, |_| Change::Set(text(number).into())).map_err(error)?,
            15 => _ = kv.incr_with(&format!("window:{key}"), &window).map_err(error)?,
            16 => _ = kv.expire(&key, Duration::from_millis(number % 3)),
            17 => _ = kv.persist(&key),
            // Keys that only this thread has: the table grows and shrinks.
            18 | 19 => kv.set(&format!("own:{index}:{}", call % 3000), "own").map_err(error)?,
            20 => _ = kv.delete(&format!("own:{index}:{}", number % 3000)),
            21 => _ = kv.incr_float(&format!("float:{key}"), 0.5).map_err(error)?,
            _ => {
                sum += 1;
                kv.incr("sum").map_err(error)?;
            }
        }
        if call % 8192 == 0 {
            _ = kv.keys(&format!("own:{index}:1*"));
            _ = kv.delete_matching(&Pattern::new("float:*"));
            _ = kv.sweep(100);
            kv.shrink_to_fit();
        }
        // Snapshots outlive their keys, and all are whole.
        if held.len() > 100 {
            if !held.iter().all(|seen| seen.as_str().is_none_or(is_whole)) {
                return Err("a snapshot is torn".into());
            }
            held.clear();
        }
    }
    Ok(sum)
}
