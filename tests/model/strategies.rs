//! The calls that property tests draw.

use super::calls::{Call, Counting, Glob, Key, TtlRule};
use epochkv::{Change, Condition, Ttl, Value};
use proptest::prelude::*;
use std::time::Duration;

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

/// Times to live, and times until a deadline.
fn time() -> impl Strategy<Value = Duration> {
    let ms = [0, 0, 1, 2, 999, 1000, 1001, 5000, u64::MAX].map(Duration::from_millis);
    prop::sample::select([&ms[..], &[Duration::from_nanos(1), Duration::MAX]].concat())
}

fn counting() -> impl Strategy<Value = Counting> {
    let ttl = prop_oneof![
        Just(TtlRule::Keep),
        time().prop_map(TtlRule::OnCreate),
        time().prop_map(TtlRule::IfNone),
        time().prop_map(TtlRule::Refresh),
    ];
    let min = prop_oneof![Just(i64::MIN), -9i64..3];
    (amount(), min, 0i64..9, any::<bool>(), ttl)
        .prop_map(|(by, min, max, saturate, ttl)| Counting { by, min, max, saturate, ttl })
}

fn condition() -> impl Strategy<Value = Condition> {
    use Condition::{Always, IfEarlier, IfLater, IfNone, IfSome, IfSomeAndEarlier};
    prop::sample::select(vec![Always, IfNone, IfSome, IfLater, IfEarlier, IfSomeAndEarlier])
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
    let plain = plain_call(keys.clone()).boxed();
    let key = prop::sample::select(keys);
    let inner = (key, plain.clone().prop_map(Box::new));
    let nested = prop_oneof![
        (inner.clone(), change()).prop_map(|((k, c), change)| Call::UpdateMeanwhile(k, c, change)),
        (inner.clone(), value(), time())
            .prop_map(|((k, c), v, t)| Call::InsertMeanwhile(k, c, v, t)),
        inner.prop_map(|(k, c)| Call::ReadMeanwhile(k, c)),
    ];
    prop_oneof![20 => plain, 1 => nested]
}

fn plain_call(keys: Vec<Key>) -> impl Strategy<Value = Call> {
    let key = || prop::sample::select(keys.clone());
    let item = (key(), value());
    let writes = prop_oneof![
        4 => (key(), value(), time()).prop_map(|(k, v, t)| Call::Set(k, v, t)),
        1 => (prop::collection::vec(item, 0..5), time()).prop_map(|(i, t)| Call::SetMany(i, t)),
        1 => (key(), value(), time()).prop_map(|(k, v, t)| Call::Swap(k, v, t)),
        2 => (key(), value(), time(), any::<bool>())
            .prop_map(|(k, v, t, present)| Call::SetIf(k, v, t, present)),
        2 => (key(), value(), value()).prop_map(|(k, e, v)| Call::CompareAndSet(k, e, v)),
        1 => (key(), value()).prop_map(|(k, e)| Call::CompareAndDelete(k, e)),
        2 => key().prop_map(Call::Remember),
        2 => (key(), value(), time()).prop_map(|(k, v, t)| Call::SetIfRemembered(k, v, t)),
        1 => key().prop_map(Call::DeleteIfRemembered),
        2 => (key(), change()).prop_map(|(k, c)| Call::Update(k, c)),
        1 => (key(), value(), time()).prop_map(|(k, v, t)| Call::GetOrInsert(k, v, t)),
    ];
    let counts = prop_oneof![
        3 => (key(), amount()).prop_map(|(k, by)| Call::Incr(k, by)),
        2 => (key(), counting()).prop_map(|(k, counting)| Call::IncrWith(k, counting)),
        1 => (key(), prop::sample::select(vec![0.5, -0.0, 1e308, f64::NAN, f64::INFINITY]))
            .prop_map(|(k, by)| Call::IncrFloat(k, by)),
    ];
    let ends = prop_oneof![
        2 => (key(), time(), condition()).prop_map(|(k, t, c)| Call::Expire(k, t, c)),
        1 => (key(), time()).prop_map(|(k, t)| Call::GetAndExpire(k, t)),
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
        2 => (prop::sample::select(vec![0, 1, 7, usize::MAX]), any::<bool>())
            .prop_map(|(budget, whole)| Call::Sweep(budget, whole)),
    ];
    let steps = [1, 1, 2, 500, 999, 1000, 4000].map(Duration::from_millis);
    let steps = [&steps[..], &[Duration::from_nanos(1), Duration::from_micros(999)]].concat();
    let steps = prop::sample::select(steps);
    let walks = prop_oneof![
        2 => glob().prop_map(Call::Walk),
        1 => key().prop_map(Call::WalkPrefix),
        1 => (any::<u64>(), 0usize..200, glob()).prop_map(|(c, n, g)| Call::WalkFrom(c, n, g)),
    ];
    let many = prop::collection::vec(key(), 0..5).prop_map(Call::GetMany);
    prop_oneof![
        20 => writes,
        8 => counts,
        10 => ends,
        8 => key().prop_map(Call::Look),
        4 => walks,
        1 => many,
        6 => steps.prop_map(Call::Advance),
        1 => store_wide,
    ]
}
