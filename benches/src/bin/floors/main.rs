//! What the memory alone allows: epochkv beside tables that do the same with less.
//!
//! - A plain `hashbrown` map that nobody may write, so without any synchronization; and counters
//!   in such a map, which nobody can add or remove. It is what one has without a store. Its keys
//!   and texts are in blocks of their own, so it is no lower bound.
//! - A bare table (rows that begin with `bare`): one bucket and one entry, each fetched once, is
//!   the least of any table that holds keys of changing length behind pointers.
//!
//! A store that can be written at the same time cannot be expected to be faster than that.

mod bare;
mod layout;
mod plain;
mod turns;

use clap::{Parser, ValueEnum};
use epochkv_bench::machine;
use std::sync::atomic::{AtomicI64, Ordering};

/// What epochkv is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Floor {
    /// A map of hashbrown.
    Map,
    /// One bucket, one entry.
    Bare,
}

#[derive(Debug, Parser)]
struct Args {
    /// Numbers of keys
    #[arg(long, value_delimiter = ',', default_value = "1000,100000,1000000,10000000")]
    keys: Vec<usize>,
    /// Numbers of threads
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<usize>,
    /// How often each has its turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// What epochkv is compared with
    #[arg(long, value_delimiter = ',', default_value = "map,bare")]
    floor: Vec<Floor>,
}

fn main() {
    let args = Args::parse();
    for (name, value) in machine::facts() {
        println!("# {name}: {value}");
    }
    turns::print_header();
    for &keys in &args.keys {
        if args.floor.contains(&Floor::Map) {
            plain::reads(&args, keys);
            plain::counters(&args, keys);
        }
        if args.floor.contains(&Floor::Bare) {
            layout::reads_and_counters(&args, keys);
            layout::churn(&args, keys);
        }
    }
}

/// As little as a counter can do that never wraps.
fn add_checked(counter: &AtomicI64) -> Option<i64> {
    let add = |count: i64| count.checked_add(1);
    counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).ok()
}
