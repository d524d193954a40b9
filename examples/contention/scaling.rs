//! Throughput over threads, against a locked map: measured in turns, printed, and plotted.

use std::env;
use std::fs::{self, OpenOptions};
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use epochkv::Kv;

use crate::args::Args;
use crate::figures::count;
use crate::names::{self, Key, spell};
use crate::peer::{Contender, LockedMap};
use crate::plot::{self, Chart, Point, Series};
use crate::rng::Rng;
use crate::traffic::{join, progress, spawn};
use crate::zipf::Zipf;

/// Each point is the median of so many rounds.
const ROUNDS: usize = 5;
/// How long one contender runs at a time.
const SLICE: Duration = Duration::from_millis(200);
/// One call in ten is a write.
const WRITE_ONE_IN: u64 = 10;
/// Every other key has this time to live; no key expires while it is measured.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// Keys that each thread picks beforehand, so that drawing costs nothing while the clock runs.
const PICKS: usize = 1 << 16;

/// Says at once, not after the measurement, if the plot cannot be written.
pub(crate) fn check_writable(file: &Path) -> Result<(), String> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .map(drop)
        .map_err(|error| cannot_write(file, &error))
}

fn cannot_write(file: &Path, error: &std::io::Error) -> String {
    format!("cannot write {}: {error}", file.display())
}

/// Measures, prints and plots; false if a read missed its key or a write was refused.
pub(crate) fn run(args: &Args, seed: u64, file: &Path) -> Result<bool, String> {
    let workload = Workload::new(args, seed);
    let counts = thread_counts(args.threads);
    let store: Kv = Kv::new();
    let locked = LockedMap::default();
    let mut faults = workload.fill(&store) + workload.fill(&locked);

    // Rates per contender, thread count and round.
    let mut rates = [vec![Vec::new(); counts.len()], vec![Vec::new(); counts.len()]];
    let slices = ROUNDS * counts.len() * rates.len();
    let bar = progress(args.quiet, slices as u128, "{bar:32} plot: slice {pos} of {len}");
    for round in 0..ROUNDS {
        for (place, &threads) in counts.iter().enumerate() {
            // Who goes first changes from round to round.
            for turn in [round % 2, (round + 1) % 2] {
                let slice = match turn {
                    0 => workload.measure(&store, threads)?,
                    _ => workload.measure(&locked, threads)?,
                };
                faults += slice.faults;
                rates[turn][place].push(slice.rate);
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();

    let [ours, theirs] = rates.map(|per_count| per_count.into_iter().map(Point::of).collect());
    let chart = chart(args, counts, ours, theirs);
    print(&chart, faults);
    fs::write(file, plot::svg(&chart)).map_err(|error| cannot_write(file, &error))?;
    println!("\nPlot written to {}", file.display());
    Ok(faults == 0)
}

/// What every contender is put through.
struct Workload {
    keys: Vec<String>,
    zipf: Zipf,
    seed: u64,
}

/// One contender with one number of threads, once.
struct Slice {
    /// Calls per second.
    rate: f64,
    /// Reads that found nothing, and writes that were refused.
    faults: u64,
}

impl Workload {
    fn new(args: &Args, seed: u64) -> Self {
        Self {
            keys: (0..args.keys).map(|user| Key::Profile { user }.to_string()).collect(),
            zipf: Zipf::new(args.keys, args.zipf),
            seed,
        }
    }

    fn fill(&self, contender: &impl Contender) -> u64 {
        let mut value = String::new();
        let mut faults = 0;
        for (user, key) in self.keys.iter().enumerate() {
            let value = spell(&mut value, names::profile(user));
            faults += u64::from(!contender.set(key, value, life(user)));
        }
        faults
    }

    fn measure(&self, contender: &impl Contender, threads: usize) -> Result<Slice, String> {
        let start_flag = AtomicBool::new(false);
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            // Also when this function returns early: the scope waits for threads already started.
            let _release = RaiseOnDrop([&start_flag, &stop]);
            let mut handles = Vec::with_capacity(threads);
            for id in 0..threads {
                let (start_flag, stop) = (&start_flag, &stop);
                handles.push(spawn(scope, format!("plot {id}"), move || {
                    let picks = self.picks(id);
                    while !start_flag.load(Ordering::Acquire) {
                        thread::yield_now();
                    }
                    self.drive(contender, &picks, stop)
                })?);
            }
            start_flag.store(true, Ordering::Release);
            let start = Instant::now();
            thread::sleep(SLICE);
            stop.store(true, Ordering::Relaxed);
            let mut panics = Vec::new();
            let (mut calls, mut faults) = (0, 0);
            for handle in handles {
                let (some_calls, some_faults) = join(handle, &mut panics).unwrap_or_default();
                calls += some_calls;
                faults += some_faults;
            }
            let elapsed = start.elapsed().as_secs_f64();
            match panics.into_iter().next() {
                Some(panic) => Err(panic),
                None => Ok(Slice { rate: calls as f64 / elapsed, faults }),
            }
        })
    }

    /// The users that thread `id` will pick, in order; the top bit marks a write.
    fn picks(&self, id: usize) -> Vec<u32> {
        let mut rng = Rng::new(self.seed, id as u64);
        (0..PICKS)
            .map(|_| {
                let user = self.zipf.sample(&mut rng) as u32;
                let write = rng.one_in(WRITE_ONE_IN);
                user | (u32::from(write) << 31)
            })
            .collect()
    }

    /// Goes through the picks round and round; calls and faults.
    fn drive(&self, contender: &impl Contender, picks: &[u32], stop: &AtomicBool) -> (u64, u64) {
        let (mut calls, mut faults) = (0, 0);
        for batch in picks.chunks(256).cycle() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            for &pick in batch {
                let user = (pick & (u32::MAX >> 1)) as usize;
                let key = &self.keys[user];
                let sound = if pick >> 31 == 1 {
                    // Its own key is a value of the right size that needs no spelling.
                    contender.set(key, &key[..16], life(user))
                } else {
                    black_box(contender.get(key)).is_some()
                };
                faults += u64::from(!sound);
            }
            calls += batch.len() as u64;
        }
        (calls, faults)
    }
}

