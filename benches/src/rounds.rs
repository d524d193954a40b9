//! Rounds: in each of them every contestant has one turn, in a new order.
//!
//! What slows the machine down for a second then falls on all alike, and the
//! ratio of two turns of one round is worth more than the ratio of two averages.

use crate::contestant::Contestant;
use crate::metric::{Metric, Sample, extremes, median};
use crate::peers::{ALL, Entrant, Epochkv};
use crate::plan::{Cell, Heap, Plan};
use crate::rng::Rng;
use crate::workload::{Course, Fill, Workload};
use crate::workloads::{Bout, MEMORY_METRICS, Turn};
use core::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};

/// The figures of one contestant in one cell.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it did.
    pub workload: Workload,
    /// With how many keys.
    pub keys: usize,
    /// By how many threads.
    pub threads: usize,
    /// Which figure.
    pub metric: Metric,
    /// Who.
    pub contestant: &'static str,
    /// One value per round.
    pub values: Vec<f64>,
    /// How many times better epochkv was, round by round. Empty for epochkv
    /// itself, and where a ratio says nothing.
    pub ratios: Vec<f64>,
}

impl Row {
    /// Whether it is ours.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.contestant == Epochkv::NAME
    }

    /// The median of the rounds.
    #[must_use]
    pub fn median(&self) -> f64 {
        median(&self.values)
    }

    /// The least and the greatest value.
    #[must_use]
    pub fn extremes(&self) -> (f64, f64) {
        extremes(&self.values)
    }

    /// The median of the ratios, if there are any.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        (!self.ratios.is_empty()).then(|| median(&self.ratios))
    }

    /// Whether both are of one cell and one figure.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        let place = |row: &Self| (row.workload, row.keys, row.threads, row.metric);
        place(self) == place(other)
    }
}

/// Those who take part: epochkv, and the peers of these names, or all if there
/// are no names.
#[must_use]
pub fn entrants(names: &[String]) -> Vec<Entrant> {
    let chosen = |entrant: &Entrant| {
        let named = names.iter().any(|name| entrant.name.starts_with(name.as_str()));
        named || names.is_empty() || entrant.name == Epochkv::NAME
    };
    ALL.into_iter().filter(chosen).collect()
}

/// Runs cells that share their stores, and returns all figures.
///
/// # Panics
///
/// If a contestant answers wrongly.
#[must_use]
pub fn run_stage(plan: &Plan, stage: &[Cell], entrants: &[Entrant]) -> Vec<Row> {
    let Some(first) = stage.first() else {
        return Vec::new();
    };
    let courses: Vec<_> = stage
        .iter()
        .map(|cell| {
            let threads = cell.threads.iter().copied().max().unwrap_or(1);
            Course::new(cell.workload, cell.keys, threads, plan.seed)
        })
        .collect();
    let mut rows = Vec::new();
    for (number, group) in groups(first, entrants).into_iter().enumerate() {
        let mut rng = Rng::new(plan.seed ^ number as u64);
        let bouts = prepare(plan, first, &courses[0], &group, &mut rng);
        for (cell, course) in stage.iter().zip(&courses) {
            for &threads in &cell.threads {
                let turn = Turn {
                    workload: cell.workload,
                    course,
                    threads,
                    window: plan.window,
                    seed: plan.seed,
                };
                let rounds: Vec<_> = (0..cell.rounds)
                    .map(|_| match &plan.isolated_by {
                        Some(program) if cell.workload == Workload::Memory => {
                            group.iter().map(|entrant| isolated(program, entrant, &turn)).collect()
                        }
                        _ => round(&bouts, Turn { seed: rng.bits(), ..turn }, &mut rng),
                    })
                    .collect();
                collect(&mut rows, turn, &group, &rounds);
            }
        }
    }
    rows
}

/// All at once, or epochkv with one peer at a time.
fn groups(cell: &Cell, entrants: &[Entrant]) -> Vec<Vec<Entrant>> {
    match entrants {
        [ours, peers @ ..] if cell.in_pairs() && !peers.is_empty() => {
            peers.iter().map(|peer| vec![*ours, *peer]).collect()
        }
        all => vec![all.to_vec()],
    }
}

/// Fills the stores, in random order: the heap is not the same for the last one
/// as for the first.
fn prepare(
    plan: &Plan,
    cell: &Cell,
    course: &Course,
    group: &[Entrant],
    rng: &mut Rng,
) -> Vec<Box<dyn Bout>> {
    let fill = cell.workload.fill();
    let bouts: Vec<_> = group.iter().map(|entrant| (entrant.enter)(cell.keys)).collect();
    for index in order(bouts.len(), rng) {
        bouts[index].fill(fill, course);
        // Churn ages its heap by itself, and must find its keys as it left them.
        let can_age = fill == Fill::Text && cell.workload != Workload::Churn;
        if plan.heap == Heap::Aged && can_age {
            bouts[index].age(course);
        }
    }
    bouts
}

fn order(len: usize, rng: &mut Rng) -> Vec<usize> {
    let mut order: Vec<_> = (0..len).collect();
    rng.shuffle(&mut order);
    order
}

