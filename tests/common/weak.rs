//! A hasher whose hashes collide to a chosen degree.

use std::hash::{BuildHasher, Hasher};

/// Keeps the lowest bits of an FNV hash: collisions of every degree.
#[derive(Clone, Default)]
pub struct Weak {
    pub bits: u32,
    /// Whether they are the highest bits of the result, not the lowest.
    pub high: bool,
}

pub struct WeakHasher(u64, Weak);

impl BuildHasher for Weak {
    type Hasher = WeakHasher;

    fn build_hasher(&self) -> WeakHasher {
        WeakHasher(0xcbf2_9ce4_8422_2325, self.clone())
    }
}

impl Hasher for WeakHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        let Weak { bits, high } = self.1;
        let kept = self.0 & ((1 << bits) - 1);
        if high { kept.rotate_right(bits) } else { kept }
    }
}
