//! Sessions that expire, and an independent judgement of when each had to be gone.
//!
//! The store reads its own clock somewhere inside `set_ex`, so from outside a session's deadline
//! is known only to lie between (start of the call + TTL) and (end of the call + TTL). Nearly all
//! calls are prompt, and then the two are the same but for [`PROMPT`]. The few that were not (the
//! thread was descheduled inside) are written down by their writer, and a suspicion raised by a
//! reader is weighed against them after the run. So nothing is excused that could be wrong, and
//! nothing is blamed that could be right.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::faults::Faults;
use crate::figures::nanos;
use crate::latency::Span;

/// How long a session lives; short, so that many expire during the run.
pub(crate) const TTL: Duration = Duration::from_millis(500);
const TTL_NANOS: u64 = 500_000_000;
/// Deadlines of the store are whole milliseconds.
const RESOLUTION: u64 = 1_000_000;
/// A login that took longer than this is written down.
const PROMPT: u64 = 1_000_000;
/// A store that fails this often per thread needs no further evidence.
const MAX_SUSPECTS: usize = 100_000;

/// The value of a session: who wrote it, when, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) user: usize,
    pub(crate) writer: usize,
    pub(crate) serial: u64,
    /// Read before the call that stored it, in nanoseconds since the start of the run.
    pub(crate) born: u64,
    pub(crate) ttl: u64,
}

impl Session {
    pub(crate) const fn new(user: usize, writer: usize, serial: u64, born: u64) -> Self {
        Self { user, writer, serial, born, ttl: TTL_NANOS }
    }

    /// The session spelled in `text`, if it is one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(' ');
        let session = Self {
            user: fields.next()?.parse().ok()?,
            writer: fields.next()?.parse().ok()?,
            serial: fields.next()?.parse().ok()?,
            born: fields.next()?.parse().ok()?,
            ttl: fields.next()?.parse().ok()?,
        };
        fields.next().is_none().then_some(session)
    }
}

impl Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, writer, serial, born, ttl } = self;
        write!(f, "{user} {writer} {serial} {born} {ttl}")
    }
}

/// For every user, until when a finished login keeps the session alive.
#[derive(Debug)]
pub(crate) struct SessionBook {
    alive_until: Vec<AtomicU64>,
}

impl SessionBook {
    pub(crate) fn new(users: usize) -> Self {
        Self { alive_until: (0..users).map(|_| AtomicU64::new(0)).collect() }
    }

    /// To be called before a read: what it may rely on. Zero if nobody has logged in yet.
    pub(crate) fn alive_until(&self, user: usize) -> u64 {
        // Acquire: pairs with `enter`, so that the login happened before the read that follows.
        self.alive_until[user].load(Ordering::Acquire)
    }

    fn enter(&self, session: &Session) {
        let until = session.born + session.ttl;
        // Release: pairs with `alive_until`.
        self.alive_until[session.user].fetch_max(until, Ordering::Release);
    }
}

/// A login during which its thread was held up.
#[derive(Clone, Copy, Debug)]
struct SlowLogin {
    session: Session,
    end: u64,
}

/// A session was there although it seems that it had expired before the read began.
#[derive(Clone, Copy, Debug)]
struct Late {
    session: Session,
    read: Span,
}

/// A session was served although it seems that a newer login had finished before the read began.
#[derive(Clone, Copy, Debug)]
struct Stale {
    session: Session,
    until: u64,
}

/// A session was not there although it seems that it had not expired when the read ended.
#[derive(Clone, Copy, Debug)]
struct Missing {
    user: usize,
    until: u64,
    read: Span,
}

/// What one handler knows about the sessions that it wrote and read.
#[derive(Debug, Default)]
pub(crate) struct SessionLog {
    pub(crate) logins: u64,
    pub(crate) served: u64,
    pub(crate) absent: u64,
    slow: Vec<SlowLogin>,
    late: Vec<Late>,
    stale: Vec<Stale>,
    missing: Vec<Missing>,
}

impl SessionLog {
    /// A session was stored by a call that lasted for `call`.
    pub(crate) fn stored(&mut self, book: &SessionBook, session: Session, call: Span) {
        self.logins += 1;
        if call.end - session.born > PROMPT {
            self.slow.push(SlowLogin { session, end: call.end });
        }
        book.enter(&session);
    }

    /// A read found this session; `until` is what the book said before.
    pub(crate) fn found(&mut self, session: Session, until: u64, read: Span) {
        self.served += 1;
        let latest = session.born + PROMPT + session.ttl + RESOLUTION;
        if read.start > latest && self.late.len() < MAX_SUSPECTS {
            self.late.push(Late { session, read });
        }
        if session.born + PROMPT + session.ttl < until && self.stale.len() < MAX_SUSPECTS {
            self.stale.push(Stale { session, until });
        }
    }

    /// A read found no session; `until` is what the book said before.
    pub(crate) fn found_none(&mut self, user: usize, until: u64, read: Span) {
        self.absent += 1;
        if read.end + RESOLUTION + PROMPT < until && self.missing.len() < MAX_SUSPECTS {
            self.missing.push(Missing { user, until, read });
        }
    }
}

