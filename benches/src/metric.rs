//! What is measured, and how it is shown.

/// A kind of figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Calls per second, all threads together.
    Throughput,
    /// Half of the calls take no longer, in nanoseconds.
    P50,
    /// The same for 99 %.
    P99,
    /// The same for 99.9 %.
    P999,
    /// The same for 99.99 %.
    P9999,
    /// The slowest call, in nanoseconds.
    Worst,
    /// Keys met per second by a walk.
    KeysMet,
    /// The speed of a writer during a walk, as a part of its speed alone.
    WriterKept,
    /// Bytes asked of the allocator per entry.
    Bytes,
    /// Allocations per entry.
    Blocks,
    /// The most bytes that waited to be freed at any time.
    Garbage,
}

/// What was measured in one turn of one contestant.
pub type Sample = Vec<(Metric, f64)>;

impl Metric {
    /// The name in tables and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throughput => "calls/s",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::P9999 => "p99.99",
            Self::Worst => "worst",
            Self::KeysMet => "keys/s",
            Self::WriterKept => "writer kept",
            Self::Bytes => "bytes/entry",
            Self::Blocks => "blocks/entry",
            Self::Garbage => "garbage",
        }
    }

    /// Whether more is better.
    #[must_use]
    pub const fn more_is_better(self) -> bool {
        matches!(self, Self::Throughput | Self::KeysMet | Self::WriterKept)
    }

    /// Whether it is drawn: one or two pictures per workload are enough.
    #[must_use]
    pub const fn is_plotted(self) -> bool {
        matches!(self, Self::Throughput | Self::P99 | Self::KeysMet | Self::Bytes)
    }

    /// How many times better `ours` is than `theirs`; `None` where a ratio says
    /// nothing, because one of them is next to nothing.
    #[must_use]
    pub fn advantage(self, ours: f64, theirs: f64) -> Option<f64> {
        let (above, below) = if self.more_is_better() { (ours, theirs) } else { (theirs, ours) };
        let says_something = self != Self::Garbage && above > 0.0 && below > 0.0;
        says_something.then(|| above / below)
    }

    /// A value with its unit, short.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Throughput | Self::KeysMet => format!("{:.2} M/s", value / 1e6),
            Self::P50 | Self::P99 | Self::P999 | Self::P9999 | Self::Worst => nanoseconds(value),
            Self::WriterKept => format!("{:.0} %", value * 100.0),
            Self::Bytes => format!("{value:.1} B"),
            Self::Blocks => format!("{value:.2}"),
            Self::Garbage => format!("{:.2} MiB", value / f64::from(1 << 20)),
        }
    }
}

fn nanoseconds(value: f64) -> String {
    match value {
        ..1e3 => format!("{value:.0} ns"),
        ..1e6 => format!("{:.1} us", value / 1e3),
        _ => format!("{:.1} ms", value / 1e6),
    }
}

/// The median of some values; 0 of none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        len if len % 2 == 1 => sorted[len / 2],
        len => f64::midpoint(sorted[len / 2 - 1], sorted[len / 2]),
    }
}

/// The least and the greatest of some values; zeros of none.
#[must_use]
pub fn extremes(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().reduce(f64::min).unwrap_or_default();
    let high = values.iter().copied().reduce(f64::max).unwrap_or_default();
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_extremes() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(extremes(&[3.0, 1.0, 2.0]), (1.0, 3.0));
        assert_eq!((median(&[]), extremes(&[])), (0.0, (0.0, 0.0)));
    }

    #[test]
    fn above_one_is_better_for_us() {
        assert_eq!(Metric::Throughput.advantage(2e6, 1e6), Some(2.0));
        assert_eq!(Metric::Worst.advantage(10.0, 30.0), Some(3.0));
        assert_eq!(Metric::Bytes.advantage(10.0, 0.0), None);
        assert_eq!(Metric::Garbage.advantage(1.0, 2.0), None);
    }

    #[test]
    fn values_have_units() {
        assert_eq!(Metric::Throughput.show(12_340_000.0), "12.34 M/s");
        assert_eq!(Metric::P99.show(999.4), "999 ns");
        assert_eq!(Metric::P99.show(9_616.0), "9.6 us");
        assert_eq!(Metric::Worst.show(4.1e6), "4.1 ms");
    }
}
