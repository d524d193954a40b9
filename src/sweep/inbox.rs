//! How writers hand over handles: a shard per seat of a thread, and in it blocks that fill up.
//!
//! A push is one addition and two stores in the block that the shard shows. Who
//! finds the block full puts a new one in its place, with its own handle in it.
//! The sweep takes all blocks and *closes* each, so that late writers find it
//! full; what is reserved by then but not written yet, it reads the next time.
//! Nobody waits for anybody.

use super::handle::Handle;
use crate::counter;
use crate::reclaim::protected::Protected;
use crate::reclaim::{Guard, Stack};
use crate::sync::stat::{AtomicUsize, Ordering as StatOrdering};
use crate::sync::{AtomicU64, Ordering};
use crossbeam_utils::CachePadded;
use std::sync::Arc;

/// Handles per block: as many as a mask has bits.
const LEN: usize = if cfg!(epochkv_loom) { 2 } else { u128::BITS as usize };

/// Full blocks that may wait for a sweep, a million handles: if nobody sweeps,
/// the inbox does not grow beyond this.
const MOST_BLOCKS: usize = if cfg!(epochkv_loom) { 1 } else { 8192 };

/// Added to `reserved` when a block is closed: more than its writers ever add.
const CLOSED: u64 = 1 << 32;

pub struct Inbox {
    shards: Box<[CachePadded<Shard>]>,
    /// Full blocks that wait.
    waiting: CachePadded<AtomicUsize>,
}

struct Shard {
    current: Protected<Block>,
    full: Stack<Arc<Block>>,
}

struct Block {
    /// Cells handed out, or asked for in vain.
    reserved: AtomicU64,
    cells: [Cell; LEN],
}

/// A handle on its way; without a tick it is not written yet.
#[derive(Default)]
struct Cell {
    hash: AtomicU64,
    tick: AtomicU64,
}

impl Inbox {
    pub fn new() -> Self {
        let shards = if cfg!(epochkv_loom) { 1 } else { counter::seats() };
        let shard = || Shard { current: Protected::empty(), full: Stack::new() };
        Self {
            shards: (0..shards).map(|_| CachePadded::new(shard())).collect(),
            waiting: CachePadded::default(),
        }
    }

    /// Hands over a handle, whose tick is not 0. Lock-free; false, and nothing
    /// was done, if too many wait already.
    pub fn push(&self, handle: Handle, guard: &Guard) -> bool {
        let shard = &self.shards[counter::seat() & (self.shards.len() - 1)];
        let mut fresh = None;
        loop {
            let block = shard.current.load(guard);
            if block.is_some_and(|block| block.write(handle)) {
                return true;
            }
            if self.is_full() {
                return false;
            }
            let new = fresh.take().unwrap_or_else(|| Arc::new(Block::with(handle)));
            match shard.current.exchange(block, new, guard) {
                Ok(None) => return true,
                Ok(Some(full)) => {
                    // Relaxed: a bound need not be exact.
                    self.waiting.fetch_add(1, StatOrdering::Relaxed);
                    shard.full.push(full);
                    return true;
                }
                Err(back) => fresh = Some(back),
            }
        }
    }

    /// Takes all blocks; each is closed and counted as read by nobody yet.
    pub fn take(&self, taken: &mut Vec<Taken>, guard: &Guard) {
        for shard in &self.shards {
            if shard.full.is_empty() && shard.current.load(guard).is_none() {
                continue;
            }
            let full = shard.full.take_all();
            // Relaxed: as in `push`, which counts before it hands over.
            self.waiting.fetch_sub(full.len(), StatOrdering::Relaxed);
            let blocks = full.into_iter().chain(shard.current.take(guard));
            taken.extend(blocks.map(Block::close));
        }
    }

    /// Whether so much waits that it is better taken soon.
    pub fn is_filling(&self) -> bool {
        // Relaxed: as in `push`.
        8 * self.waiting.load(StatOrdering::Relaxed) >= MOST_BLOCKS
    }

