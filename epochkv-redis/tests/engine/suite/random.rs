//! Random calls, on the store under test and on one in this process: the same answers.

use super::Random;
use super::differences::Backend;
use epochkv::{Change, IncrOptions, Kv, Store, StoreError, Ttl, TtlKind, Value};
use std::fmt::Debug;
use std::time::Duration;

const KEYS: [&str; 6] = ["a", "b", "{a}c", "d:*", "", "é"];

#[derive(Debug)]
struct Call {
    operation: usize,
    key: &'static str,
    value: Value,
    other: Value,
    ttl: Ttl,
    amount: i64,
}

fn call(random: &mut Random) -> Call {
    let values = [
        Value::from(1),
        Value::from(i64::MAX),
        Value::from("1"),
        Value::from("text"),
        Value::from(f64::NAN),
        Value::from([1, 2]),
        Value::dict([("a", true)]),
        Value::Null,
        Value::bytes(*b"\xff"),
    ];
    Call {
        operation: random.below(22),
        key: KEYS[random.below(KEYS.len())],
        value: random.pick(&values).clone(),
        other: random.pick(&values[..4]).clone(),
        ttl: *random.pick(&[Ttl::NEVER, Ttl::from(1_000), Ttl::from(2_000_000)]),
        amount: *random.pick(&[1, -1, 0, 7, i64::MAX, i64::MIN]),
    }
}

fn show<T: Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => format!("{:?}", error.kind()),
    }
}

/// What the call answers. Times are told to a tenth only: they pass.
async fn apply(store: &impl Store, call: &Call) -> String {
    let Call { operation, key, value, other, ttl, amount } = call;
    let after = match ttl.kind() {
        TtlKind::After(time) => time,
        _ => Duration::ZERO,
    };
    let bounded = IncrOptions::by(*amount).min(-10).max(10);
    match operation {
        0 | 1 => show(store.set_ex(key, value, *ttl).await),
        2 => show(store.get(key).await),
        3 => show(store.delete(key).await),
        4 => show(store.exists(key).await),
        5 | 6 => show(store.incr_by(key, *amount).await),
        7 => show(store.ttl(key).await.map(|ttl| if ttl > 0 { (ttl + 50) / 100 } else { ttl })),
        8 => show(store.keys("*").await),
        9 => show(store.swap(key, value, *ttl).await),
        10 => show(store.take(key).await),
        11 => show(store.set_if_absent(key, value, *ttl).await),
        12 => show(store.set_if_present(key, value, *ttl).await),
        13 => show(store.compare_and_set(key, other, value, *ttl).await),
        14 => show(store.compare_and_delete(key, other).await),
        15 => show(store.incr_with(key, &bounded.ttl_if_none(*ttl)).await),
        16 => show(store.incr_with(key, &bounded.saturate(true).ttl_refresh(*ttl)).await),
        17 => show(store.expire(key, after).await),
        18 => show(store.persist(key).await),
        19 => show(store.get_and_expire(key, after).await),
        20 => show(
            store
                .update(key, |old| match old {
                    Some(old) if old == other => Change::Remove,
                    Some(_) => Change::Set(value.clone()),
                    None => Change::SetEx(value.clone(), *ttl),
                })
                .await,
        ),
        _ => show(store.get_many(KEYS).await),
    }
}

pub async fn calls_agree_with_the_store_in_this_process(store: &impl Store, _: Backend) {
    let model = Kv::new();
    let mut random = Random(0xca11);
    for step in 0..4_000 {
        let call = call(&mut random);
        let (answer, expected) = (apply(store, &call).await, apply(&model, &call).await);
        assert_eq!(answer, expected, "step {step}: {call:?}");
    }
}
