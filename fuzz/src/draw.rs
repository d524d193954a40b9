//! Calls of the sequential model, read from an input.

use super::bytes::Bytes;
use super::calls::{Call, Counting, Glob, Key, TtlRule};
use super::tree::Tree;
use epochkv::{Change, Condition, Ttl, Value};
use std::sync::LazyLock;
use std::time::Duration;

/// How deep calls are made within closures of calls.
const NESTED: usize = 2;

/// Draws calls on a few keys.
#[derive(Clone, Copy, Debug)]
pub struct Calls<'k> {
    pub keys: &'k [Key],
}

/// A value; every other one is an integer, because only those are counted, and half
/// of these are too wide to be counted in place.
fn value(bytes: &mut Bytes<'_>) -> Value {
    match bytes.below(16) {
        0..4 => i64::from(bytes.byte() as i8).into(),
        4..8 => bytes.pick(&[1 << 62, -(1 << 62) - 1, i64::MAX - 9, i64::MIN + 9]).into(),
        8 => deep(bytes),
        _ => Tree::draw_small(bytes).to_value(),
    }
}

/// A value as deep as the store takes it, or one level deeper. Made once: making one takes
/// longer than hundreds of calls.
fn deep(bytes: &mut Bytes<'_>) -> Value {
    static MADE: LazyLock<[Value; 2]> = LazyLock::new(|| {
        let deepest = (0..Value::MAX_DEPTH).fold(1.into(), |inner, _| Value::list([inner]));
        [deepest.clone(), Value::dict([("k", deepest)])]
    });
    bytes.pick(&*MADE)
}

/// Times to live, and steps of the clock.
fn time(bytes: &mut Bytes<'_>) -> Duration {
    const MS: u64 = 1_000_000;
    let edges =
        [0, 0, 1, 500, 999, 1000, 1001].map(|tenths| Duration::from_nanos(tenths * MS / 1000));
    match bytes.below(8) {
        0 | 1 => Duration::ZERO,
        2 => bytes.pick(&edges),
        3 => Duration::from_millis(bytes.byte().into()),
        4 => Duration::from_millis(bytes.byte().into()) + Duration::from_nanos(1),
        5 => Duration::from_secs(bytes.byte().into()),
        6 => bytes.pick(&[
            Duration::from_millis(u64::MAX),
            Duration::from_secs(u64::MAX),
            Duration::from_nanos(u64::MAX),
            Duration::from_nanos(u64::MAX - MS),
            Duration::MAX,
        ]),
        _ => Duration::from_nanos(bytes.u64()),
    }
}

fn amount(bytes: &mut Bytes<'_>) -> i64 {
    match bytes.below(4) {
        0 => 1,
        1 => i64::from(bytes.byte() as i8),
        2 => bytes.pick(&[i64::MAX, i64::MIN, 1 << 62, -(1 << 62), 0]),
        _ => bytes.i64(),
    }
}

fn counting(bytes: &mut Bytes<'_>) -> Counting {
    let by = amount(bytes);
    let (min, max) = match bytes.below(4) {
        0 => (i64::MIN, i64::MAX),
        1 => (i64::MIN, amount(bytes)),
        2 => (amount(bytes), i64::MAX),
        _ => (amount(bytes), amount(bytes)),
    };
    let saturate = bytes.bool();
    let ttl = match bytes.below(4) {
        0 => TtlRule::Keep,
        1 => TtlRule::OnCreate(time(bytes)),
        2 => TtlRule::IfNone(time(bytes)),
        _ => TtlRule::Refresh(time(bytes)),
    };
    Counting { by, min, max, saturate, ttl }
}

fn change(bytes: &mut Bytes<'_>) -> Change {
    match bytes.below(5) {
        0 => Change::Keep,
        1 => Change::Remove,
        2 if bytes.bool() => Change::Set(1.into()),
        2 => Change::Set(value(bytes)),
        3 => Change::SetEx(value(bytes), Ttl::NEVER),
        _ => Change::SetEx(value(bytes), 1.into()),
    }
}

