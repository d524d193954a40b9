//! What a server is told when it starts.

use crate::protocol;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const MIB: usize = 1 << 20;

/// Where a server listens, and how much it lets clients take.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The address to listen on. There are no passwords: an address other than that of
    /// the loopback interface lets in everybody who can reach it.
    pub bind: IpAddr,
    /// The port to listen on; 0 takes any free one.
    pub port: u16,
    /// Connections at a time.
    pub max_connections: usize,
    /// Bytes of one request, and so of one value.
    pub max_request: usize,
    /// Arguments of one request.
    pub max_arguments: usize,
    /// Bytes that wait for one client to read them.
    pub max_reply: usize,
    /// Bytes of unfinished requests and unread replies of all connections together, not
    /// counting the first [`FREE_BUFFER`](Self::FREE_BUFFER) of each.
    pub max_buffers: usize,
    /// How long a client may take to send its next request whole, or to read a part of a
    /// reply; zero for as long as it likes.
    pub idle_timeout: Duration,
}

impl Config {
    /// The buffer that every connection has to itself.
    pub const FREE_BUFFER: usize = 64 * 1024;

    pub(crate) fn limits(&self) -> protocol::Limits {
        protocol::Limits { request: self.max_request, arguments: self.max_arguments }
    }
}

impl Default for Config {
    /// Loopback and Redis's port, and limits that fit into a gigabyte or two.
    fn default() -> Self {
        Self {
            bind: Ipv4Addr::LOCALHOST.into(),
            port: 6379,
            max_connections: 10_000,
            max_request: 64 * MIB,
            max_arguments: MIB,
            max_reply: 512 * MIB,
            max_buffers: 1024 * MIB,
            idle_timeout: Duration::from_secs(300),
        }
    }
}
