//! A slot of the wheel: handles in no order.
//!
//! They stand in chunks of one size, which go from slot to slot, so a wheel needs little
//! more memory than its handles do, at any time. One array that doubles would
//! need thrice as much while it is copied, in pieces that nothing else fits into.

use super::handle::Handle;

/// Handles per chunk: a page of memory.
const LEN: usize = 256;

/// Empty chunks that are kept: a megabyte.
const SPARES: usize = 256;

/// Handles, and how many there are.
#[derive(Default)]
pub(super) struct Slot {
    /// All but the last are full; none is empty.
    chunks: Vec<Chunk>,
}

/// Never longer than [`LEN`]. A slot's first one grows to that, others have it at once.
type Chunk = Vec<Handle>;

/// Empty chunks, for slots that grow: whoever sweeps should seldom have to ask the
/// allocator, which may be a lock.
#[derive(Default)]
pub(super) struct Spare {
    chunks: Vec<Chunk>,
}

impl Slot {
    pub(super) const EMPTY: Self = Self { chunks: Vec::new() };

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        let full = self.chunks.len().saturating_sub(1) * LEN;
        full + self.chunks.last().map_or(0, Vec::len)
    }

    /// The handle at `index`, which is less than the length.
    pub(super) fn get(&self, index: usize) -> Handle {
        self.chunks[index / LEN][index % LEN]
    }

    pub(super) fn push(&mut self, handle: Handle, spare: &mut Spare) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < LEN => chunk.push(handle),
            last => {
                let least = if last.is_some() { LEN } else { 0 };
                let mut chunk = spare.chunks.pop().unwrap_or_else(|| Chunk::with_capacity(least));
                chunk.push(handle);
                self.chunks.push(chunk);
            }
        }
    }

    pub(super) fn last(&self) -> Option<Handle> {
        self.chunks.last()?.last().copied()
    }

    /// Takes the last handle out.
    pub(super) fn pop(&mut self, spare: &mut Spare) -> Option<Handle> {
        let chunk = self.chunks.last_mut()?;
        let handle = chunk.pop();
        if chunk.is_empty() {
            spare.keep(self.chunks.pop());
        }
        handle
    }

    /// Takes the handle at `index` out, which is less than the length, and puts the last one
    /// there.
    pub(super) fn swap_remove(&mut self, index: usize, spare: &mut Spare) {
        if let Some(last) = self.pop(spare)
            && index < self.len()
        {
            self.chunks[index / LEN][index % LEN] = last;
        }
    }

    /// The number of handles that there is memory for.
    #[cfg(all(test, not(epochkv_loom)))]
    pub(super) fn capacity(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum()
    }
}

impl Spare {
    fn keep(&mut self, chunk: Option<Chunk>) {
        if self.chunks.len() < SPARES {
            self.chunks.extend(chunk);
        }
    }

    /// The number of handles that there is memory for.
    #[cfg(all(test, not(epochkv_loom)))]
    pub(super) fn capacity(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum()
    }
}

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use super::{Handle, LEN, SPARES, Slot, Spare};

    fn handle(hash: usize) -> Handle {
        Handle { hash: hash as u64, tick: 1 }
    }

    #[test]
    fn holds_what_an_array_would() {
        let (mut slot, mut spare, mut array) = (Slot::EMPTY, Spare::default(), Vec::new());
        let mut random = 1_u64;
        for step in 0..50_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = (random >> 33) as usize;
            // It grows for 5000 steps, and shrinks for as many.
            let grows = step / 5_000 % 2 == 0;
            match number % 8 {
                0 => {
                    let popped = array.pop();
                    assert_eq!((slot.last(), slot.pop(&mut spare)), (popped, popped));
                }
                1..=3 if !array.is_empty() => {
                    let index = number / 8 % array.len();
                    assert_eq!(slot.get(index), array[index]);
                    if !grows {
                        slot.swap_remove(index, &mut spare);
                        array.swap_remove(index);
                    }
                }
                4 if !grows => {}
                _ => {
                    slot.push(handle(step), &mut spare);
                    array.push(handle(step));
                }
            }
            assert_eq!((slot.len(), slot.is_empty()), (array.len(), array.is_empty()));
        }
        assert!(array.len() > 4 * LEN, "chunks were met, {}", array.len());
        assert!((0..array.len()).all(|index| slot.get(index) == array[index]));
    }

    #[test]
    fn needs_no_more_memory_than_a_chunk_beside_its_handles() {
        let (mut slot, mut spare) = (Slot::EMPTY, Spare::default());
        for hash in 0..400 * LEN + 1 {
            slot.push(handle(hash), &mut spare);
            assert!(slot.capacity() < slot.len() + LEN);
        }
        let (all, mut other) = (slot.len(), Slot::EMPTY);
        while let Some(handle) = slot.pop(&mut spare) {
            other.push(handle, &mut spare);
            let memory = slot.capacity() + other.capacity() + spare.capacity();
            assert!(memory <= all + 2 * LEN, "what one leaves the other takes: {memory}");
        }
        while other.pop(&mut spare).is_some() {}
        assert_eq!(spare.capacity(), SPARES * LEN, "few are kept");
    }

    #[test]
    fn of_few_handles_is_small() {
        let (mut slot, mut spare) = (Slot::EMPTY, Spare::default());
        slot.push(handle(1), &mut spare);
        assert!(slot.capacity() <= 4);
    }
}
