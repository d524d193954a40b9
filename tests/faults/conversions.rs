//! The caller's conversions, iterators, readers and writers panic: nothing has changed.

use super::operations::{Store, store};
use super::script::{counted, is_held};
use super::{check_usable, panics, quiet_panic};
use epochkv::{Change, Input, Pattern, Ttl, Value};
use std::sync::Arc;

/// Panics when it is converted.
struct Panics;

impl<'v> From<Panics> for Input<'v> {
    fn from(_: Panics) -> Self {
        quiet_panic()
    }
}

impl From<Panics> for Value {
    fn from(_: Panics) -> Self {
        quiet_panic()
    }
}

impl From<epochkv::Error> for Panics {
    fn from(_: epochkv::Error) -> Self {
        quiet_panic()
    }
}

impl From<Panics> for Ttl {
    fn from(_: Panics) -> Self {
        quiet_panic()
    }
}

/// Either of two values, one of which panics.
enum Either {
    Text(Arc<str>),
    Panic,
}

impl<'v> From<Either> for Input<'v> {
    fn from(either: Either) -> Self {
        match either {
            Either::Text(text) => text.into(),
            Either::Panic => quiet_panic(),
        }
    }
}

/// The keys, with a panic when the last one is asked for.
fn keys(keys: [&'static str; 3]) -> impl Iterator<Item = &'static str> {
    let mut left = keys.len();
    keys.into_iter().inspect(move |_| {
        left -= 1;
        if left == 0 {
            quiet_panic();
        }
    })
}

pub type Call = fn(&Store, &Arc<str>);

/// Calls whatever the key is.
pub const CALLS: &[(&str, Call)] = &[
    ("set", |kv, _| kv.set("k", Panics).unwrap()),
    ("set_ex", |kv, _| kv.set_ex("k", Panics, 7).unwrap()),
    ("set_ex's time", |kv, text| kv.set_ex("k", Arc::clone(text), Panics).unwrap()),
    ("swap", |kv, _| _ = kv.swap("k", Panics, 7)),
    ("swap's time", |kv, text| _ = kv.swap("k", Arc::clone(text), Panics)),
    ("set_if_absent", |kv, _| _ = kv.set_if_absent("k", Panics, 7)),
    ("set_if_absent's time", |kv, text| {
        _ = kv.set_if_absent("k", Arc::clone(text), Panics);
    }),
    ("set_if_present", |kv, _| _ = kv.set_if_present("k", Panics, 7)),
    ("set_if_present's time", |kv, text| {
        _ = kv.set_if_present("k", Arc::clone(text), Panics);
    }),
    ("compare_and_set", |kv, _| _ = kv.compare_and_set("k", 5, Panics, 7)),
    ("compare_and_set's expected", |kv, text| {
        _ = kv.compare_and_set("k", Panics, Arc::clone(text), 7);
    }),
    ("compare_and_set's time", |kv, text| {
        _ = kv.compare_and_set("k", 5, Arc::clone(text), Panics);
    }),
    ("compare_and_set_snapshot", |kv, _| {
        let seen = kv.get("k").unwrap_or_else(|| Value::from(5).into());
        _ = kv.compare_and_set_snapshot("k", &seen, Panics, 7);
    }),
    ("compare_and_delete", |kv, _| _ = kv.compare_and_delete("k", Panics)),
    ("set_many", |kv, text| {
        let items = [Either::Text(Arc::clone(text)), Either::Panic];
        kv.set_many(items.map(|item| ("k", item)), 7).unwrap();
    }),
    ("set_many's keys", |kv, text| {
        let items = keys(["k", "new", "k"]).map(|key| (key, Arc::clone(text)));
        kv.set_many(items, 7).unwrap();
    }),
    ("set_many's time", |kv, text| kv.set_many([("k", Arc::clone(text))], Panics).unwrap()),
    ("get_or", |kv, _| _ = kv.get_or("absent", Panics)),
    ("get_or_insert_with", |kv, _| _ = kv.get_or_insert_with("absent", 7, || Panics)),
    ("try_get_or_insert_with", |kv, _| {
        let make = || -> Result<i64, epochkv::Error> { quiet_panic() };
        _ = kv.try_get_or_insert_with("absent", 7, make);
    }),
    ("try_get_or_insert_with's error", |kv, _| {
        let deep = (0..=Value::MAX_DEPTH).fold(Value::from(1), |inner, _| Value::list([inner]));
        _ = kv.try_get_or_insert_with("absent", 7, || Ok::<_, Panics>(&deep));
    }),
    ("get_or_insert_with's time", |kv, text| {
        _ = kv.get_or_insert_with("absent", Panics, || Arc::clone(text));
    }),
    ("update's change", |kv, text| {
        let change = |_: Option<&_>| Change::SetEx(Arc::clone(text).into(), Panics.into());
        _ = kv.update("k", change);
    }),
    ("get_many's keys", |kv, _| _ = kv.get_many(keys(["k", "other", "k"]))),
    ("with_many's keys", |kv, _| kv.with_many(keys(["k", "other", "k"]), |_, _| ())),
    ("with_many", |kv, _| kv.with_many(["other", "k"], |_, _| quiet_panic())),
    // In one batch, so before any of them is removed.
    ("delete_many's keys", |kv, _| _ = kv.delete_many(keys(["k", "other", "k"]))),
    ("for_each_key", |kv, _| kv.for_each_key(&Pattern::new("*"), |_| quiet_panic())),
];

/// The store with one of these under the key, and with another key; and what was written
/// is counted.
fn filled(content: usize, text: &Arc<str>) -> Store {
    let (kv, _) = store();
    match content {
        0 => {}
        1 => kv.set_ex("k", 5, 9).unwrap(),
        _ => kv.set_ex("k", Arc::clone(text), 9).unwrap(),
    }
    kv.set("other", 1).unwrap();
    kv
}

/// Whether the call panics, and changes nothing.
fn check(name: &str, call: impl Fn(&Store, &Arc<str>)) {
    for content in 0..3 {
        let (text, written) = (counted(), counted());
        let kv = filled(content, &text);
        let (before, keys, ttl) = (kv.get("k"), kv.keys("*"), kv.ttl("k"));
        let what = format!("{name}, content {content}");
        assert!(panics(|| call(&kv, &written)), "{what}");
        assert_eq!((kv.get("k"), kv.keys("*"), kv.ttl("k")), (before.clone(), keys, ttl), "{what}");
        assert_eq!((kv.len(), kv.get("other").unwrap().as_int()), (kv.live_len(), Some(1)));
        if let (Some(before), Some(after)) = (before, kv.get("k")) {
            assert!(after.is_same(&before), "{what}");
        }
        is_held(&written, 1, &what);
        check_usable(&kv, &what);
        drop(kv);
        is_held(&text, 1, &what);
    }
}

#[test]
fn a_panic_in_any_conversion_changes_nothing() {
    for (name, call) in CALLS {
        check(name, call);
    }
}
