//! One handler thread: request after request against the shared store, with its own books.

use std::sync::atomic::Ordering;

use epochkv::{IncrOptions, Snapshot, Ttl};

use crate::faults::Faults;
use crate::latency::{Operation, Recorder};
use crate::limits::{self, Tallies};
use crate::names::{self, Key, spell};
use crate::rng::Rng;
use crate::session::{self, Session, SessionLog};
use crate::site::{ROUTES, Site};
use crate::zipf::Zipf;

/// Requests between two looks at the stop flag.
const BATCH: u64 = 32;
/// A token that nobody redeemed is withdrawn by its issuer after this many others.
pub(crate) const TOKEN_BACKLOG: u64 = 64;

/// What one handler did and saw.
#[derive(Debug)]
pub(crate) struct HandlerLog {
    pub(crate) recorder: Recorder,
    /// Increments that the store acknowledged, per route.
    pub(crate) hits: Vec<i64>,
    pub(crate) bytes: Vec<i64>,
    pub(crate) sessions: SessionLog,
    pub(crate) profile_reads: u64,
    pub(crate) profile_faults: Faults,
    pub(crate) flag_reads: u64,
    pub(crate) flag_faults: Faults,
    pub(crate) limit_faults: Faults,
    pub(crate) session_faults: Faults,
    pub(crate) issued: u64,
    pub(crate) redeemed: u64,
    /// Calls that the store refused, or answered in a way that it never should.
    pub(crate) refusals: Faults,
}

impl HandlerLog {
    fn new(recorder: Recorder) -> Self {
        Self {
            recorder,
            hits: vec![0; ROUTES],
            bytes: vec![0; ROUTES],
            sessions: SessionLog::default(),
            profile_reads: 0,
            profile_faults: Faults::default(),
            flag_reads: 0,
            flag_faults: Faults::default(),
            limit_faults: Faults::default(),
            session_faults: Faults::default(),
            issued: 0,
            redeemed: 0,
            refusals: Faults::default(),
        }
    }
}

/// The state of one handler thread.
#[derive(Debug)]
pub(crate) struct Handler<'a> {
    site: &'a Site,
    id: usize,
    rng: Rng,
    users: Zipf,
    clients: Zipf,
    routes: Zipf,
    limit: IncrOptions,
    tallies: Tallies<'a>,
    flag_seen: u64,
    key: String,
    value: String,
    log: HandlerLog,
}

impl<'a> Handler<'a> {
    pub(crate) fn new(site: &'a Site, id: usize, seed: u64, zipf: f64) -> Result<Self, String> {
        Ok(Self {
            site,
            id,
            rng: Rng::new(seed, id as u64),
            users: Zipf::new(site.users, zipf),
            clients: Zipf::new(limits::CLIENTS, zipf),
            routes: Zipf::new(ROUTES, zipf),
            limit: IncrOptions::by(1).max(limits::LIMIT).ttl_on_create(limits::COUNTER_TTL),
            tallies: Tallies::new(&site.limits),
            flag_seen: 0,
            key: String::new(),
            value: String::new(),
            log: HandlerLog::new(Recorder::new(site.origin)?),
        })
    }

    /// Serves requests until the site stops.
    pub(crate) fn run(mut self) -> HandlerLog {
        let mut reported = 0;
        while !self.site.stopped() {
            for _ in 0..BATCH {
                self.request();
            }
            let calls = self.log.recorder.calls();
            self.site.calls.fetch_add(calls - reported, Ordering::Relaxed);
            reported = calls;
        }
        self.tallies.flush();
        self.log
    }

    fn request(&mut self) {
        let user = self.users.sample(&mut self.rng);
        let route = self.routes.sample(&mut self.rng);
        self.read_flag();
        if self.admitted() {
            self.resume_session(user);
            self.read_profile(user);
            if self.rng.one_in(32) {
                self.write_profile(user);
            }
            if self.rng.one_in(16) {
                self.issue_token();
            }
            if self.rng.one_in(16) {
                self.redeem_token();
            }
        }
        self.count(route);
    }

    /// The version must be whole, as new as the last published one, and never step back.
    fn read_flag(&mut self) {
        // Acquire: pairs with the refresher, so that its `set` happened before this `get`.
        let published = self.site.flag_version.load(Ordering::Acquire);
        let (flag, _) =
            self.log.recorder.time(Operation::GetFlag, || self.site.store.get(names::FLAG));
        self.log.flag_reads += 1;
        let version = flag.as_ref().and_then(Snapshot::as_str).and_then(names::flag_version);
        let least = published.max(self.flag_seen);
        match version {
            Some(version) if version >= least => self.flag_seen = version,
            _ => self.log.flag_faults.note(|| {
                format!("version {version:?} was read when {least} had been seen or published")
            }),
        }
    }

    /// One request counted against the window of some client.
    fn admitted(&mut self) -> bool {
        let client = self.clients.sample(&mut self.rng);
        let window = limits::window_at(self.site.now());
        let key = spell(&mut self.key, Key::Limit { client, window });
        let (answer, call) = self
            .log
            .recorder
            .time(Operation::IncrLimit, || self.site.store.incr_with(key, &self.limit));
        match answer {
            Ok(answer) => {
                let admitted = answer.applied != 0;
                let plausible = match answer.applied {
                    0 => answer.value == limits::LIMIT,
                    1 => (1..=limits::LIMIT).contains(&answer.value),
                    _ => false,
                };
                if !plausible {
                    self.log.limit_faults.note(|| format!("answer {answer:?}"));
                }
                self.tallies.enter(window, client, answer.value, admitted, call);
                admitted
            }
            Err(error) => {
                self.log.refusals.note(|| format!("incr_with: {error}"));
                false
            }
        }
    }