/// The suspicions that stand.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Sessions served after their deadline.
    pub(crate) late: Faults,
    /// Logins of which nothing was seen: no session, or one from an older login.
    pub(crate) lost: Faults,
}

/// Weighs every suspicion against the slow logins of all handlers.
pub(crate) fn judge<'a>(logs: impl Iterator<Item = &'a SessionLog> + Clone) -> Verdict {
    let mut slow: HashMap<usize, Vec<SlowLogin>> = HashMap::new();
    for login in logs.clone().flat_map(|log| &log.slow) {
        slow.entry(login.session.user).or_default().push(*login);
    }
    let slow_logins = |user| slow.get(&user).map_or(&[][..], Vec::as_slice).iter();
    let mut verdict = Verdict::default();
    for Late { session, read } in logs.clone().flat_map(|log| &log.late) {
        // Excused if this very login ended so late that its deadline may not have passed.
        let excused = slow_logins(session.user).any(|login| {
            login.session == *session && read.start <= login.end + session.ttl + RESOLUTION
        });
        if !excused {
            verdict.late.note(|| {
                let over = nanos(read.start - session.born - session.ttl);
                format!("user {} was served {over} past the deadline", session.user)
            });
        }
    }
    for Stale { session, until } in logs.clone().flat_map(|log| &log.stale) {
        // Excused if this very login was still under way when the newer one began.
        let excused = slow_logins(session.user)
            .any(|login| login.session == *session && login.end + session.ttl >= *until);
        if !excused {
            verdict.lost.note(|| {
                let older = nanos(until - session.born - session.ttl);
                format!("user {} was served a session {older} older than the last", session.user)
            });
        }
    }
    for Missing { user, until, read } in logs.flat_map(|log| &log.missing) {
        // Excused if a login with an older deadline was under way and may have landed on top.
        let excused = slow_logins(*user).any(|login| {
            let expired = login.session.born + login.session.ttl <= read.end + RESOLUTION;
            expired && login.end + login.session.ttl >= *until
        });
        if !excused {
            verdict.lost.note(|| {
                let early = nanos(until - read.end);
                format!("user {user} had no session {early} before the deadline")
            });
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn span(start: u64, end: u64) -> Span {
        Span { start, end }
    }

    #[test]
    fn sessions_survive_spelling() {
        let session = Session::new(7, 1, 99, 123_456_789);
        assert_eq!(Session::parse(&session.to_string()), Some(session));
        assert_eq!(Session::parse("7 1 99"), None);
        assert_eq!(Session::parse("7 1 99 1 1 1"), None);
        assert_eq!(Session::parse(""), None);
    }

    #[test]
    fn expired_sessions_are_blamed_unless_their_login_was_slow() {
        let book = SessionBook::new(1);
        let session = Session::new(0, 0, 1, 0);
        for (login_end, read_start, blamed) in [
            (0, 500 * MS, 0),
            (0, 502 * MS, 0),
            (0, 503 * MS, 1),
            (30 * MS, 530 * MS, 0),
            (30 * MS, 532 * MS, 1),
        ] {
            let mut log = SessionLog::default();
            log.stored(&book, session, span(0, login_end));
            log.found(session, 0, span(read_start, read_start + MS));
            assert_eq!(judge([&log].into_iter()).late.count, blamed);
        }
    }

    #[test]
    fn older_sessions_are_blamed_unless_their_login_was_slow() {
        let book = SessionBook::new(1);
        for (older_born, older_end, blamed) in [
            (99 * MS, 99 * MS, 0),
            (90 * MS, 90 * MS, 1),
            (90 * MS, 99 * MS, 1),
            (90 * MS, 101 * MS, 0),
        ] {
            let older = Session::new(0, 0, 1, older_born);
            let newer = Session::new(0, 1, 1, 100 * MS);
            let mut log = SessionLog::default();
            log.stored(&book, older, span(older_born, older_end));
            log.stored(&book, newer, span(100 * MS, 100 * MS));
            log.found(older, book.alive_until(0), span(200 * MS, 200 * MS));
            assert_eq!(judge([&log].into_iter()).lost.count, blamed);
        }
    }

    #[test]
    fn lost_sessions_are_blamed_unless_an_older_login_may_have_landed_later() {
        let book = SessionBook::new(1);
        let older = Session::new(0, 0, 1, 0);
        let newer = Session::new(0, 1, 1, 100 * MS);
        for (older_end, read_end, blamed) in [
            (MS, 550 * MS, 1),
            (MS, 599 * MS, 0),
            (110 * MS, 550 * MS, 0),
            (110 * MS, 450 * MS, 1),
            (90 * MS, 550 * MS, 1),
        ] {
            let mut log = SessionLog::default();
            log.stored(&book, older, span(0, older_end));
            log.stored(&book, newer, span(100 * MS, 100 * MS));
            let until = book.alive_until(0);
            assert_eq!(until, 600 * MS);
            log.found_none(0, until, span(read_end - MS, read_end));
            assert_eq!(judge([&log].into_iter()).lost.count, blamed);
        }
    }
}
