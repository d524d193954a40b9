//! The clients that are connected: what CLIENT LIST shows, and how to end one.

use crate::protocol::Version;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// What is known about a connection to all others.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) address: SocketAddr,
    pub(crate) local_address: SocketAddr,
    since: Instant,
    /// Milliseconds after `since` when it was last heard of.
    heard: AtomicU64,
    details: Mutex<Details>,
    /// Ends the connection when what it has asked for is answered.
    pub(crate) end: Notify,
    is_killed: AtomicBool,
}

/// What a client has said about itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details {
    pub(crate) name: String,
    pub(crate) library: String,
    pub(crate) library_version: String,
    pub(crate) version: Version,
    pub(crate) command: &'static str,
}

impl Client {
    pub(crate) fn details(&self) -> MutexGuard<'_, Details> {
        self.details.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connection now.
    pub(crate) fn kill(&self) {
        // Relaxed: the notification orders it before the connection looks.
        self.is_killed.store(true, Ordering::Relaxed);
        self.end.notify_one();
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.is_killed.load(Ordering::Relaxed)
    }

    /// Notes that the client has just sent a command.
    pub(crate) fn hear(&self, command: &'static str) {
        self.details().command = command;
        let elapsed = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard.store(elapsed, Ordering::Relaxed);
    }

    /// The line of CLIENT LIST.
    pub(crate) fn describe(&self, into: &mut String) {
        let age = self.since.elapsed();
        let idle = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let idle = idle.saturating_sub(self.heard.load(Ordering::Relaxed)) / 1000;
        let Details { name, library, library_version, version, command } = self.details().clone();
        let resp = match version {
            Version::Resp2 => 2,
            Version::Resp3 => 3,
        };
        // Writing into a string does not fail.
        let _ = writeln!(
            into,
            "id={} addr={} laddr={} name={name} age={} idle={idle} flags=N db=0 cmd={command} \
             user=default resp={resp} lib-name={library} lib-ver={library_version}",
            self.id,
            self.address,
            self.local_address,
            age.as_secs(),
        );
    }
}

/// All clients, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    connected: Mutex<BTreeMap<u64, Arc<Client>>>,
    last_id: AtomicU64,
}

impl Clients {
    fn connected(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a connection until what is returned is dropped.
    pub(crate) fn join(self: &Arc<Self>, address: SocketAddr, local: SocketAddr) -> Membership {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let client = Arc::new(Client {
            id,
            address,
            local_address: local,
            since: Instant::now(),
            heard: AtomicU64::new(0),
            details: Mutex::default(),
            end: Notify::new(),
            is_killed: AtomicBool::new(false),
        });
        self.connected().insert(id, Arc::clone(&client));
        Membership { clients: Arc::clone(self), client }
    }

    pub(crate) fn len(&self) -> usize {
        self.connected().len()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        self.connected().values().cloned().collect()
    }

    /// Ends all connections, each when it has answered what it has received.
    pub(crate) fn end_all(&self) {
        for client in self.all() {
            client.end.notify_one();
        }
    }
}

/// A place among the clients.
#[derive(Debug)]
pub(crate) struct Membership {
    clients: Arc<Clients>,
    pub(crate) client: Arc<Client>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.clients.connected().remove(&self.client.id);
    }
}
