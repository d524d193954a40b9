//! What all connections of a server share.

use crate::budget::Budget;
use crate::client::Clients;
use crate::config::Config;
use crate::store::Store;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A server without its connections.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    /// The port that it listens on.
    pub(crate) port: u16,
    pub(crate) store: Store,
    pub(crate) clients: Arc<Clients>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) figures: Figures,
    pub(crate) started: Instant,
    /// Tells this run of the server from others.
    pub(crate) run_id: String,
}

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) connections: Figure,
    pub(crate) rejected: Figure,
    pub(crate) commands: Figure,
    pub(crate) errors: Figure,
    pub(crate) read: Figure,
    pub(crate) written: Figure,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Figure(AtomicU64);

impl Figure {
    pub(crate) fn add(&self, more: usize) {
        // Relaxed: a figure for people.
        self.0.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl Figures {
    pub(crate) fn reset(&self) {
        let all = [&self.connections, &self.rejected, &self.commands, &self.errors];
        all.into_iter().chain([&self.read, &self.written]).for_each(Figure::reset);
    }
}

impl Shared {
    pub(crate) fn new(config: Config, port: u16) -> io::Result<Self> {
        let run_id = (0..3).map(|_| format!("{:016x}", random())).collect::<String>();
        Ok(Self {
            budget: Budget::new(config.max_buffers),
            config,
            port,
            store: Store::new()?,
            clients: Arc::default(),
            figures: Figures::default(),
            started: Instant::now(),
            run_id: run_id[..40].to_owned(),
        })
    }
}

/// A number that nobody can foresee: the standard library's hashers are keyed at random.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
