//! How long every single call took: one histogram per thread and operation, merged at the end.

use std::time::Instant;

use hdrhistogram::Histogram;

/// What was called, and on which of the shared keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    GetProfile,
    SetProfile,
    GetSession,
    SetSession,
    GetFlag,
    SetFlag,
    IncrHits,
    IncrBytes,
    IncrLimit,
    IssueToken,
    DeleteToken,
    GetCounter,
    ListKeys,
}

impl Operation {
    /// Every operation, in the order of the table and of the discriminants.
    pub(crate) const ALL: [Self; 13] = [
        Self::GetProfile,
        Self::SetProfile,
        Self::GetSession,
        Self::SetSession,
        Self::GetFlag,
        Self::SetFlag,
        Self::IncrHits,
        Self::IncrBytes,
        Self::IncrLimit,
        Self::IssueToken,
        Self::DeleteToken,
        Self::GetCounter,
        Self::ListKeys,
    ];

    /// The name of the call and what it is made on.
    pub(crate) const fn label(self) -> (&'static str, &'static str) {
        match self {
            Self::GetProfile => ("get", "profile"),
            Self::SetProfile => ("set", "profile"),
            Self::GetSession => ("get", "session"),
            Self::SetSession => ("set_ex", "session"),
            Self::GetFlag => ("get", "flag"),
            Self::SetFlag => ("set", "flag"),
            Self::IncrHits => ("incr", "route hits"),
            Self::IncrBytes => ("incr_by", "route bytes"),
            Self::IncrLimit => ("incr_with", "rate limit"),
            Self::IssueToken => ("set_if_absent", "token"),
            Self::DeleteToken => ("delete", "token"),
            Self::GetCounter => ("get", "route counter"),
            Self::ListKeys => ("keys", "glob"),
        }
    }
}

/// When a call was made, in nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Read before the call.
    pub(crate) start: u64,
    /// Read after the call.
    pub(crate) end: u64,
}

/// The histograms of one thread.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    origin: Instant,
    histograms: Vec<Histogram<u64>>,
}

impl Recorder {
    /// Two significant digits: 1 % of error for 30 KiB an operation.
    const DIGITS: u8 = 2;
    /// One hour, the longest run.
    const LONGEST: u64 = 3_600_000_000_000;

    pub(crate) fn new(origin: Instant) -> Result<Self, String> {
        let histograms = Operation::ALL
            .iter()
            .map(|_| Histogram::new_with_max(Self::LONGEST, Self::DIGITS))
            .collect::<Result<_, _>>()
            .map_err(|error| format!("no histogram: {error}"))?;
        Ok(Self { origin, histograms })
    }

    /// Makes one call and records how long it took.
    pub(crate) fn time<R>(&mut self, operation: Operation, call: impl FnOnce() -> R) -> (R, Span) {
        let before = Instant::now();
        let result = call();
        let after = Instant::now();
        let span = Span {
            start: nanos(before.duration_since(self.origin).as_nanos()),
            end: nanos(after.duration_since(self.origin).as_nanos()),
        };
        self.histograms[operation as usize].saturating_record(span.end - span.start);
        (result, span)
    }

    /// Adds what another thread recorded.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), String> {
        for (mine, theirs) in self.histograms.iter_mut().zip(&other.histograms) {
            mine.add(theirs).map_err(|error| format!("histograms do not merge: {error}"))?;
        }
        Ok(())
    }

    /// The histogram of one operation.
    pub(crate) fn histogram(&self, operation: Operation) -> &Histogram<u64> {
        &self.histograms[operation as usize]
    }

    /// Calls of every kind.
    pub(crate) fn calls(&self) -> u64 {
        self.histograms.iter().map(Histogram::len).sum()
    }
}

/// The median of what an empty call seems to take: the part of each latency that is the clock's.
pub(crate) fn clock_cost() -> u64 {
    const SAMPLES: usize = 10_001;
    let mut samples: Vec<u64> = (0..SAMPLES)
        .map(|_| {
            let before = Instant::now();
            nanos(before.elapsed().as_nanos())
        })
        .collect();
    *samples.select_nth_unstable(SAMPLES / 2).1
}

/// A duration of the run as 64 bits, which hold five centuries.
fn nanos(nanos: u128) -> u64 {
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_stand_at_their_own_index() {
        for (index, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation as usize, index);
        }
    }
}
