//! Values of any shape, for property tests.

use epochkv::Value;
use proptest::prelude::*;

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3i64..3).prop_map(Value::from),
        // By bits: all NaNs, infinities and zeros.
        any::<u64>().prop_map(|bits| Value::from(f64::from_bits(bits))),
        prop::sample::select(vec![0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, 1e300])
            .prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        // Longer than what an entry holds itself.
        (1020usize..1030).prop_map(|len| "x".repeat(len).into()),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::from),
        (1020usize..1030).prop_map(|len| Value::bytes(vec![7; len])),
    ]
}

fn tree(scalar: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::list),
            prop::collection::btree_map(".{0,4}", inner, 0..4).prop_map(Value::dict),
        ]
    })
}

/// Any value.
pub fn value() -> impl Strategy<Value = Value> {
    tree(scalar())
}

/// A value that JSON can hold.
#[allow(dead_code, reason = "not every test that has values needs it")]
pub fn finite_value() -> impl Strategy<Value = Value> {
    tree(scalar().prop_filter("JSON has it", |value| {
        value.as_bytes().is_none() && value.as_float().is_none_or(f64::is_finite)
    }))
}

/// A null in so many lists.
#[allow(dead_code, reason = "not every test that has values needs it")]
pub fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |inner, _| Value::list([inner]))
}
