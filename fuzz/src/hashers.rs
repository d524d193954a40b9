//! Hashers that an input chooses from. None has a random seed: an input always does
//! the same.

use super::bytes::Bytes;
use ahash::RandomState;
use std::hash::{BuildHasher, Hasher};

/// How keys are hashed.
#[derive(Clone, Debug)]
pub enum Chosen {
    Ahash(RandomState),
    /// All keys to one number.
    Constant(u64),
    /// The last eight bytes of the key as a number.
    Identity,
}

impl Chosen {
    pub fn draw(bytes: &mut Bytes<'_>) -> Self {
        match bytes.below(4) {
            0 => Self::Ahash(RandomState::with_seeds(1, 2, 3, 4)),
            1 => Self::Constant(0),
            2 => Self::Constant(u64::MAX),
            _ => Self::Identity,
        }
    }
}

/// The hasher of one key.
#[derive(Debug)]
pub enum ChosenHasher {
    Ahash(ahash::AHasher),
    Number { number: u64, constant: bool },
}

impl BuildHasher for Chosen {
    type Hasher = ChosenHasher;

    fn build_hasher(&self) -> ChosenHasher {
        match self {
            Self::Ahash(state) => ChosenHasher::Ahash(state.build_hasher()),
            Self::Constant(number) => ChosenHasher::Number { number: *number, constant: true },
            Self::Identity => ChosenHasher::Number { number: 0, constant: false },
        }
    }
}

impl Hasher for ChosenHasher {
    fn write(&mut self, bytes: &[u8]) {
        match self {
            Self::Ahash(hasher) => hasher.write(bytes),
            Self::Number { constant: true, .. } => {}
            Self::Number { number, .. } => {
                *number = bytes.iter().fold(*number, |number, byte| number << 8 | u64::from(*byte));
            }
        }
    }

    fn finish(&self) -> u64 {
        match self {
            Self::Ahash(hasher) => hasher.finish(),
            Self::Number { number, .. } => *number,
        }
    }
}
