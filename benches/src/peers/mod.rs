//! The contestants.

mod dashmap;
mod epochkv;
mod flurry;
mod moka;
mod papaya;
mod quick_cache;
mod scc_index;
mod scc_map;
mod sharded;

#[cfg(test)]
mod tests;

pub use self::dashmap::{DashMap6, DashMap7};
pub use self::epochkv::Epochkv;
pub use self::flurry::Flurry;
pub use self::moka::Moka;
pub use self::papaya::Papaya;
pub use self::quick_cache::QuickCache;
pub use self::scc_index::SccIndex;
pub use self::scc_map::SccMap;
pub use self::sharded::Sharded;

use crate::contestant::Contestant;
use crate::workloads::{Arena, Bout};
use ahash::RandomState;

/// A contestant that can be asked to take part, its type forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Entrant {
    /// Its name.
    pub name: &'static str,
    /// Makes an empty store for so many entries.
    pub enter: fn(usize) -> Box<dyn Bout>,
}

impl Entrant {
    const fn of<C: Contestant>() -> Self {
        Self { name: C::NAME, enter: |expected| Box::new(Arena::<C>::new(expected)) }
    }
}

/// All, ours first.
pub const ALL: [Entrant; 10] = [
    Entrant::of::<Epochkv>(),
    Entrant::of::<Papaya>(),
    Entrant::of::<DashMap6>(),
    Entrant::of::<DashMap7>(),
    Entrant::of::<SccMap>(),
    Entrant::of::<SccIndex>(),
    Entrant::of::<Flurry>(),
    Entrant::of::<Moka>(),
    Entrant::of::<QuickCache>(),
    Entrant::of::<Sharded>(),
];

/// The hasher of all contestants. Its seeds are fixed, so that a run can be repeated.
pub fn hasher() -> RandomState {
    RandomState::with_seeds(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344)
}
