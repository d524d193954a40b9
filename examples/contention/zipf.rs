//! Skewed picks: a few keys get most of the traffic, as on a real server.

use crate::rng::Rng;

/// Ranks `0..n` with probability proportional to `1 / (rank + 1)^skew`, in constant time and space.
///
/// Rejection-inversion: Hörmann and Derflinger, "Rejection-inversion to generate variates from
/// monotone discrete distributions", ACM TOMACS 6(3), 1996. Invert the integral of the continuous
/// density, round to the nearest rank, and redraw where the rounded step overshoots it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zipf {
    n: f64,
    skew: f64,
    /// Integral at the left edge of the first rank, moved so that this rank is never rejected.
    left: f64,
    /// Integral at the right edge of the last rank.
    right: f64,
    /// Rounding up by no more than this needs no test: the cheap way out of most draws.
    sure: f64,
}

impl Zipf {
    /// A sampler over `n` ranks; `skew` is finite and not negative, and 0 is uniform.
    pub(crate) fn new(n: usize, skew: f64) -> Self {
        let n = n.max(1) as f64;
        Self {
            n,
            skew,
            left: integral(1.5, skew) - 1.0,
            right: integral(n + 0.5, skew),
            sure: 2.0 - inverse(integral(2.5, skew) - density(2.0, skew), skew),
        }
    }

    /// One rank; 0 is the hottest.
    pub(crate) fn sample(&self, rng: &mut Rng) -> usize {
        loop {
            let area = self.right + rng.unit() * (self.left - self.right);
            let x = inverse(area, self.skew);
            let rank = x.round().clamp(1.0, self.n);
            let accepted = rank - x <= self.sure
                || area >= integral(rank + 0.5, self.skew) - density(rank, self.skew);
            if accepted {
                return rank as usize - 1;
            }
        }
    }
}

/// `x^-skew`.
fn density(x: f64, skew: f64) -> f64 {
    (-skew * x.ln()).exp()
}

/// The integral of the density from 1 to `x`: `(x^(1-skew) - 1) / (1 - skew)`, or `ln x` at skew 1.
fn integral(x: f64, skew: f64) -> f64 {
    let log = x.ln();
    let y = (1.0 - skew) * log;
    // Near skew 1 the quotient cancels; its limit is the logarithm.
    if y.abs() < 1e-8 { log * (1.0 + y / 2.0) } else { log * y.exp_m1() / y }
}

/// The `x` whose integral is `area`.
fn inverse(area: f64, skew: f64) -> f64 {
    // Rounding may carry the argument below the domain of the logarithm.
    let y = (area * (1.0 - skew)).max(-1.0);
    if y.abs() < 1e-8 { (area * (1.0 - y / 2.0)).exp() } else { (area * y.ln_1p() / y).exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_follow_the_law() {
        const DRAWS: usize = 400_000;
        for skew in [0.0, 0.5, 0.99, 1.0, 1.01, 2.0, 5.0] {
            for n in [1, 2, 10, 1_000] {
                let zipf = Zipf::new(n, skew);
                let mut rng = Rng::new(42, n as u64);
                let mut seen = vec![0_usize; n];
                for _ in 0..DRAWS {
                    seen[zipf.sample(&mut rng)] += 1;
                }
                let weight = |rank: usize| ((rank + 1) as f64).powf(-skew);
                let total: f64 = (0..n).map(weight).sum();
                for rank in 0..n.min(10) {
                    let expected = DRAWS as f64 * weight(rank) / total;
                    let error = (seen[rank] as f64 - expected).abs();
                    // Five standard deviations, and room for a few at the rare end.
                    assert!(
                        error <= 5.0 * expected.sqrt() + 5.0,
                        "skew {skew}, n {n}, rank {rank}: {} seen, {expected} expected",
                        seen[rank]
                    );
                }
            }
        }
    }

    #[test]
    fn the_largest_space_stays_in_range() {
        for skew in [0.0, 0.99, 1.0, 5.0] {
            let zipf = Zipf::new(10_000_000, skew);
            let mut rng = Rng::new(1, 1);
            assert!((0..10_000).all(|_| zipf.sample(&mut rng) < 10_000_000));
        }
    }
}
