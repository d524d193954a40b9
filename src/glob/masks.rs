//! Finding a piece with wildcards inside: bit-parallel search (Shift-And, Baeza-Yates and
//! Gonnet 1992).
//!
//! Each element of a piece owns one bit. While a key is read, the bit of element `i` says
//! whether elements `0..=i` match the units read last; one shift and one mask, looked up by
//! the unit just read, advance 64 elements at once.
//!
//! The pieces of a pattern share the words, so many short pieces take no more room than one
//! long piece. For each word, the masks of ASCII units are a table and those of all other
//! units a sorted list of the places where the mask changes: the size is linear in the
//! pattern, however many characters its classes tell apart.

use super::alphabet::Alphabet;
use super::element::Element;

/// For each word of elements and each unit, the elements that match the unit.
#[derive(Clone)]
pub(super) struct Masks {
    ascii: Box<[[u64; ASCII]]>,
    /// The lists of all words, one after the other; each begins at the unit [`ASCII`].
    changes: Box<[Change]>,
    /// Where in `changes` the list of each word begins, and where the last one ends.
    starts: Box<[usize]>,
}

const ASCII: usize = 128;

/// From this unit on, the mask is this.
type Change = (u32, u64);

/// Where the elements of one piece are.
#[derive(Clone)]
pub(super) struct Place {
    first: Bit,
    last: Bit,
}

#[derive(Clone, Copy)]
struct Bit {
    word: usize,
    bit: u64,
}

impl Masks {
    /// The text after the leftmost occurrence of the piece at `place`.
    ///
    /// Takes O(text * length of the piece / 64); a class with n ranges beyond ASCII adds a
    /// factor of log n for units beyond ASCII.
    pub(super) fn find<'t, A>(&self, place: &Place, text: &'t [u8]) -> Option<&'t [u8]>
    where
        A: Alphabet + ?Sized,
    {
        if place.first.word == place.last.word {
            self.find_in_word::<A>(place, text)
        } else {
            self.find_in_words::<A>(place, text)
        }
    }

    fn find_in_word<'t, A>(&self, place: &Place, mut text: &'t [u8]) -> Option<&'t [u8]>
    where
        A: Alphabet + ?Sized,
    {
        let Bit { word, bit: first } = place.first;
        let mut matched = 0;
        loop {
            let (unit, width) = A::first(text)?;
            text = text.get(width..)?;
            // Bits of the pieces above this one in the word are set by chance, and never
            // reach the bits below them.
            matched = (matched << 1 | first) & self.mask(word, unit);
            if matched & place.last.bit != 0 {
                return Some(text);
            }
        }
    }

    fn find_in_words<'t, A>(&self, place: &Place, mut text: &'t [u8]) -> Option<&'t [u8]>
    where
        A: Alphabet + ?Sized,
    {
        let words = place.first.word..place.last.word + 1;
        let mut matched = vec![0_u64; words.len()];
        // All words from this one on are zero, so they wait until a bit moves into them.
        let mut live = 1;
        loop {
            let (unit, width) = A::first(text)?;
            text = text.get(width..)?;
            let mut carry = place.first.bit;
            for (matched, word) in matched.iter_mut().take(live).zip(words.clone()) {
                let shifted = *matched << 1 | carry;
                carry = *matched >> (u64::BITS - 1);
                *matched = shifted & self.mask(word, unit);
            }
            if let Some(next) = matched.get_mut(live).filter(|_| carry != 0) {
                *next = self.mask(place.first.word + live, unit) & carry;
                live += 1;
            }
            if matched.last()? & place.last.bit != 0 {
                return Some(text);
            }
            while live > 1 && matched.get(live - 1) == Some(&0) {
                live -= 1;
            }
        }
    }

    #[inline]
    fn mask(&self, word: usize, unit: u32) -> u64 {
        let ascii = self.ascii.get(word).and_then(|masks| masks.get(unit as usize));
        ascii.copied().unwrap_or_else(|| self.mask_beyond_ascii(word, unit))
    }

    fn mask_beyond_ascii(&self, word: usize, unit: u32) -> u64 {
        let list = self.starts.get(word).zip(self.starts.get(word + 1));
        let changes = list.and_then(|(&start, &end)| self.changes.get(start..end));
        let changes = changes.unwrap_or_default();
        let after = changes.partition_point(|&(from, _)| from <= unit);
        let change = after.checked_sub(1).and_then(|last| changes.get(last));
        change.map_or(0, |&(_, mask)| mask)
    }
}

/// Gives the pieces of one pattern their places, from left to right.
#[derive(Default)]
pub(super) struct MasksBuilder {
    ascii: Vec<[u64; ASCII]>,
    changes: Vec<Change>,
    starts: Vec<usize>,
    /// Where elements of the open word begin or cease to match: a unit, and their bits.
    flips: Vec<(u32, u64)>,
    /// How many bits of the open word are taken; fewer than all.
    taken: u32,
}

impl MasksBuilder {
    /// Places a piece of at least one element.
    pub(super) fn place(&mut self, elements: &[Element]) -> Place {
        // A piece that fits into one word must not straddle two: one word is searched fast.
        if elements.len() > (u64::BITS - self.taken) as usize {
            self.close_word();
        }
        let first = self.next_bit();
        let mut last = first;
        for element in elements {
            last = self.next_bit();
            self.add(element, last.bit);
        }
        Place { first, last }
    }

    pub(super) fn build(mut self) -> Masks {
        self.close_word();
        self.starts.push(self.changes.len());
        Masks {
            ascii: self.ascii.into_boxed_slice(),
            changes: self.changes.into_boxed_slice(),
            starts: self.starts.into_boxed_slice(),
        }
    }

    fn next_bit(&self) -> Bit {
        Bit { word: self.ascii.len(), bit: 1 << self.taken }
    }

    fn add(&mut self, element: &Element, bit: u64) {
        let mut flip = |low: u32, high: u32| {
            self.flips.push((low, bit));
            self.flips.push((high.saturating_add(1), bit));
        };
        match element {
            Element::Unit(unit) => flip(*unit, *unit),
            Element::Any => flip(0, u32::MAX),
            Element::Class(class) => class.ranges().iter().for_each(|&(low, high)| flip(low, high)),
            Element::Never => {}
        }
        self.taken += 1;
        if self.taken == u64::BITS {
            self.close_word();
        }
    }

    fn close_word(&mut self) {
        if self.taken == 0 {
            return;
        }
        self.flips.sort_unstable();
        let mut flips = self.flips.drain(..).peekable();
        let mut mask = 0;
        let mut ascii = [0; ASCII];
        for (unit, slot) in (0..).zip(&mut ascii) {
            while let Some((_, bits)) = flips.next_if(|&(from, _)| from <= unit) {
                mask ^= bits;
            }
            *slot = mask;
        }
        self.ascii.push(ascii);
        self.starts.push(self.changes.len());
        let mut from = ASCII as u32;
        for (unit, bits) in flips {
            if unit > from {
                self.changes.push((from, mask));
                from = unit;
            }
            mask ^= bits;
        }
        self.changes.push((from, mask));
        self.taken = 0;
    }
}
