//! Calls that are timed one by one.

use crate::metric::{Metric, Sample};
use hdrhistogram::Histogram;

/// Longer calls are counted as so long.
const LONGEST_NS: u64 = 60_000_000_000;

/// An empty histogram of nanoseconds.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("valid bounds")
}

/// From the middle of the calls to the slowest.
pub(super) fn figures(calls: &Histogram<u64>) -> Sample {
    let at = |quantile| calls.value_at_quantile(quantile) as f64;
    vec![
        (Metric::P50, at(0.5)),
        (Metric::P99, at(0.99)),
        (Metric::P999, at(0.999)),
        (Metric::P9999, at(0.9999)),
        (Metric::Worst, calls.max() as f64),
    ]
}