/// One turn each; the samples are in the order of the bouts.
fn round(bouts: &[Box<dyn Bout>], turn: Turn<'_>, rng: &mut Rng) -> Vec<Sample> {
    let mut samples = vec![Sample::new(); bouts.len()];
    for index in order(bouts.len(), rng) {
        settle_heap();
        samples[index] = bouts[index].take_turn(&turn);
    }
    samples
}

/// Makes the allocator do for this thread what it has put off. A writer of the turn before may
/// have freed hundreds of thousands of blocks that this thread has allocated; glibc keeps them
/// as they are until somebody asks for a large block, and then takes a tenth of a second to
/// merge them. Who allocates in the next turn would pay for it, who does not would not.
fn settle_heap() {
    const LARGE: usize = 64 << 10;
    drop(black_box(Vec::<u8>::with_capacity(LARGE)));
}

/// What [`isolated`] passes on, besides the sizes.
pub const MEMORY_OF: &str = "--memory-of";

/// A memory turn in a process of its own, which writes a value per line.
fn isolated(program: &Path, entrant: &Entrant, turn: &Turn<'_>) -> Sample {
    let output = Command::new(program)
        .args([MEMORY_OF, entrant.name])
        .args(["--keys", &turn.course.n.to_string()])
        .args(["--threads", &turn.threads.to_string()])
        .args(["--window-ms", &turn.window.as_millis().to_string()])
        .args(["--seed", &turn.seed.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .expect("this program can be started again");
    assert!(output.status.success(), "{}: {}", entrant.name, output.status);
    let values = String::from_utf8_lossy(&output.stdout);
    let values = values.lines().map(|line| line.parse().expect("a value per line"));
    MEMORY_METRICS.into_iter().zip(values).collect()
}

/// Adds the rounds of a group to the rows, each contestant beside ours.
fn collect(rows: &mut Vec<Row>, turn: Turn<'_>, group: &[Entrant], rounds: &[Vec<Sample>]) {
    let metrics: Vec<_> = match rounds.first().and_then(|round| round.first()) {
        Some(sample) => sample.iter().map(|(metric, _)| *metric).collect(),
        None => return,
    };
    for (place, metric) in metrics.into_iter().enumerate() {
        for (index, entrant) in group.iter().enumerate() {
            let value = |round: &[Sample], index: usize| round[index][place].1;
            let mut row = Row {
                workload: turn.workload,
                keys: turn.course.n,
                threads: turn.threads,
                metric,
                contestant: entrant.name,
                values: rounds.iter().map(|round| value(round, index)).collect(),
                ratios: Vec::new(),
            };
            if !row.is_ours() {
                let ratio =
                    |round: &Vec<Sample>| metric.advantage(value(round, 0), value(round, index));
                row.ratios = rounds.iter().filter_map(ratio).collect();
            }
            // Ours comes again with each pair.
            let same =
                |other: &&mut Row| other.contestant == row.contestant && other.is_beside(&row);
            match rows.iter_mut().find(same) {
                Some(known) => known.values.append(&mut row.values),
                None => rows.push(row),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Choice, Scale};
    use core::time::Duration;

    fn plan(cells: Vec<Cell>) -> Plan {
        Plan {
            cells,
            window: Duration::from_millis(2),
            heap: Heap::Aged,
            seed: 1,
            isolated_by: None,
        }
    }

    /// Every workload, every contestant, tiny.
    #[test]
    fn everybody_can_do_everything() {
        let choice =
            Choice { keys: vec![1_600], threads: vec![2], rounds: Some(2), ..Choice::default() };
        let plan = plan(Scale::Quick.cells(&choice));
        for stage in plan.cells.chunk_by(Cell::can_share_with) {
            let rows = run_stage(&plan, stage, &ALL);
            for cell in stage {
                let of_cell = rows.iter().filter(|row| row.workload == cell.workload);
                let (mut ours, mut peers) = (0, 0);
                for row in of_cell {
                    assert_eq!(row.values.len(), 2, "{row:?}");
                    assert!(row.values.iter().all(|value| *value >= 0.0), "{row:?}");
                    *(if row.is_ours() { &mut ours } else { &mut peers }) += 1;
                }
                assert!(ours > 0);
                assert_eq!(peers, ours * (ALL.len() - 1));
            }
        }
    }

    #[test]
    fn names_choose_peers_and_ours_is_always_there() {
        let names: Vec<_> = entrants(&["dashmap".into()]).iter().map(|e| e.name).collect();
        assert_eq!(names, ["epochkv", "dashmap 6", "dashmap 7-rc"]);
        assert_eq!(entrants(&[]).len(), ALL.len());
    }

    #[test]
    fn large_stores_meet_in_pairs() {
        let cell = |keys| Cell { workload: Workload::GetHit, keys, threads: vec![1], rounds: 1 };
        assert_eq!(groups(&cell(1_000_000), &ALL).len(), 1);
        let pairs = groups(&cell(10_000_000), &ALL);
        assert_eq!(pairs.len(), ALL.len() - 1);
        assert!(pairs.iter().all(|pair| pair.len() == 2 && pair[0].name == "epochkv"));
    }
}
