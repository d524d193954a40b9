//! What was called, when, and what came back.
//!
//! A history is a set of [`Call`]s. Two calls are ordered only if one ended
//! strictly before the other started: equal timestamps count as overlapping,
//! because the resolution of the clock does not tell which came first.

use std::fmt;

/// The end of a call that never returned: it may or may not have happened.
pub(crate) const NEVER: u64 = u64::MAX;

/// A value, named by a number. The recorder never writes one name twice, except
/// that an increment may by chance reach a number that was also written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Val {
    Int(i64),
    Text(u64),
}

/// Deadlines are whole milliseconds of the store's clock, which counts nanoseconds:
/// a writing call rounds its reading up before it adds the time to live.
pub(crate) const GRAIN: u64 = 1_000_000;

/// The first whole millisecond not before `time`.
pub(crate) fn whole(time: u64) -> u64 {
    time.checked_next_multiple_of(GRAIN).unwrap_or(u64::MAX)
}

/// A time to live in nanoseconds of the store's clock.
pub(crate) type Ttl = Option<u64>;

/// An operation on one key with its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Get,
    Exists,
    /// Answers with the whole milliseconds left, at least one, as nanoseconds; -1
    /// without a deadline, -2 if absent.
    TimeLeft,
    Set(Val, Ttl),
    Swap(Val, Ttl),
    SetIfAbsent(Val, Ttl),
    SetIfPresent(Val, Ttl),
    GetOrInsert(Val, Ttl),
    CompareAndSet(Val, Val, Ttl),
    CompareAndDelete(Val),
    Incr(i64),
    Delete,
    Take,
    Expire(u64),
    Persist,
    Clear,
}

impl Op {
    /// Whether the operation never changes the value, whatever it finds.
    pub(crate) fn is_read(self) -> bool {
        matches!(self, Self::Get | Self::Exists | Self::TimeLeft)
    }

    /// Whether neither the result nor the effect depends on what was there.
    pub(crate) fn is_blind(self) -> bool {
        matches!(self, Self::Set(..) | Self::Clear)
    }
}

/// What a call returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ret {
    Unit,
    Bool(bool),
    Value(Option<Val>),
    Int(i64),
    /// The call returned an error and must have changed nothing.
    Refused,
    /// Nothing is known of the result.
    Unknown,
}

impl Ret {
    /// Whether a call that should return `expected` may have returned this.
    pub(crate) fn admits(self, expected: Self) -> bool {
        self == Self::Unknown || self == expected
    }
}

/// Readings of the store's clock just before a call started and just after it
/// ended. The call's own reading lies between them, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Readings {
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// One call of one thread on one key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) op: Op,
    pub(crate) ret: Ret,
    /// Nanoseconds since the base of the history.
    pub(crate) start: u64,
    /// As `start`, or [`NEVER`].
    pub(crate) end: u64,
    pub(crate) clock: Readings,
    pub(crate) thread: u16,
}

impl Call {
    /// Whether a linearization has to contain the call.
    pub(crate) fn is_required(&self) -> bool {
        self.end != NEVER
    }

    /// The same call, cut off before it returned.
    pub(crate) fn unreturned(mut self) -> Self {
        self.ret = Ret::Unknown;
        self.clock.after = u64::MAX;
        self.may_be_missing()
    }

    /// The same call where a linearization may leave it out.
    pub(crate) fn may_be_missing(mut self) -> Self {
        self.end = NEVER;
        self
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Readings { before, after } = self.clock;
        write!(f, "{:?} -> {:?}, store clock {before}..={after}", self.op, self.ret)
    }
}

/// The calls of all threads on all keys.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) calls: Vec<(u32, Call)>,
    /// Calls of `clear`, which have no key.
    pub(crate) clears: Vec<Call>,
}

impl History {
    /// Splits the history into one for each key, each sorted by start.
    ///
    /// Linearizability is local (Herlihy and Wing 1990, theorem 1): operations on
    /// one key each are linearizable if and only if each key's are. `clear`
    /// touches all keys, so it is copied into the history of each key it may have
    /// touched. For histories with `clear` the split check is therefore a necessary
    /// condition only: it never accuses a correct store, but it does not see that
    /// one `clear` took effect at different moments on different keys.
    pub(crate) fn into_keys(self) -> Vec<(u32, Vec<Call>)> {
        // Numbers of calls are sorted, not the calls: these are large.
        let all = self.calls.iter().enumerate();
        let mut order: Vec<_> = all.map(|(at, (key, call))| (*key, call.start, at)).collect();
        order.sort_unstable();
        order
            .chunk_by(|(a, ..), (b, ..)| a == b)
            .map(|chunk| {
                let mut calls: Vec<Call> = chunk.iter().map(|(.., at)| self.calls[*at].1).collect();
                let first = calls[0].start;
                let last = calls.iter().map(|call| call.end).max().unwrap_or(first);
                // Before the first call the key is absent and after the last one
                // nobody looks, so clears out there say nothing about this key.
                let near = |clear: &&Call| clear.end >= first && clear.start <= last;
                let count = calls.len();
                calls.extend(self.clears.iter().filter(near));
                if calls.len() > count {
                    calls.sort_unstable_by_key(|call| (call.start, call.end));
                }
                (chunk[0].0, calls)
            })
            .collect()
    }
}