    fn is_full(&self) -> bool {
        // Relaxed: as in `push`.
        self.waiting.load(StatOrdering::Relaxed) >= MOST_BLOCKS
    }
}

impl Block {
    /// A block whose first handle is there.
    fn with(handle: Handle) -> Self {
        let block =
            Self { reserved: AtomicU64::new(0), cells: core::array::from_fn(|_| Cell::default()) };
        block.write(handle);
        block
    }

    /// False if the block is full or closed.
    #[inline]
    fn write(&self, handle: Handle) -> bool {
        // Release: pairs with `close`, so that whoever drops a note unread, and walks
        // over the table instead, finds the entry that it was for.
        let index = self.reserved.fetch_add(1, Ordering::Release);
        let Some(cell) = self.cells.get(index as usize) else { return false };
        // Relaxed: published by the tick.
        cell.hash.store(handle.hash, Ordering::Relaxed);
        // Release: pairs with `Taken::read`.
        cell.tick.store(handle.tick, Ordering::Release);
        true
    }

    /// No writer reserves a cell of it any more.
    fn close(self: Arc<Self>) -> Taken {
        // Of two additions one comes first. Acquire: pairs with those in `write`, all
        // of which are in one release sequence; the cells' content has an order of
        // its own.
        let reserved = self.reserved.fetch_add(CLOSED, Ordering::Acquire).min(LEN as u64);
        let unread = u128::MAX.checked_shr(u128::BITS - reserved as u32).unwrap_or(0);
        Taken { block: self, unread }
    }
}

/// A block in the hands of a sweep.
pub struct Taken {
    block: Arc<Block>,
    /// A bit for each cell that was reserved and not read.
    unread: u128,
}

impl Taken {
    /// The number of handles that were not read.
    pub fn len(&self) -> usize {
        self.unread.count_ones() as usize
    }

    /// Calls `file` with each handle that has been written since; returns
    /// whether that was the rest.
    pub fn read(&mut self, mut file: impl FnMut(Handle)) -> bool {
        let mut left = self.unread;
        while left != 0 {
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            let cell = &self.block.cells[index];
            // Acquire: pairs with `Block::write`.
            let tick = cell.tick.load(Ordering::Acquire);
            if tick != 0 {
                // Relaxed: ordered by the tick.
                file(Handle { hash: cell.hash.load(Ordering::Relaxed), tick });
                self.unread &= !(1 << index);
            }
        }
        self.unread == 0
    }
}

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use super::{Block, Inbox, LEN, MOST_BLOCKS, Taken};
    use crate::reclaim;
    use crate::sweep::handle::Handle;
    use std::sync::Arc;

    const HANDLE: Handle = Handle { hash: 7, tick: 1 };

    #[test]
    fn a_closed_block_takes_no_more_and_shows_what_it_has() {
        for len in [1, LEN - 1, LEN] {
            let block = Arc::new(Block::with(HANDLE));
            assert!((1..len).all(|_| block.write(HANDLE)));
            let mut taken = Arc::clone(&block).close();
            assert!(!block.write(HANDLE));
            assert_eq!(taken.len(), len);
            let mut read = 0;
            assert!(taken.read(|handle| read += usize::from(handle == HANDLE)));
            assert_eq!((read, taken.len()), (len, 0));
        }
    }

    #[test]
    fn takes_a_million_handles_and_then_none_until_they_are_taken() {
        let (inbox, guard) = (Inbox::new(), reclaim::pin());
        let most = (MOST_BLOCKS + 1) * LEN;
        for _ in 0..2 {
            assert!((0..most).all(|_| inbox.push(HANDLE, &guard)));
            assert!(!inbox.push(HANDLE, &guard));
            let mut taken = Vec::new();
            inbox.take(&mut taken, &guard);
            assert_eq!(taken.iter().map(Taken::len).sum::<usize>(), most);
        }
    }
}
