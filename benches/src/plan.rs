//! Which workloads run with how many keys, threads and rounds.

use crate::workload::Workload;
use clap::ValueEnum;
use core::time::Duration;
use std::path::PathBuf;

/// Up to so many keys, the stores of all contestants are in memory together.
///
/// An entry takes 100 to 400 bytes: ten stores of 10^7 would need 20 GB and
/// more. Above this, epochkv meets one peer at a time, both stores made anew for
/// each of them, so that rounds still alternate between the two.
const TOGETHER: usize = 2_000_000;

/// One workload with one number of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What to do.
    pub workload: Workload,
    /// With how many keys.
    pub keys: usize,
    /// By how many threads, one after the other.
    pub threads: Vec<usize>,
    /// How often each contestant has its turn.
    pub rounds: usize,
}

impl Cell {
    /// Whether epochkv meets one peer at a time.
    #[must_use]
    pub const fn in_pairs(&self) -> bool {
        // What makes its own stores keeps only one at a time.
        self.keys > TOGETHER && !self.workload.fills_its_own()
    }

    /// Whether it can go on with the stores of another one.
    #[must_use]
    pub fn can_share_with(&self, other: &Self) -> bool {
        self.keys == other.keys && self.workload.only_reads() && other.workload.only_reads()
    }
}

/// How large everything is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// A minute: to see that it works, and differences of a factor.
    Quick,
    /// Most of an hour.
    Full,
}

/// The condition of the memory that entries are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Heap {
    /// As filled: neighbours in time are neighbours in memory.
    Fresh,
    /// After each entry was overwritten about twice, in random order.
    Aged,
}

/// All choices of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What to run, in order.
    pub cells: Vec<Cell>,
    /// The time of a turn.
    pub window: Duration,
    /// The condition of the memory.
    pub heap: Heap,
    /// For all random choices.
    pub seed: u64,
    /// The program that takes a memory turn in a process of its own; without one
    /// they are taken in this process, where what other stores have left behind
    /// is counted too.
    pub isolated_by: Option<PathBuf>,
}

/// What can be chosen from outside; `None` and empty lists leave it to the scale.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Only these workloads.
    pub workloads: Vec<Workload>,
    /// These numbers of keys, for each workload.
    pub keys: Vec<usize>,
    /// These numbers of threads.
    pub threads: Vec<usize>,
    /// So many rounds.
    pub rounds: Option<usize>,
}

impl Scale {
    /// The numbers of keys of a workload.
    fn keys(self, workload: Workload) -> &'static [usize] {
        use Workload as W;
        match (self, workload) {
            (Self::Quick, W::GetHit) => &[1_000, 100_000],
            (Self::Quick, W::IncrZipf | W::IncrHot) => &[1_000],
            (Self::Quick, W::Grow | W::GrowReads) => &[200_000],
            (Self::Quick, _) => &[100_000],
            (Self::Full, W::GetHit) => &[1_000, 100_000, 10_000_000],
            (Self::Full, W::GetSnapshot | W::GetBatch | W::GetMiss) => &[100_000, 10_000_000],
            (Self::Full, W::IncrZipf | W::IncrHot) => &[1_000],
            (Self::Full, W::Grow | W::GrowReads) => &[4_000_000],
            (Self::Full, W::Memory) => &[1_000_000, 10_000_000],
            (Self::Full, _) => &[1_000_000],
        }
    }

    fn rounds(self, workload: Workload, keys: usize) -> usize {
        match (self, workload) {
            // Bytes are the same each time, garbage is not.
            (_, Workload::Memory) => {
                if keys > TOGETHER {
                    1
                } else {
                    3
                }
            }
            (Self::Quick, _) | (Self::Full, Workload::Grow | Workload::GrowReads) => 3,
            (Self::Full, _) => 7,
        }
    }

    fn threads(self, workload: Workload) -> &'static [usize] {
        match (self, workload) {
            (Self::Full, Workload::Memory) => &[2, 4],
            (Self::Quick, Workload::Memory) => &[2],
            (Self::Quick, _) => &[1, 2],
            (Self::Full, _) => &[1, 2, 4],
        }
    }

    /// The time of a turn.
    #[must_use]
    pub const fn window(self) -> Duration {
        match self {
            Self::Quick => Duration::from_millis(20),
            Self::Full => Duration::from_millis(200),
        }
    }

    /// The cells of a run, those that can share stores next to each other.
    #[must_use]
    pub fn cells(self, choice: &Choice) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &workload in Workload::value_variants() {
            if !choice.workloads.is_empty() && !choice.workloads.contains(&workload) {
                continue;
            }
            let or = |chosen: &[usize], usual: &[usize]| {
                if chosen.is_empty() { usual.to_vec() } else { chosen.to_vec() }
            };
            // The others have one writer, and one who walks.
            let threads = if workload.scales() {
                or(&choice.threads, self.threads(workload))
            } else {
                vec![1]
            };
            let mut threads: Vec<_> =
                threads.into_iter().map(|threads| threads.max(workload.least_threads())).collect();
            threads.dedup();
            for keys in or(&choice.keys, self.keys(workload)) {
                let rounds = choice.rounds.unwrap_or_else(|| self.rounds(workload, keys));
                cells.push(Cell { workload, keys, threads: threads.clone(), rounds });
            }
        }
        // Stable: apart from this, the order of the workloads stays.
        cells.sort_by_key(|cell| if cell.workload.only_reads() { cell.keys } else { usize::MAX });
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_is_in_the_plan() {
        for scale in [Scale::Quick, Scale::Full] {
            let cells = scale.cells(&Choice::default());
            for workload in Workload::value_variants() {
                assert!(cells.iter().any(|cell| cell.workload == *workload), "{workload:?}");
            }
        }
    }

    #[test]
    fn reads_of_one_size_stand_together() {
        let cells = Scale::Full.cells(&Choice::default());
        let stages = cells.chunk_by(Cell::can_share_with).collect::<Vec<_>>();
        assert_eq!(stages[..3].iter().map(|stage| stage.len()).collect::<Vec<_>>(), [1, 4, 4]);
        assert!(stages[3..].iter().all(|stage| stage.len() == 1));
    }

    #[test]
    fn a_reader_of_a_growing_store_has_a_writer_beside_it() {
        let threads = |threads: &[usize]| {
            let workloads = vec![Workload::GrowReads];
            let choice = Choice { workloads, threads: threads.to_vec(), ..Choice::default() };
            Scale::Full.cells(&choice).remove(0).threads
        };
        assert_eq!((threads(&[]), threads(&[1, 2]), threads(&[1])), (vec![2, 4], vec![2], vec![2]));
    }

    #[test]
    fn choices_replace_the_usual() {
        let choice = Choice {
            workloads: vec![Workload::GetHit],
            keys: vec![10],
            threads: vec![8],
            rounds: Some(1),
        };
        let only = Cell { workload: Workload::GetHit, keys: 10, threads: vec![8], rounds: 1 };
        assert_eq!(Scale::Full.cells(&choice), [only]);
    }
}
