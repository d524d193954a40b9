//! epochkv side by side with the concurrent maps and caches that one would pick instead.
//!
//! Every contestant stands behind one small adapter ([`contestant::Contestant`]),
//! written as a competent user of that crate would write it. All have the same
//! keys, the same values, the same hasher, the same allocator, and check
//! deadlines by the same clock. A figure is a median over rounds; within a round
//! all contestants run one after the other, in a new order each time, so that
//! whatever disturbs the machine disturbs all of them.
//!
//! `README.md` in this folder says how to run it and how to read the results.

pub mod allocator;
pub mod contestant;
pub mod keys;
pub mod latency;
pub mod machine;
pub mod metric;
pub mod peers;
pub mod plan;
pub mod plot;
pub mod report;
pub mod rng;
pub mod rounds;
pub mod slot;
pub mod window;
pub mod workload;
pub mod workloads;
pub mod zipf;
