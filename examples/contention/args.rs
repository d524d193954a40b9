//! The command line, checked before anything starts.

use std::num::NonZero;
use std::path::PathBuf;
use std::thread;

use clap::Parser;

const MAX_THREADS: usize = 1_024;
const MAX_KEYS: usize = 10_000_000;
const MAX_SECONDS: f64 = 3_600.0;
const MAX_ZIPF: f64 = 5.0;

/// Threads of a busy server share one epochkv store; at the end every result is verified.
#[derive(Debug, Parser)]
#[command(name = "contention")]
pub(crate) struct Args {
    /// Handler threads (two background tasks run beside them)
    #[arg(long, value_name = "N", default_value_t = default_threads(), value_parser = threads)]
    pub(crate) threads: usize,

    /// How long the traffic runs
    #[arg(long, value_name = "S", default_value = "5", value_parser = seconds)]
    pub(crate) seconds: f64,

    /// Users: each has a profile that must never be lost, and perhaps a session
    #[arg(long, value_name = "N", default_value = "100000", value_parser = keys)]
    pub(crate) keys: usize,

    /// Skew of the traffic: 0 = every user alike, 0.99 = as in YCSB, more = hotter
    #[arg(long, value_name = "SKEW", default_value = "0.99", value_parser = zipf, allow_negative_numbers = true)]
    pub(crate) zipf: f64,

    /// Seed of the traffic; drawn at random and printed if left out
    #[arg(long, value_name = "SEED")]
    pub(crate) seed: Option<u64>,

    /// Afterwards, measure throughput over threads against a locked map and plot it here
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    pub(crate) svg: Option<PathBuf>,

    /// Instead: count the words of this text file with all threads and compare every count
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,

    /// No progress bar
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl Args {
    /// The seed that was asked for, or a new one.
    pub(crate) fn seed_or_random(&self) -> u64 {
        // Ten digits are enough to differ, and short enough to retype.
        self.seed.unwrap_or_else(|| ahash::RandomState::new().hash_one(0_u64) % 10_000_000_000)
    }
}

fn default_threads() -> usize {
    thread::available_parallelism().map_or(2, NonZero::get).clamp(2, MAX_THREADS)
}

fn threads(text: &str) -> Result<usize, String> {
    whole(text, MAX_THREADS)
}

fn keys(text: &str) -> Result<usize, String> {
    whole(text, MAX_KEYS)
}

fn seconds(text: &str) -> Result<f64, String> {
    real(text, 0.1, MAX_SECONDS)
}

fn zipf(text: &str) -> Result<f64, String> {
    real(text, 0.0, MAX_ZIPF)
}

fn whole(text: &str, max: usize) -> Result<usize, String> {
    text.replace(['_', ','], "")
        .parse()
        .ok()
        .filter(|number| (1..=max).contains(number))
        .ok_or_else(|| format!("expected a whole number from 1 to {max}"))
}

fn real(text: &str, min: f64, max: f64) -> Result<f64, String> {
    // A range never contains NaN, so it is refused together with the infinities.
    text.parse()
        .ok()
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| format!("expected a number from {min} to {max}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_arguments_are_refused_with_a_reason() {
        for bad in [
            ["--threads", "0"],
            ["--threads", "-1"],
            ["--threads", "1025"],
            ["--keys", "0"],
            ["--keys", "many"],
            ["--seconds", "0"],
            ["--seconds", "inf"],
            ["--zipf", "NaN"],
            ["--zipf", "-0.5"],
            ["--seed", "x"],
        ] {
            let error = Args::try_parse_from(["contention", bad[0], bad[1]]).unwrap_err();
            assert!(error.to_string().contains(bad[1]), "{bad:?}: {error}");
        }
    }

    #[test]
    fn defaults_and_limits_are_accepted() {
        let args = Args::try_parse_from(["contention"]).unwrap();
        assert!(args.threads >= 2 && args.keys == 100_000);
        let args = Args::try_parse_from(["contention", "--zipf", "0", "--keys", "1_000"]).unwrap();
        assert!(args.zipf == 0.0 && args.keys == 1_000);
    }
}
