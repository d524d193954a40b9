//! What all threads share: the store under test, and beside it the means to check it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use epochkv::Kv;

use crate::limits::Ledger;
use crate::names::{self, Key, spell};
use crate::session::SessionBook;

/// Routes of the server; each has a counter of hits and one of bytes.
pub(crate) const ROUTES: usize = 32;
/// How often a background task writes the flag anew.
pub(crate) const FLAG_PERIOD: Duration = Duration::from_millis(5);
/// The pause between two reports.
pub(crate) const REPORT_PERIOD: Duration = Duration::from_millis(200);

/// Only `store` is under test; every other field is bookkeeping of this program.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) store: Kv,
    pub(crate) users: usize,
    /// All readings of the clock count from here.
    pub(crate) origin: Instant,
    /// Per handler, how many tokens it has issued; raised after the token is in the store.
    pub(crate) tokens: Vec<AtomicU64>,
    /// The newest flag version; raised after the flag is in the store.
    pub(crate) flag_version: AtomicU64,
    pub(crate) sessions: SessionBook,
    pub(crate) limits: Ledger,
    /// Calls so far, in coarse steps, for the progress bar alone.
    pub(crate) calls: AtomicU64,
    /// Sessions in the last report, for the progress bar alone.
    pub(crate) live_sessions: AtomicU64,
    stop: AtomicBool,
}

impl Site {
    /// A store that holds a profile for every user, all counters at zero and the first flag.
    pub(crate) fn open(handlers: usize, users: usize) -> Result<Self, String> {
        let store: Kv = Kv::new();
        fill(&store, users)
            .map_err(|error| format!("the store refused its first entries: {error}"))?;
        Ok(Self {
            store,
            users,
            origin: Instant::now(),
            tokens: (0..handlers).map(|_| AtomicU64::new(0)).collect(),
            flag_version: AtomicU64::new(0),
            sessions: SessionBook::new(users),
            limits: Ledger::default(),
            calls: AtomicU64::new(0),
            live_sessions: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        })
    }

    /// Nanoseconds since the origin; 64 bits hold five centuries of them.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Asks every thread to finish what it is doing and return.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether [`stop`](Self::stop) was called.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn fill(store: &Kv, users: usize) -> Result<(), epochkv::Error> {
    let (mut key, mut value) = (String::new(), String::new());
    for user in 0..users {
        let key = spell(&mut key, Key::Profile { user });
        store.set(key, spell(&mut value, names::profile(user)))?;
    }
    for route in 0..ROUTES {
        store.set(spell(&mut key, Key::Hits { route }), 0_i64)?;
        store.set(spell(&mut key, Key::Bytes { route }), 0_i64)?;
    }
    store.set(names::FLAG, names::flag(0))
}