    /// Reads a session; logs in if there is none, and sometimes although there is one.
    fn resume_session(&mut self, user: usize) {
        let until = self.site.sessions.alive_until(user);
        let key = spell(&mut self.key, Key::Session { user });
        let (found, read) =
            self.log.recorder.time(Operation::GetSession, || self.site.store.get(key));
        let Some(snapshot) = found else {
            self.log.sessions.found_none(user, until, read);
            return self.log_in(user);
        };
        match snapshot.as_str().and_then(Session::parse) {
            Some(session) if session.user == user => self.log.sessions.found(session, until, read),
            _ => self.log.session_faults.note(|| format!("user {user} was served {snapshot:?}")),
        }
        if self.rng.one_in(64) {
            self.log_in(user);
        }
    }

    fn log_in(&mut self, user: usize) {
        let serial = self.log.sessions.logins;
        let session = Session::new(user, self.id, serial, self.site.now());
        let key = spell(&mut self.key, Key::Session { user });
        let value = spell(&mut self.value, session);
        let (answer, call) = self
            .log
            .recorder
            .time(Operation::SetSession, || self.site.store.set_ex(key, value, session::TTL));
        match answer {
            Ok(()) => self.log.sessions.stored(&self.site.sessions, session, call),
            Err(error) => self.log.refusals.note(|| format!("set_ex: {error}")),
        }
    }

    fn read_profile(&mut self, user: usize) {
        let key = spell(&mut self.key, Key::Profile { user });
        let (found, _) = self.log.recorder.time(Operation::GetProfile, || self.site.store.get(key));
        self.log.profile_reads += 1;
        let text = found.as_ref().and_then(Snapshot::as_str);
        if !text.is_some_and(|text| names::is_profile(text, user)) {
            self.log.profile_faults.note(|| format!("profile of user {user} read as {text:?}"));
        }
    }

    /// Writes the value that is there already: readers must never see the key gone.
    fn write_profile(&mut self, user: usize) {
        let key = spell(&mut self.key, Key::Profile { user });
        let value = spell(&mut self.value, names::profile(user));
        let (answer, _) =
            self.log.recorder.time(Operation::SetProfile, || self.site.store.set(key, value));
        if let Err(error) = answer {
            self.log.refusals.note(|| format!("set: {error}"));
        }
    }

    /// Stores a new token, and withdraws an old one that nobody redeemed.
    fn issue_token(&mut self) {
        let serial = self.log.issued + 1;
        let key = spell(&mut self.key, Key::Token { issuer: self.id, serial });
        let (answer, _) = self
            .log
            .recorder
            .time(Operation::IssueToken, || self.site.store.set_if_absent(key, 1_i64, Ttl::NEVER));
        match answer {
            Ok(true) => {
                self.log.issued = serial;
                // Release: pairs with `redeem_token`, which then must find the token.
                self.site.tokens[self.id].store(serial, Ordering::Release);
            }
            Ok(false) => self.log.refusals.note(|| "set_if_absent: a new token was there".into()),
            Err(error) => self.log.refusals.note(|| format!("set_if_absent: {error}")),
        }
        if serial > TOKEN_BACKLOG {
            self.delete_token(self.id, serial - TOKEN_BACKLOG);
        }
    }

    /// Tries for a recent token of any handler; of all who try, one must get it.
    fn redeem_token(&mut self) {
        let issuer = self.rng.below(self.site.tokens.len() as u64) as usize;
        let issued = self.site.tokens[issuer].load(Ordering::Acquire);
        if issued > 0 {
            let age = self.rng.below(issued.min(4));
            self.delete_token(issuer, issued - age);
        }
    }

    fn delete_token(&mut self, issuer: usize, serial: u64) {
        let key = spell(&mut self.key, Key::Token { issuer, serial });
        let (deleted, _) =
            self.log.recorder.time(Operation::DeleteToken, || self.site.store.delete(key));
        self.log.redeemed += u64::from(deleted);
    }

    /// Adds to the two counters of a route; what the store acknowledges goes into the own books.
    fn count(&mut self, route: usize) {
        let key = spell(&mut self.key, Key::Hits { route });
        let (answer, _) = self.log.recorder.time(Operation::IncrHits, || self.site.store.incr(key));
        match answer {
            Ok(_) => self.log.hits[route] += 1,
            Err(error) => self.log.refusals.note(|| format!("incr: {error}")),
        }
        let amount = 200 + self.rng.below(1_300) as i64;
        let key = spell(&mut self.key, Key::Bytes { route });
        let (answer, _) =
            self.log.recorder.time(Operation::IncrBytes, || self.site.store.incr_by(key, amount));
        match answer {
            Ok(_) => self.log.bytes[route] += amount,
            Err(error) => self.log.refusals.note(|| format!("incr_by: {error}")),
        }
    }
}
