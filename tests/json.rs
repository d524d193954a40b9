//! The feature `json`: values and `serde_json::Value`.

use epochkv::{ErrorKind, Kv, Value};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use values::{finite_value, nested, value};

#[path = "common/property.rs"]
mod property;
#[path = "common/values.rs"]
mod values;

fn json_of(value: impl Into<Value>) -> Result<Json, ErrorKind> {
    Json::try_from(value.into()).map_err(|error| error.kind())
}

#[test]
fn json_becomes_a_value_and_comes_back() {
    let cases = [
        (json!(null), Value::Null),
        (json!(true), true.into()),
        (json!(i64::MIN), i64::MIN.into()),
        (json!(i64::MAX), i64::MAX.into()),
        (json!(-0.0), (-0.0).into()),
        (json!(1.0), 1.0.into()),
        (json!(1e300), 1e300.into()),
        (json!(""), "".into()),
        (json!("a\0\u{10ffff}"), "a\0\u{10ffff}".into()),
        (json!([]), Value::list([(); 0])),
        (json!({}), Value::dict([("", 0); 0])),
        (
            json!([[], {}, [null]]),
            Value::list([Value::list([(); 0]), Value::dict([("", 0); 0]), Value::list([()])]),
        ),
        (
            json!({"": [1], "b": {"c": 2.5}}),
            Value::dict([("", Value::from([1])), ("b", Value::dict([("c", 2.5)]))]),
        ),
    ];
    for (json, value) in cases {
        assert!(Value::from(json.clone()).same(&value), "{json} is not {value}");
        assert_eq!(Json::try_from(&value).unwrap(), json);
        assert_eq!(Json::try_from(value.as_ref()).unwrap(), json);
        assert_eq!(json_of(value), Ok(json));
    }
}

#[test]
fn a_number_that_is_no_int_is_the_nearest_float() {
    let cases = [
        (json!(i64::MAX as u64 + 1), 9_223_372_036_854_775_808.0),
        (json!(u64::MAX), 18_446_744_073_709_551_616.0),
        (json!(5e-324), 5e-324),
    ];
    for (json, float) in cases {
        assert!(Value::from(json).same(&Value::from(float)));
    }
}

#[test]
fn nan_and_infinities_are_all_that_is_refused_of_what_a_store_holds() {
    for float in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(json_of(float), Err(ErrorKind::NotFinite));
        assert_eq!(
            json_of(Value::dict([("a", Value::list([0.5, float]))])),
            Err(ErrorKind::NotFinite)
        );
    }
    assert_eq!(json_of(Value::bytes([0, 255])), Ok(json!([0, 255])));
    assert!(json_of(nested(Value::MAX_DEPTH)).is_ok());
    assert_eq!(json_of(nested(Value::MAX_DEPTH + 1)), Err(ErrorKind::TooDeep));
    assert_eq!(json_of(nested(1_000_000)), Err(ErrorKind::TooDeep));
}

#[test]
fn json_of_any_depth_becomes_a_value_on_a_small_stack() {
    let small = std::thread::Builder::new().stack_size(64 << 10);
    let depth = small.spawn(|| {
        let lists = (0..100_000).fold(Json::Null, |inner, _| Json::Array(vec![inner]));
        let dicts = (0..100_000)
            .fold(lists, |inner, _| Json::Object([("k".into(), inner)].into_iter().collect()));
        Value::from(dicts).depth()
    });
    assert_eq!(depth.unwrap().join().unwrap(), 200_000);
}

#[test]
fn a_store_takes_json_as_it_is() {
    let kv = Kv::new();
    kv.set("k", json!({"n": [1, 2]})).unwrap();
    assert_eq!(kv.get("k").unwrap().to_string(), r#"{"n": [1, 2]}"#);
    kv.set("list", vec![json!(1), json!("x")]).unwrap();
    assert_eq!(Json::try_from(kv.get("list").unwrap().as_ref()), Ok(json!([1, "x"])));
    let deep = (0..=Value::MAX_DEPTH).fold(Json::Null, |inner, _| json!([inner]));
    assert_eq!(kv.set("k", deep).unwrap_err().kind(), ErrorKind::TooDeep);
}

proptest! {
    #![proptest_config(property::seeded(256))]

    #[test]
    fn every_value_that_json_can_hold_comes_back(value in finite_value()) {
        let json = Json::try_from(&value).unwrap();
        prop_assert!(Value::from(json.clone()).same(&value), "{} became {}", value, json);
        // And is what serde_json itself reads in the text of it.
        let text = json.to_string();
        prop_assert!(Value::from(text.parse::<Json>().unwrap()).same(&value));
    }

    #[test]
    fn a_refusal_is_about_a_number(value in value()) {
        let printed = value.to_string();
        match Json::try_from(&value) {
            Ok(json) => prop_assert_eq!(Value::from(json).depth() >= value.depth(), true),
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::NotFinite);
                prop_assert!(printed.contains("NaN") || printed.contains("inf"));
            }
        }
    }
}
