//! Where an engine must differ from the store in this process. The suite asks this table, and a
//! test holds `docs/ENGINE.md` against it.

/// What is under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Local,
    Engine,
}

/// A difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    Failure,
    Clear,
    Clock,
    Origin,
    LongestTtl,
    Identity,
    Unchanged,
    ValueSize,
    Batch,
    Scan,
    Foreign,
    Moves,
    Failover,
    Eviction,
    Cost,
}

/// What a difference is about, in this process, on an engine.
pub type Row = [&'static str; 3];

impl Difference {
    pub const ALL: [Self; 15] = [
        Self::Failure,
        Self::Clear,
        Self::Clock,
        Self::Origin,
        Self::LongestTtl,
        Self::Identity,
        Self::Unchanged,
        Self::ValueSize,
        Self::Batch,
        Self::Scan,
        Self::Foreign,
        Self::Moves,
        Self::Failover,
        Self::Eviction,
        Self::Cost,
    ];

    /// Its row in `docs/ENGINE.md`.
    pub fn row(self) -> Row {
        match self {
            Self::Failure => [
                "a call fails",
                "where `Kv` returns an error; nothing has changed",
                "also when the engine is down, slow or cut off; the error says whether the change may have happened",
            ],
            Self::Clear => [
                "`clear`",
                "one instant",
                "a walk: what is set meanwhile may survive, though it was set before something that does not",
            ],
            Self::Clock => [
                "time",
                "this process's monotonic clock; never early",
                "the server's wall clock in whole milliseconds, read once per round of its loop: a key can go some milliseconds early, or when the clock is set",
            ],
            Self::Origin => [
                "the time of `Ttl::until`",
                "by the store's clock",
                "by the server's clock, since 1970",
            ],
            Self::LongestTtl => [
                "the longest time to live",
                "292 million years",
                "146 million years; a longer one counts as that",
            ],
            Self::Identity => [
                "`Snapshot::is_same` on text, bytes, lists and dicts",
                "says whether it is the same write",
                "false: each answer of the engine is a value of its own",
            ],
            Self::Unchanged => [
                "`update` over a key that was written meanwhile, with an equal value",
                "the closure runs again",
                "nobody can tell: the change is made",
            ],
            Self::ValueSize => [
                "the largest value",
                "memory",
                "512 MiB in the engine's form, or less as the engine is configured",
            ],
            Self::Batch => [
                "a batch that fails halfway",
                "does not happen: all input is checked first",
                "some keys may be written; the error says so",
            ],
            Self::Scan => [
                "memory of `scan`",
                "a page",
                "all keys that it has shown, so as to show none twice",
            ],
            Self::Foreign => [
                "what other programs write",
                "does not happen",
                "is read if it is text, an integer, bytes or our own form; else reads say `Undecodable`, and walks list the key if it is UTF-8",
            ],
            Self::Moves => [
                "`keys`, `scan` and `clear` while a cluster is resharded",
                "does not happen",
                "a second pass finds the keys that moved; a key that moves twice during one call may be missed",
            ],
            Self::Failover => [
                "a node is replaced by its replica",
                "does not happen",
                "the engine replicates after it has answered: writes of the last moment can be lost",
            ],
            Self::Eviction => [
                "memory runs out",
                "the process aborts",
                "as the engine is configured: it refuses writes, or drops keys",
            ],
            Self::Cost => ["a call costs", "tens of nanoseconds", "a round trip: use batches"],
        }
    }
}

impl Backend {
    /// Whether this store is as the table says of engines.
    pub fn has(self, _difference: Difference) -> bool {
        self == Self::Engine
    }
}
