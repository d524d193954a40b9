#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod any;
mod deadline;
mod encoding;
mod failure;
mod glob;
mod namespace;
mod network;
mod node;
mod options;
#[cfg(test)]
#[path = "../../tests/common/property.rs"]
mod property;
mod reply;
mod request;
mod router;
mod scan;
mod script;
mod slots;
mod store;
mod walk;

pub use any::{AnyScan, AnyStore};
pub use options::Options;
pub use scan::RedisScan;
pub use store::RedisStore;
