//! The in-place integer of a counter: 63 bits of value and one of decision.

use crate::sync::{AtomicU64, Ordering};

const FROZEN: u64 = 1;

/// Spin hints, about a microsecond, for which the loser of an exchange stands back.
const PAUSES: usize = 32;

/// An integer that changes by compare-exchange until it is frozen.
///
/// Whoever decides by the value (take, swap, compare, update, expire) freezes
/// the cell first, and then puts another entry into the slot. An increment that
/// meets a frozen cell goes through the slot too, so none is lost and nobody
/// waits. Blind writers (set, delete, clear, expiry) do not freeze: an increment
/// that comes late to an entry they replaced is placed just before them.
pub(crate) struct Cell(AtomicU64);

impl Cell {
    /// Whether an integer fits into 63 bits.
    #[inline]
    pub(crate) fn fits(value: i64) -> bool {
        (value << 1) >> 1 == value
    }

    /// A cell with this value, which fits.
    #[inline]
    pub(crate) fn new(value: i64) -> Self {
        debug_assert!(Self::fits(value));
        Self(AtomicU64::new((value << 1) as u64))
    }

    /// A plain word for entries that hold no counter.
    #[inline]
    pub(crate) fn plain(word: u64) -> Self {
        Self(AtomicU64::new(word))
    }

    /// The plain word.
    #[inline]
    pub(crate) fn word(&self) -> u64 {
        // Relaxed: written before the entry was published, and never again.
        self.0.load(Ordering::Relaxed)
    }

    /// The value now.
    #[inline]
    pub(crate) fn get(&self) -> i64 {
        // Acquire: pairs with `update`: who sees an increment sees what its
        // thread did before.
        value(self.0.load(Ordering::Acquire))
    }

    /// The value for good: no increment changes this cell any more.
    pub(crate) fn freeze(&self) -> i64 {
        // AcqRel: acquire as in `get`; release, so that an increment that is
        // turned away sees what led to the freeze.
        value(self.0.fetch_or(FROZEN, Ordering::AcqRel))
    }

    /// Adds `amount` and returns the sum; `None`, and nothing done, if the cell is
    /// frozen or the sum does not fit. Lock-free.
    #[inline]
    pub(crate) fn add(&self, amount: i64) -> Option<i64> {
        if !Self::fits(amount) {
            return None;
        }
        // Acquire: as in `get`.
        let mut seen = self.0.load(Ordering::Acquire);
        loop {
            // Both are shifted alike, so an overflow of the sum is one of the 63
            // bits, and the lowest bit stays clear.
            let sum = (seen as i64).checked_add(amount << 1)?;
            if seen & FROZEN != 0 {
                return None;
            }
            // AcqRel, and Acquire on failure: as in `update`.
            match self.0.compare_exchange_weak(
                seen,
                sum as u64,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(value(sum as u64)),
                Err(now) => seen = self.stand_back(now),
            }
        }
    }

    /// Replaces the value by what `step` makes of it, atomically; `step` may run
    /// more than once. A step to the same value writes nothing. Returns false, and has done
    /// nothing, if the cell is frozen or the result too wide for it. Lock-free.
    #[inline]
    pub(crate) fn update(&self, mut step: impl FnMut(i64) -> i64) -> bool {
        // Acquire: as in `get`.
        let mut seen = self.0.load(Ordering::Acquire);
        loop {
            if seen & FROZEN != 0 {
                return false;
            }
            let old = value(seen);
            let new = step(old);
            if new == old {
                return true;
            }
            if !Self::fits(new) {
                return false;
            }
            // AcqRel: pairs with `get`, `freeze` and other updates. Acquire on
            // failure, as for the first load.
            let swapped = self.0.compare_exchange_weak(
                seen,
                (new << 1) as u64,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            match swapped {
                Ok(_) => return true,
                Err(now) => seen = self.stand_back(now),
            }
        }
    }

    /// After a lost exchange: lets the winner go on for a moment, then looks again.
    ///
    /// The winner is most likely counting in a loop. If both go on at once, the
    /// line travels for every single count; if one stands back for a dozen of
    /// the other's, both get further. Bounded, so still lock-free.
    #[cold]
    fn stand_back(&self, now: u64) -> u64 {
        if cfg!(epochkv_loom) {
            return now;
        }
        (0..PAUSES).for_each(|_| core::hint::spin_loop());
        // Acquire: as in `get`.
        self.0.load(Ordering::Acquire)
    }
}

#[inline]
fn value(word: u64) -> i64 {
    word as i64 >> 1
}

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use super::Cell;

    const MAX: i64 = (1 << 62) - 1;
    const MIN: i64 = -(1 << 62);

    #[test]
    fn holds_63_bits() {
        for value in [0, 1, -1, MAX, MIN] {
            assert!(Cell::fits(value));
            assert_eq!(Cell::new(value).get(), value);
            assert_eq!(Cell::new(value).freeze(), value);
        }
        for value in [MAX + 1, MIN - 1, i64::MAX, i64::MIN] {
            assert!(!Cell::fits(value));
        }
    }

    #[test]
    fn a_frozen_cell_keeps_its_value() {
        let cell = Cell::new(7);
        assert_eq!((cell.freeze(), cell.freeze()), (7, 7));
        assert!(!cell.update(|value| value + 1));
        assert_eq!(cell.add(1), None);
        assert_eq!(cell.get(), 7);
    }

    #[test]
    fn adds_up_to_its_bounds() {
        let cell = Cell::new(MAX - 1);
        assert_eq!((cell.add(1), cell.add(1), cell.get()), (Some(MAX), None, MAX));
        assert_eq!((cell.add(i64::MIN), cell.add(MAX + 1), cell.get()), (None, None, MAX));
        assert_eq!((cell.add(-MAX), cell.add(MIN), cell.add(-1)), (Some(0), Some(MIN), None));
        assert_eq!((cell.add(MAX), cell.add(0)), (Some(-1), Some(-1)));
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let cell = Cell::new(MAX);
        assert!(!cell.update(|value| value + 1));
        assert!(cell.update(|value| value) && cell.update(|value| value - 1));
        assert_eq!(cell.get(), MAX - 1);
    }
}
