//! The Redis serialization protocol: requests in, replies out. Knows nothing of commands.

mod inline;
mod reply;
mod request;

use crate::number;

pub(crate) use reply::{Reply, Version};
pub use request::{Args, Limits, Parser, ProtocolError};
