//! Skewed picks: a few keys get most of the traffic.

use crate::rng::Rng;

/// Multiplies ranks so that the hot keys are not neighbours. A prime above any
/// number of keys used here, so no two ranks fall together.
const SCATTER: usize = 4_294_967_291;

/// Numbers below `n`, of which the `r`-th most frequent one comes up in
/// proportion to `1 / r^skew`.
///
/// A table of the summed weights: exact, and slow only where nothing is timed,
/// because the walks are drawn before the rounds begin.
#[derive(Clone, Debug)]
pub struct Zipf {
    sums: Vec<f64>,
}

impl Zipf {
    /// A sampler of `n` numbers, at least one. O(n) in time and memory.
    #[must_use]
    pub fn new(n: usize, skew: f64) -> Self {
        let mut sum = 0.0;
        let weight = |rank: usize| {
            sum += (rank as f64).powf(-skew);
            sum
        };
        Self { sums: (1..=n.max(1)).map(weight).collect() }
    }

    /// One number; which ones are the hot ones depends on nothing but `n`.
    pub fn sample(&self, rng: &mut Rng) -> usize {
        let n = self.sums.len();
        let point = rng.unit() * self.sums[n - 1];
        let rank = self.sums.partition_point(|sum| *sum <= point);
        rank.min(n - 1) * SCATTER % n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_follow_the_law() {
        const DRAWS: usize = 200_000;
        let (n, skew) = (1_000, 0.99);
        let zipf = Zipf::new(n, skew);
        let mut rng = Rng::new(3);
        let mut seen = vec![0_usize; n];
        for _ in 0..DRAWS {
            seen[zipf.sample(&mut rng)] += 1;
        }
        seen.sort_unstable_by(|a, b| b.cmp(a));
        let total: f64 = (1..=n).map(|rank| (rank as f64).powf(-skew)).sum();
        for rank in 1..=5 {
            let expected = DRAWS as f64 * (rank as f64).powf(-skew) / total;
            let error = (seen[rank - 1] as f64 - expected).abs() / expected;
            assert!(error < 0.05, "rank {rank}: {} seen, {expected} expected", seen[rank - 1]);
        }
    }

    #[test]
    fn every_number_can_come_up() {
        let zipf = Zipf::new(10, 0.5);
        let mut rng = Rng::new(1);
        let mut seen = [false; 10];
        (0..10_000).for_each(|_| seen[zipf.sample(&mut rng)] = true);
        assert_eq!(seen, [true; 10]);
    }
}
