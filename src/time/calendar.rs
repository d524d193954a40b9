//! Deadlines by the store's clock, which begins with the process, and by the calendar.

use super::clock::Clock;
use super::ttl::{LAST, NS_PER_MS};
use crate::record::Deadline;

/// A time of the calendar that stands for the last deadline, which no clock reaches.
const NEVER_REACHED: u64 = u64::MAX;

/// One instant by both. Deadlines are carried over by how far away they are, never early: each
/// way adds less than a millisecond.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instants {
    /// The clock, read before the calendar and after it: a thread may have to wait
    /// between the two, and what is not to be early goes by the one that makes it late.
    before_ns: u64,
    unix_ns: i128,
    after_ns: u64,
}

impl Instants {
    /// Now.
    pub(crate) fn now(clock: &impl Clock) -> Self {
        clock.refresh();
        let before_ns = clock.now_ns();
        let unix_ns = i128::try_from(clock.unix_time().as_nanos()).unwrap_or(i128::MAX);
        Self { before_ns, unix_ns, after_ns: clock.now_ns() }
    }

    /// This instant by the calendar, in milliseconds.
    pub(crate) fn unix_ms(self) -> u64 {
        u64::try_from(self.unix_ns / i128::from(NS_PER_MS)).unwrap_or(u64::MAX)
    }

    /// A deadline of the store in milliseconds by the calendar; none stays none.
    pub(crate) fn to_calendar(self, deadline: Deadline) -> Option<u64> {
        match deadline {
            0 => None,
            LAST.. => Some(NEVER_REACHED),
            _ => {
                let left = ns(deadline) - i128::from(self.before_ns);
                Some(ceil_ms(self.unix_ns.saturating_add(left)))
            }
        }
    }

    /// The deadline that an entry gets now; none if it has passed.
    pub(crate) fn to_deadline(self, calendar: Option<u64>) -> Option<Deadline> {
        let left = match calendar {
            None => return Some(0),
            Some(NEVER_REACHED) => return Some(LAST),
            Some(unix_ms) => ns(unix_ms).saturating_sub(self.unix_ns),
        };
        (left > 0).then(|| ceil_ms(i128::from(self.after_ns) + left).min(LAST))
    }
}

fn ns(ms: u64) -> i128 {
    i128::from(ms) * i128::from(NS_PER_MS)
}

/// Rounded up, and what is too large is the largest.
fn ceil_ms(ns: i128) -> u64 {
    let unit = i128::from(NS_PER_MS);
    let ms = ns.div_euclid(unit) + i128::from(ns.rem_euclid(unit) > 0);
    u64::try_from(ms.max(0)).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use super::{Instants, LAST, NEVER_REACHED, NS_PER_MS};

    fn at(clock_ns: u64, unix_ns: u64) -> Instants {
        Instants { before_ns: clock_ns, unix_ns: unix_ns.into(), after_ns: clock_ns }
    }

    #[test]
    fn a_deadline_is_as_far_away_after_a_restart() {
        let ms = NS_PER_MS;
        let before = at(1000 * ms, 5_000_000 * ms);
        let calendar = before.to_calendar(4000);
        assert_eq!(calendar, Some(5_003_000));
        // Another process, whose clock began anew, half a second later.
        let after = at(7 * ms, 5_000_500 * ms);
        assert_eq!(after.to_deadline(calendar), Some(2507));
        assert_eq!(at(0, 5_003_000 * ms).to_deadline(calendar), None);
        assert_eq!(at(0, 5_003_000 * ms - 1).to_deadline(calendar), Some(1));
    }

    #[test]
    fn fractions_never_make_it_early_and_less_than_two_milliseconds_late() {
        for (clock, unix, later) in [(1, 0, 0), (0, 1, 0), (999_999, 1, 7), (1, 999_999, 3)] {
            let before = at(clock, unix);
            let deadline = 10;
            let calendar = before.to_calendar(deadline);
            let after = at(later, unix + later);
            let left = in_ns(deadline) - clock - later;
            let new = after.to_deadline(calendar).map(in_ns);
            let new = new.expect("it lives") - later;
            assert!(new >= left && new < left + 2 * NS_PER_MS, "{left} became {new}");
        }
    }

    fn in_ns(deadline: u64) -> u64 {
        deadline * NS_PER_MS
    }

    #[test]
    fn a_thread_that_waits_between_the_readings_makes_nothing_early() {
        let ms = NS_PER_MS;
        let waited = Instants { before_ns: ms, unix_ns: i128::from(7 * ms), after_ns: 9 * ms };
        assert_eq!(waited.to_calendar(5), at(ms, 7 * ms).to_calendar(5));
        assert_eq!(waited.to_deadline(Some(10)), at(9 * ms, 7 * ms).to_deadline(Some(10)));
    }

    #[test]
    fn extremes_saturate() {
        let (early, late) = (at(0, 0), at(u64::MAX, u64::MAX));
        for instant in [early, late, Instants { unix_ns: i128::MAX, ..early }] {
            assert_eq!(instant.to_calendar(0), None);
            assert_eq!(instant.to_deadline(None), Some(0));
            assert_eq!(instant.to_calendar(LAST), Some(NEVER_REACHED));
            assert_eq!(instant.to_deadline(Some(NEVER_REACHED)), Some(LAST));
        }
        let farther = at(0, u64::MAX).to_calendar(LAST - 1);
        assert_eq!(farther, Some(LAST - 1 + u64::MAX.div_ceil(NS_PER_MS)));
        assert_eq!(at(u64::MAX, 0).to_deadline(farther), Some(LAST));
        assert_eq!(early.to_deadline(Some(LAST + 5)), Some(LAST));
        assert_eq!(at(u64::MAX, 0).to_calendar(1), Some(0));
        assert_eq!(early.to_deadline(Some(0)), None);
    }
}
