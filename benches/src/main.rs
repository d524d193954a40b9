//! The command line: chooses what to run, prints the table as it comes, and
//! writes figures and pictures.

use clap::Parser;
use epochkv_bench::allocator::Counting;
use epochkv_bench::peers::ALL;
use epochkv_bench::plan::{Cell, Choice, Heap, Plan, Scale};
use epochkv_bench::workload::{Course, Workload};
use epochkv_bench::workloads::Turn;
use epochkv_bench::{latency, plot, report, rounds};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[cfg(not(feature = "mimalloc"))]
#[global_allocator]
static ALLOCATOR: Counting<std::alloc::System> = Counting(std::alloc::System);

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: Counting<mimalloc::MiMalloc> = Counting(mimalloc::MiMalloc);

const ALLOCATOR_NAME: &str = if cfg!(feature = "mimalloc") { "mimalloc" } else { "system" };

/// Compares epochkv with what one would pick instead.
#[derive(Debug, Parser)]
struct Args {
    /// A minute instead of most of an hour: smaller, fewer and shorter rounds
    #[arg(long)]
    quick: bool,
    /// Only these workloads
    #[arg(long, value_delimiter = ',')]
    workload: Vec<Workload>,
    /// Only peers whose names begin so; epochkv is always there
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Numbers of keys, for every workload
    #[arg(long, value_delimiter = ',', value_parser = number)]
    keys: Vec<usize>,
    /// Numbers of threads
    #[arg(long, value_delimiter = ',')]
    threads: Vec<usize>,
    /// How often each contestant has its turn
    #[arg(long)]
    rounds: Option<usize>,
    /// The time of a turn
    #[arg(long)]
    window_ms: Option<u64>,
    /// The condition of the memory that entries are in
    #[arg(long, default_value = "fresh")]
    heap: Heap,
    /// For all random choices
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Takes the memory turn of one contestant and writes its values, nothing else
    #[arg(long, hide = true)]
    memory_of: Option<String>,
    /// Where figures and pictures go
    #[arg(long, default_value = "target/epochkv-bench")]
    out: PathBuf,
}

/// A whole number of at least 64, also as `1e6`.
fn number(text: &str) -> Result<usize, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    if number.fract() != 0.0 || !(64.0..=2e8).contains(&number) {
        return Err("a whole number from 64 to 2e8".to_owned());
    }
    Ok(number as usize)
}

fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let scale = if args.quick { Scale::Quick } else { Scale::Full };
    let choice = Choice {
        workloads: args.workload,
        keys: args.keys,
        threads: args.threads,
        rounds: args.rounds,
    };
    let window = args.window_ms.map_or(scale.window(), Duration::from_millis);
    if let Some(name) = args.memory_of {
        return memory_of(&name, &choice, window, args.seed);
    }
    let plan = Plan {
        cells: scale.cells(&choice),
        window,
        heap: args.heap,
        seed: args.seed,
        isolated_by: Some(std::env::current_exe()?),
    };
    run(&plan, &args.only, &args.out)
}

/// The turn that [`rounds::run_stage`] wants to be taken in a process of its own.
fn memory_of(name: &str, choice: &Choice, window: Duration, seed: u64) -> std::io::Result<()> {
    let entrant = ALL.into_iter().find(|entrant| entrant.name == name);
    let (Some(entrant), [keys], [threads]) = (entrant, &choice.keys[..], &choice.threads[..])
    else {
        let wanted = "one contestant, one number of keys and one of threads";
        return Err(std::io::Error::other(wanted));
    };
    let (workload, threads) = (Workload::Memory, *threads);
    let course = Course::new(workload, *keys, threads, seed);
    let turn = Turn { workload, course: &course, threads, window, seed };
    for (_, value) in (entrant.enter)(*keys).take_turn(&turn) {
        println!("{value}");
    }
    Ok(())
}

fn run(plan: &Plan, only: &[String], out: &Path) -> std::io::Result<()> {
    let entrants = rounds::entrants(only);
    std::fs::create_dir_all(out)?;
    let command = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    let mut figures = std::fs::File::create(out.join("results.jsonl"))?;
    figures.write_all(report::json_of_run(plan, ALLOCATOR_NAME, &command).as_bytes())?;

    let began = Instant::now();
    let mut all = Vec::new();
    print!("{}", report::header());
    for stage in plan.cells.chunk_by(Cell::can_share_with) {
        let rows = rounds::run_stage(plan, stage, &entrants);
        print!("{}", report::table(&rows));
        std::io::stdout().flush()?;
        figures.write_all(report::json(&rows).as_bytes())?;
        all.extend(rows);
    }
    let subtitle = format!("{ALLOCATOR_NAME} allocator");
    let timed = latency::pictures(&all, &subtitle);
    for picture in plot::pictures(&all, &subtitle).into_iter().chain(timed) {
        std::fs::write(out.join(picture.file), picture.svg)?;
    }
    figures.write_all(report::json_of_end(began.elapsed()).as_bytes())?;
    println!(
        "\nA ratio above 1 means that epochkv is better than the best peer: the median of the\n\
         ratios of each round, with the lowest and the highest. {ALLOCATOR_NAME} allocator, {} s.\n\
         All figures and pictures: {}",
        began.elapsed().as_secs(),
        out.display()
    );
    Ok(())
}
