//! One element of a pattern that is not a star, and the set behind a character class.

/// What stands for exactly one unit of a key.
#[derive(Clone)]
pub(super) enum Element {
    /// This unit.
    Unit(u32),
    /// Any unit.
    Any,
    /// No unit, so that the whole pattern matches nothing: `[]`.
    Never,
    /// A unit of the set.
    Class(Box<Class>),
}

/// An inclusive range of units.
pub(super) type Range = (u32, u32);

/// A set of units: neither empty, nor one unit, nor all of them.
#[derive(Clone)]
pub(super) struct Class {
    /// Bit `u` says whether the unit `u < 128` is in the set.
    ascii: u128,
    /// The whole set: ascending, neither overlapping nor touching.
    ranges: Box<[Range]>,
}

impl Class {
    /// The simplest element for the union of `ranges`, or for its complement in `0..=last`.
    ///
    /// Takes O(n log n) for n ranges.
    pub(super) fn element(ranges: Vec<Range>, negated: bool, last: u32) -> Element {
        let mut ranges = merged(ranges);
        if negated {
            ranges = complement(&ranges, last);
        }
        match *ranges {
            [] => Element::Never,
            [(low, high)] if low == high => Element::Unit(low),
            [(0, high)] if high == last => Element::Any,
            _ => Element::Class(Box::new(Self {
                ascii: ascii_bits(&ranges),
                ranges: ranges.into_boxed_slice(),
            })),
        }
    }

    /// Whether the set has `unit`; O(1) for ASCII, else O(log n) for n ranges.
    #[inline]
    pub(super) fn contains(&self, unit: u32) -> bool {
        if unit < u128::BITS {
            return self.ascii >> unit & 1 == 1;
        }
        let candidate = self.ranges.partition_point(|&(_, high)| high < unit);
        self.ranges.get(candidate).is_some_and(|&(low, _)| low <= unit)
    }

    pub(super) fn ranges(&self) -> &[Range] {
        &self.ranges
    }
}

/// The same set as ascending ranges that neither overlap nor touch.
fn merged(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let joins = next.0 <= kept.1.saturating_add(1);
        if joins {
            kept.1 = kept.1.max(next.1);
        }
        joins
    });
    ranges
}

/// The units of `0..=last` outside the merged ranges.
fn complement(ranges: &[Range], last: u32) -> Vec<Range> {
    let mut gaps = Vec::with_capacity(ranges.len() + 1);
    let mut next = 0;
    for &(low, high) in ranges {
        if next < low {
            gaps.push((next, low - 1));
        }
        next = high.saturating_add(1);
    }
    if next <= last {
        gaps.push((next, last));
    }
    gaps
}

fn ascii_bits(ranges: &[Range]) -> u128 {
    let below = |end: u32| 1_u128.checked_shl(end).map_or(u128::MAX, |bit| bit - 1);
    ranges
        .iter()
        .take_while(|&&(low, _)| low < u128::BITS)
        .fold(0, |bits, &(low, high)| bits | below(high.saturating_add(1)) & !below(low))
}
