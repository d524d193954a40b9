//! The calls of a sequence, and the answers that are compared.

use epochkv::{Change, Condition, ErrorKind, Expiry, Value};
use std::sync::LazyLock;
use std::time::Duration;

pub type Key = Vec<u8>;

/// One call on the store.
#[derive(Clone, Debug)]
pub enum Call {
    Advance(Duration),
    Set(Key, Value, Duration),
    SetMany(Vec<(Key, Value)>, Duration),
    Swap(Key, Value, Duration),
    /// If the key is present, or if it is absent.
    SetIf(Key, Value, Duration, bool),
    CompareAndSet(Key, Value, Value),
    CompareAndDelete(Key, Value),
    /// Takes a snapshot for the next two.
    Remember(Key),
    SetIfRemembered(Key, Value, Duration),
    DeleteIfRemembered(Key),
    Delete(Key),
    DeleteMany(Vec<Key>),
    Take(Key),
    /// Every way to read one key.
    Look(Key),
    Incr(Key, i64),
    IncrWith(Key, Counting),
    IncrFloat(Key, f64),
    Expire(Key, Duration, Condition),
    GetAndExpire(Key, Duration),
    Persist(Key),
    Update(Key, Change),
    GetOrInsert(Key, Value, Duration),
    /// As `Update`; the closure makes another call when it runs first, and adds an
    /// integer to an integer, so that it matters what it has seen.
    UpdateMeanwhile(Key, Box<Call>, Change),
    /// As `GetOrInsert`; the closure makes another call.
    InsertMeanwhile(Key, Box<Call>, Value, Duration),
    /// Reads in place; the closure makes another call before it looks.
    ReadMeanwhile(Key, Box<Call>),
    /// Every way to read many keys.
    GetMany(Vec<Key>),
    /// Every way to walk.
    Walk(Glob),
    /// The keys that begin with this one.
    WalkPrefix(Key),
    /// A walk that begins at any number, with pages of any size.
    WalkFrom(u64, usize, Glob),
    DeleteMatching(Glob),
    /// Drops odd integers.
    Retain,
    /// Sets many keys, so that the table grows; removing them shrinks it.
    Fill(u16),
    Clear,
    /// Shrinks and flushes.
    Upkeep,
    /// Sweeps with this budget, once or until nothing is due.
    Sweep(usize, bool),
}

/// How [`Call::IncrWith`] counts.
#[derive(Clone, Copy, Debug)]
pub struct Counting {
    pub by: i64,
    pub min: i64,
    pub max: i64,
    pub saturate: bool,
    pub ttl: TtlRule,
}

/// What counting does to a deadline.
#[derive(Clone, Copy, Debug)]
pub enum TtlRule {
    Keep,
    OnCreate(Duration),
    IfNone(Duration),
    Refresh(Duration),
}

/// A value that is compared bit for bit: NaN equals itself, -0.0 differs from 0.0.
#[derive(Debug)]
pub struct Exact(Value);

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.0.same(&other.0)
    }
}

/// What a call says.
#[derive(Debug, PartialEq)]
pub enum Answer {
    Done,
    Yes(bool),
    Int(i64),
    Counted(i64, i64),
    Count(usize),
    Value(Option<Exact>),
    Values(Vec<Option<Exact>>),
    Look(Seen),
    Keys(Vec<Key>),
    Refused(ErrorKind),
    /// Of a call in a closure, if it ran, and of the call around it.
    Both(Option<Box<Answer>>, Box<Answer>),
}

#[derive(Debug, PartialEq)]
pub struct Seen {
    pub value: Option<Exact>,
    pub exists: bool,
    pub expiry: Expiry,
    pub ttl: i64,
    pub ttl_ms: i64,
}

impl Answer {
    pub fn value(value: Option<impl Into<Value>>) -> Self {
        Self::Value(exact(value))
    }
}

pub fn exact(value: Option<impl Into<Value>>) -> Option<Exact> {
    value.map(|value| Exact(value.into()))
}

/// Patterns whose meaning is plain.
#[derive(Clone, Copy, Debug)]
pub enum Glob {
    All,
    /// What begins with `f`: the fillers.
    Fillers,
    /// `b` alone.
    Exact,
    /// `b` and one more character.
    Two,
}

impl Glob {
    pub fn pattern(self) -> &'static str {
        match self {
            Self::All => "*",
            Self::Fillers => "f*",
            Self::Exact => "b",
            Self::Two => "b?",
        }
    }

    pub fn is_match(self, key: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Fillers => key.starts_with(b"f"),
            Self::Exact => key == b"b",
            Self::Two => key.len() == 2 && key[0] == b'b',
        }
    }
}

/// The keys that [`Call::Fill`] sets, and what to.
pub fn fillers(count: u16) -> impl Iterator<Item = (&'static [u8], u16)> {
    // Made once: making them takes longer than setting them.
    static KEYS: LazyLock<Vec<Key>> =
        LazyLock::new(|| (0..300).map(|n| format!("f{n}").into_bytes()).collect());
    assert!(usize::from(count) <= KEYS.len());
    KEYS.iter().map(|key| &key[..]).zip(0..count)
}

/// What an update that depends on what it sees makes of that.
pub fn added(seen: Option<&Value>, change: &Change) -> Change {
    match (seen, change) {
        (Some(Value::Int(seen)), Change::Set(Value::Int(by))) => {
            Change::Set(seen.wrapping_add(*by).into())
        }
        _ => change.clone(),
    }
}
