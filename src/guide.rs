//! The guide: pages that are not about one item.
//!
//! - [`guarantees`]: progress, order, memory, and what panics
//! - [`semantics`]: what every call means in every corner
//! - [`expiry`]: what a time to live promises and costs, and when to run a sweeper
//! - [`limits`]: what the store does not do, and how large things may be
//! - [`choosing`]: between this and papaya, dashmap, scc, moka, quick_cache and Redis
//! - [`migrating`]: from dashmap with a TTL by hand, from moka, and from Redis
//! - `dump`: saving and loading, with the feature of this name
//! - [`engine`]: the same code on Redis, Valkey or a cluster, and what differs there
//! - [`testing`]: time and interleavings in your own tests
//! - [`benchmarks`]: figures, with commands, and where peers win
//!
//! These modules are empty, and exist in the documentation only.

/// Includes a page. What is said of a page's links comes before the page's own words on
/// them, which are for readers of the repository, and the first word counts.
macro_rules! pages {
    ($($(#[$when:meta])* $name:ident $path:literal)*) => {$(
        $(#[$when])*
        #[doc = "[semantics]: crate::guide::semantics"]
        #[doc = "[expiry]: crate::guide::expiry"]
        #[doc = "[limits]: crate::guide::limits"]
        #[doc = "[choosing]: crate::guide::choosing"]
        #[doc = ""]
        #[doc = include_str!($path)]
        pub mod $name {}
    )*};
}

pages! {
    guarantees "../docs/GUARANTEES.md"
    semantics "../docs/SEMANTICS.md"
    expiry "../docs/EXPIRY.md"
    limits "../docs/LIMITS.md"
    choosing "../docs/CHOOSING.md"
    migrating "../docs/MIGRATING.md"
    #[cfg(feature = "dump")]
    dump "../docs/DUMP.md"
    engine "../docs/ENGINE.md"
    testing "../docs/TESTING.md"
    benchmarks "../docs/BENCHMARKS.md"
}
