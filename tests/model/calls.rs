//! The calls that are drawn, and the answers that are compared.

use epochkv::{Change, Condition, ErrorKind, Ttl, Value};
use proptest::prelude::*;

/// A time to live that no simulated clock reaches.
pub const HUGE_MS: u64 = u64::MAX / 4;

pub type Key = Vec<u8>;

/// One call on the store.
#[derive(Clone, Debug)]
pub enum Call {
    Advance(u64),
    Set(Key, Value, u64),
    SetMany(Vec<(Key, Value)>, u64),
    Swap(Key, Value, u64),
    /// If the key is present, or if it is absent.
    SetIf(Key, Value, u64, bool),
    CompareAndSet(Key, Value, Value),
    CompareAndDelete(Key, Value),
    /// Takes a snapshot for the next two.
    Remember(Key),
    SetIfRemembered(Key, Value, u64),
    DeleteIfRemembered(Key),
    Delete(Key),
    DeleteMany(Vec<Key>),
    Take(Key),
    /// Every way to read one key.
    Look(Key),
    Incr(Key, i64),
    /// With an upper bound, saturating or not, and a second to live on creation.
    IncrWith(Key, i64, i64, bool),
    IncrFloat(Key, f64),
    Expire(Key, u64, Condition),
    GetAndExpire(Key, u64),
    Persist(Key),
    Update(Key, Change),
    GetOrInsert(Key, Value, u64),
    /// Every way to walk.
    Walk(Glob),
    DeleteMatching(Glob),
    /// Drops odd integers.
    Retain,
    /// Sets many keys, so that the table grows; removing them shrinks it.
    Fill(u16),
    Clear,
    /// Shrinks and flushes.
    Upkeep,
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
    Look(Seen),
    Keys(Vec<Key>),
    Refused(ErrorKind),
}

#[derive(Debug, PartialEq)]
pub struct Seen {
    pub value: Option<Exact>,
    pub exists: bool,
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

fn value() -> impl Strategy<Value = Value> {
    let too_deep = (0..129).fold(Value::Null, |inner, _| Value::list([inner]));
    let few = [
        Value::Null,
        true.into(),
        0.into(),
        5.into(),
        i64::MAX.into(),
        i64::MIN.into(),
        ((1i64 << 62) - 1).into(),
        5.0.into(),
        (-0.0).into(),
        f64::NAN.into(),
        "".into(),
        "5".into(),
        "long".repeat(500).into(),
        Value::bytes(*b"5\xff"),
        Value::bytes(vec![7; 2000]),
        Value::list([Value::from(1), "x".into()]),
        Value::dict([("a", f64::NAN)]),
        too_deep,
    ];
    prop_oneof![prop::sample::select(few.to_vec()), (-3i64..100).prop_map(Value::from)]
}

fn ttl_ms() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![0, 0, 1, 2, 999, 1000, 1001, 5000, HUGE_MS])
}

fn condition() -> impl Strategy<Value = Condition> {
    use Condition::{Always, IfEarlier, IfLater, IfNone, IfSome};
    prop::sample::select(vec![Always, IfNone, IfSome, IfLater, IfEarlier])
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Keep),
        Just(Change::Remove),
        value().prop_map(Change::Set),
        value().prop_map(|value| Change::SetEx(value, Ttl::NEVER)),
        value().prop_map(|value| Change::SetEx(value, 1.into())),
    ]
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![-5i64..6, prop::sample::select(vec![i64::MAX, i64::MIN, 1 << 62])]
}

fn glob() -> impl Strategy<Value = Glob> {
    prop::sample::select(vec![Glob::All, Glob::Fillers, Glob::Exact, Glob::Two])
}

/// A call on a few keys.
pub fn call(keys: Vec<Key>) -> impl Strategy<Value = Call> {
    let key = || prop::sample::select(keys.clone());
    let item = (key(), value());
    let writes = prop_oneof![
        4 => (key(), value(), ttl_ms()).prop_map(|(k, v, t)| Call::Set(k, v, t)),
        1 => (prop::collection::vec(item, 0..5), ttl_ms()).prop_map(|(i, t)| Call::SetMany(i, t)),
        1 => (key(), value(), ttl_ms()).prop_map(|(k, v, t)| Call::Swap(k, v, t)),
        2 => (key(), value(), ttl_ms(), any::<bool>())
            .prop_map(|(k, v, t, present)| Call::SetIf(k, v, t, present)),
        2 => (key(), value(), value()).prop_map(|(k, e, v)| Call::CompareAndSet(k, e, v)),
        1 => (key(), value()).prop_map(|(k, e)| Call::CompareAndDelete(k, e)),
        2 => key().prop_map(Call::Remember),
        2 => (key(), value(), ttl_ms()).prop_map(|(k, v, t)| Call::SetIfRemembered(k, v, t)),
        1 => key().prop_map(Call::DeleteIfRemembered),
        2 => (key(), change()).prop_map(|(k, c)| Call::Update(k, c)),
        1 => (key(), value(), ttl_ms()).prop_map(|(k, v, t)| Call::GetOrInsert(k, v, t)),
    ];
    let counts = prop_oneof![
        3 => (key(), amount()).prop_map(|(k, by)| Call::Incr(k, by)),
        2 => (key(), amount(), 0i64..9, any::<bool>())
            .prop_map(|(k, by, max, saturate)| Call::IncrWith(k, by, max, saturate)),
        1 => (key(), prop::sample::select(vec![0.5, -0.0, 1e308, f64::NAN, f64::INFINITY]))
            .prop_map(|(k, by)| Call::IncrFloat(k, by)),
    ];
    let ends = prop_oneof![
        2 => (key(), ttl_ms(), condition()).prop_map(|(k, t, c)| Call::Expire(k, t, c)),
        1 => (key(), ttl_ms()).prop_map(|(k, t)| Call::GetAndExpire(k, t)),
        1 => key().prop_map(Call::Persist),
        2 => key().prop_map(Call::Delete),
        1 => prop::collection::vec(key(), 0..5).prop_map(Call::DeleteMany),
        1 => key().prop_map(Call::Take),
        1 => glob().prop_map(Call::DeleteMatching),
        1 => Just(Call::Retain),
    ];
    let store_wide = prop_oneof![
        2 => (0u16..300).prop_map(Call::Fill),
        1 => Just(Call::Clear),
        1 => Just(Call::Upkeep),
    ];
    let steps = prop::sample::select(vec![1, 1, 2, 500, 999, 1000, 4000]);
    prop_oneof![
        20 => writes,
        8 => counts,
        10 => ends,
        8 => key().prop_map(Call::Look),
        4 => glob().prop_map(Call::Walk),
        6 => steps.prop_map(Call::Advance),
        1 => store_wide,
    ]
}
