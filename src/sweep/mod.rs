//! What a store remembers of its deadlines, for the one who sweeps.

pub(crate) mod wheel;

#[cfg(all(test, not(epochkv_loom)))]
mod tests;