fn condition(bytes: &mut Bytes<'_>) -> Condition {
    use Condition::{Always, IfEarlier, IfLater, IfNone, IfSome};
    bytes.pick(&[Always, IfNone, IfSome, IfLater, IfEarlier])
}

fn float(bytes: &mut Bytes<'_>) -> f64 {
    let few = [0.5, -0.0, 1e308, f64::NAN, f64::INFINITY];
    if bytes.bool() { bytes.pick(&few) } else { f64::from_bits(bytes.u64()) }
}

fn glob(bytes: &mut Bytes<'_>) -> Glob {
    bytes.pick(&[Glob::All, Glob::Fillers, Glob::Exact, Glob::Two])
}

impl Calls<'_> {
    fn key(self, bytes: &mut Bytes<'_>) -> Key {
        bytes.pick(self.keys)
    }

    fn some_keys(self, bytes: &mut Bytes<'_>) -> Vec<Key> {
        // Now and then more than the store fetches at once.
        if bytes.below(16) == 15 {
            return self.keys.iter().cycle().take(70).cloned().collect();
        }
        bytes.few(5, |bytes| self.key(bytes))
    }

    fn inner(self, bytes: &mut Bytes<'_>, nested: usize) -> Box<Call> {
        self.draw_below(bytes, nested - 1).into()
    }

    pub fn draw(self, bytes: &mut Bytes<'_>) -> Call {
        self.draw_below(bytes, NESTED)
    }

    /// A call on one key, made of nothing else.
    pub fn draw_on_one_key(self, b: &mut Bytes<'_>) -> Call {
        let key = self.key(b);
        match b.below(20) {
            0 => Call::Set(key, value(b), time(b)),
            1 => Call::Swap(key, value(b), time(b)),
            2 => Call::SetIf(key, value(b), time(b), b.bool()),
            3 => Call::CompareAndSet(key, value(b), value(b)),
            4 => Call::CompareAndDelete(key, value(b)),
            5 => Call::Remember(key),
            6 => Call::SetIfRemembered(key, value(b), time(b)),
            7 => Call::DeleteIfRemembered(key),
            8 => Call::Delete(key),
            9 => Call::Take(key),
            10 => Call::Look(key),
            11 | 12 => Call::Incr(key, amount(b)),
            13 => Call::IncrWith(key, counting(b)),
            14 => Call::IncrFloat(key, float(b)),
            15 => Call::Expire(key, time(b), condition(b)),
            16 => Call::GetAndExpire(key, time(b)),
            17 => Call::Persist(key),
            18 => Call::Update(key, change(b)),
            _ => Call::GetOrInsert(key, value(b), time(b)),
        }
    }

    fn draw_below(self, b: &mut Bytes<'_>, nested: usize) -> Call {
        let closures = if nested == 0 { 0 } else { 3 };
        match b.below(33 + closures) {
            0..20 => self.draw_on_one_key(b),
            20 | 21 => Call::Advance(time(b)),
            22 => Call::SetMany(b.few(5, |b| (self.key(b), value(b))), time(b)),
            23 => Call::DeleteMany(self.some_keys(b)),
            24 => Call::GetMany(self.some_keys(b)),
            25 => Call::Walk(glob(b)),
            26 => Call::WalkPrefix(self.key(b)),
            27 => Call::WalkFrom(b.u64(), b.byte().into(), glob(b)),
            28 => Call::DeleteMatching(glob(b)),
            29 => Call::Retain,
            30 => Call::Fill(b.pick(&[3, 3, 10, 10, 20, 20, 40, 90])),
            31 => b.pick(&[Call::Clear, Call::Upkeep]),
            32 => Call::Sweep(b.pick(&[0, 1, 7, usize::MAX]), b.bool()),
            33 => Call::UpdateMeanwhile(self.key(b), self.inner(b, nested), change(b)),
            34 => Call::InsertMeanwhile(self.key(b), self.inner(b, nested), value(b), time(b)),
            _ => Call::ReadMeanwhile(self.key(b), self.inner(b, nested)),
        }
    }
}
