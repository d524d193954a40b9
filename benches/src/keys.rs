//! Keys, made before anything is timed.
//!
//! Keys stand one after the other in one text, in the order in which they will
//! be used. So to get the next key costs the same few instructions and the same
//! sequential reads for every contestant, and no cache miss of the generator
//! hides what a contestant does.

use crate::rng::Rng;
use crate::zipf::Zipf;
use core::fmt::Write;

/// The last part of a key: keys are 16 to 24 bytes long.
const FIELDS: [&str; 5] = ["id", "name", "email", "session", "last-login"];

/// Keys begin with this, but for those of [`Shape::Absent`].
pub const PREFIX: &str = "user:";

/// Which keys numbers stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Keys of the data set.
    Present,
    /// Keys of the same lengths that no contestant ever holds.
    Absent,
}

/// How numbers are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Draw {
    /// All alike.
    Uniform,
    /// Zipf with this skew.
    Zipf(f64),
}

/// A sequence of keys.
#[derive(Clone, Debug)]
pub struct Keys {
    text: String,
    /// Where each key ends.
    ends: Vec<u32>,
}

impl Keys {
    /// The keys of these numbers.
    ///
    /// # Panics
    ///
    /// If they need more than 4 GiB.
    #[must_use]
    pub fn of(shape: Shape, numbers: impl ExactSizeIterator<Item = usize>) -> Self {
        let tag = match shape {
            Shape::Present => PREFIX,
            Shape::Absent => "miss:",
        };
        let mut text = String::with_capacity(numbers.len() * 20);
        let mut ends = Vec::with_capacity(numbers.len());
        for number in numbers {
            let field = FIELDS[number % FIELDS.len()];
            write!(text, "{tag}{number:08}:{field}").expect("a String takes any text");
            ends.push(u32::try_from(text.len()).expect("keys of less than 4 GiB"));
        }
        Self { text, ends }
    }

    /// The keys of `0..n` in order.
    #[must_use]
    pub fn all(n: usize) -> Self {
        Self::of(Shape::Present, 0..n)
    }

    /// `len` keys drawn from those of `0..n`.
    #[must_use]
    pub fn drawn(shape: Shape, draw: Draw, n: usize, len: usize, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        match draw {
            Draw::Uniform => Self::of(shape, (0..len).map(|_| rng.below(n as u64) as usize)),
            Draw::Zipf(skew) => {
                let zipf = Zipf::new(n, skew);
                Self::of(shape, (0..len).map(|_| zipf.sample(&mut rng)))
            }
        }
    }

    /// How many keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A key.
    ///
    /// # Panics
    ///
    /// If there are not that many.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[index] as usize]
    }

    /// The keys in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// A walk over the keys that never ends; `seed` says where it begins.
    #[must_use]
    pub fn walk(&self, seed: u64) -> Walk<'_> {
        Walk { keys: self, at: Rng::new(seed).below(self.len() as u64) as usize }
    }
}

/// See [`Keys::walk`].
#[derive(Clone, Debug)]
pub struct Walk<'k> {
    keys: &'k Keys,
    at: usize,
}

impl<'k> Walk<'k> {
    /// The next key.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> &'k str {
        let key = self.keys.get(self.at);
        self.at += 1;
        if self.at == self.keys.len() {
            self.at = 0;
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_promised_lengths() {
        let keys = Keys::all(1000);
        assert!(keys.iter().all(|key| (16..=24).contains(&key.len()) && key.starts_with(PREFIX)));
        assert_eq!(keys.get(0), "user:00000000:id");
        assert_eq!(keys.get(999), "user:00000999:last-login");
        assert_eq!(keys.iter().collect::<std::collections::HashSet<_>>().len(), 1000);
    }

    #[test]
    fn a_walk_goes_round() {
        let keys = Keys::all(3);
        let mut walk = keys.walk(5);
        let lap: Vec<_> = (0..3).map(|_| walk.next()).collect();
        assert_eq!(walk.next(), lap[0]);
        assert_ne!(lap[0], lap[1]);
    }
}