struct RaiseOnDrop<'a>([&'a AtomicBool; 2]);

impl Drop for RaiseOnDrop<'_> {
    fn drop(&mut self) {
        for flag in self.0 {
            flag.store(true, Ordering::Release);
        }
    }
}

fn life(user: usize) -> Option<Duration> {
    (user % 2 == 0).then_some(LIFE)
}

/// 1, 2, 4 and so on up to `max(threads, 4)`, which is the last even if it is no power of two.
fn thread_counts(threads: usize) -> Vec<usize> {
    let last = threads.max(4);
    let mut counts: Vec<usize> =
        (0..usize::BITS).map(|power| 1 << power).take_while(|&count| count < last).collect();
    counts.push(last);
    counts
}

fn chart(args: &Args, threads: Vec<usize>, ours: Vec<Point>, theirs: Vec<Point>) -> Chart {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let command: Vec<String> = env::args().skip(1).collect();
    Chart {
        title: "Throughput over threads: one shared store".into(),
        subtitle: format!(
            "90 % get, 10 % set, {} keys, zipf {}, half of the keys with a deadline",
            count(args.keys as u64),
            args.zipf
        ),
        x_label: format!("threads ({cores} processors were available)"),
        y_label: "million calls per second".into(),
        note: format!(
            "Median of {ROUNDS} rounds in turns; bars from the lowest to the highest round. More is better."
        ),
        command: format!("cargo run --release --example contention -- {}", command.join(" ")),
        threads,
        series: vec![
            Series { name: "epochkv", color: "#0b6e6e", points: ours },
            Series { name: "parking_lot RwLock<HashMap>", color: "#c4541c", points: theirs },
        ],
    }
}

fn print(chart: &Chart, faults: u64) {
    println!("\n{}", chart.title);
    println!("{}.", chart.subtitle);
    println!("{}", chart.note);
    print!("\n{:>7}", "threads");
    for series in &chart.series {
        print!("  {:>30}", series.name);
    }
    println!("  {:>6}", "ratio");
    for (place, threads) in chart.threads.iter().enumerate() {
        print!("{threads:>7}");
        for series in &chart.series {
            let point = &series.points[place];
            let text = format!("{:.2} M/s [{:.2}, {:.2}]", point.median, point.low, point.high);
            print!("  {text:>30}");
        }
        let [ours, theirs] = [0, 1].map(|index: usize| chart.series[index].points[place].median);
        println!("  {:>6.2}", ours / theirs.max(f64::MIN_POSITIVE));
    }
    let verdict = if faults == 0 { "ok  " } else { "FAIL" };
    println!(
        "\n  {verdict}  every read found its key, every write was accepted: {faults} exceptions"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_counts_end_where_they_should() {
        assert_eq!(thread_counts(1), [1, 2, 4]);
        assert_eq!(thread_counts(4), [1, 2, 4]);
        assert_eq!(thread_counts(6), [1, 2, 4, 6]);
        assert_eq!(thread_counts(8), [1, 2, 4, 8]);
    }
}
