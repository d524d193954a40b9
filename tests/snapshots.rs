//! Snapshots: kept for ever, sent anywhere, never changing; and printing of every public type.

use epochkv::{
    Builder, CachedClock, Change, Condition, Cursor, Dict, Error, ErrorKind, Expiry, IncrOptions,
    Incremented, Item, Kv, List, ManualClock, Pattern, PatternError, Scan, Snapshot, Stats,
    SystemClock, Ttl, Value, ValueRef,
};
use std::fmt::{Debug, Display};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

/// What may happen to a key, with its name.
type Event = (&'static str, fn(&Kv));

/// One value of each kind and representation in the store.
fn values() -> Vec<Value> {
    vec![
        Value::Null,
        true.into(),
        7.into(),
        i64::MAX.into(),
        (-0.0).into(),
        f64::NAN.into(),
        "short".into(),
        "long ".repeat(1000).into(),
        Value::bytes(*b"\xff\0"),
        Value::bytes(vec![9; 5000]),
        Value::list([Value::from(1), "two".into()]),
        Value::dict([("k", Value::list([Value::Null]))]),
    ]
}

#[test]
fn sizes_and_auto_traits() {
    const fn lasting<T: Send + Sync + 'static>() {}
    const fn unmoved<T: Unpin>() {}
    const {
        assert!(size_of::<Snapshot>() <= 2 * size_of::<usize>());
        assert!(size_of::<Option<Snapshot>>() == size_of::<Snapshot>());
        assert!(size_of::<Kv>() == size_of::<usize>());
        assert!(size_of::<Cursor>() == 8 && size_of::<Ttl>() == 8);
        lasting::<Snapshot>();
        lasting::<Kv>();
        lasting::<Kv<[u8], std::hash::RandomState, ManualClock>>();
        lasting::<Item>();
        lasting::<Item<[u8]>>();
        lasting::<Scan<'static, str, std::hash::RandomState, SystemClock>>();
        lasting::<Pattern>();
        lasting::<Pattern<[u8]>>();
        lasting::<Builder>();
        lasting::<Error>();
        lasting::<Change>();
        lasting::<CachedClock>();
        unmoved::<Snapshot>();
        unmoved::<Kv>();
        unmoved::<Item>();
    }
}

#[test]
fn stay_as_they_were_whatever_happens_to_the_key_and_the_store() {
    let happens: [Event; 8] = [
        ("overwritten", |kv| kv.set("k", "other").unwrap()),
        ("deleted", |kv| assert!(kv.delete("k"))),
        ("taken", |kv| drop(kv.take("k"))),
        ("expired", |kv| assert!(kv.expire("k", Duration::ZERO))),
        ("renewed", |kv| assert!(kv.expire("k", Duration::from_secs(9)))),
        ("cleared", Kv::clear),
        ("changed", |kv| drop(kv.update("k", |_| Change::Set(1.into())).unwrap())),
        ("resized", |kv| (0..5000).for_each(|n| kv.set(&n.to_string(), n).unwrap())),
    ];
    for value in values() {
        let mut kept = Vec::new();
        for (name, happens) in &happens {
            let kv = Kv::new();
            kv.set("k", &value).unwrap();
            let snapshot = kv.get("k").unwrap();
            happens(&kv);
            kv.flush();
            assert!(snapshot.to_value().same(&value), "{name}: {value:?}");
            kept.push((name, snapshot.clone()));
            drop(kv);
            kept.push((name, snapshot));
        }
        // Other stores use the freed memory.
        let other = Kv::new();
        (0..200).for_each(|n| other.set(&n.to_string(), "filler".repeat(n)).unwrap());
        other.flush();
        for (name, snapshot) in kept {
            assert!(snapshot.to_value().same(&value), "{name}, dropped: {value:?}");
        }
    }
}

#[test]
fn parts_are_read_in_place() {
    let kv = Kv::new();
    kv.set("k", Value::dict([("a", Value::list([1, 2]))])).unwrap();
    let snapshot = kv.get("k").unwrap();
    assert_eq!(snapshot.get("a"), Some(&Value::list([1, 2])));
    assert_eq!((snapshot.get("b"), snapshot.at(0)), (None, None));
}

#[test]
fn a_counter_snapshot_does_not_count_on() {
    let kv = Kv::new();
    kv.set("k", 1).unwrap();
    let before = kv.get("k").unwrap();
    let item = kv.scan(&Pattern::new("*")).next().unwrap();
    kv.incr("k").unwrap();
    assert_eq!(
        (before, item.value().as_int(), kv.get_or("k", 0).as_int()),
        (Value::from(1).into(), Some(1), Some(2))
    );
}

#[test]
fn outlive_the_thread_that_took_them_and_the_store() {
    let kept: Vec<_> = values()
        .into_iter()
        .map(|value| {
            let worker = thread::spawn(move || {
                let kv = Kv::new();
                kv.set("k", &value).unwrap();
                let item = kv.scan(&Pattern::new("*")).next().unwrap();
                (kv.get("k").unwrap(), item, value)
            });
            worker.join().unwrap()
        })
        .collect();
    for (snapshot, item, value) in kept {
        let worker = thread::spawn(move || {
            assert!(snapshot.to_value().same(&value));
            assert_eq!(item.key(), "k");
            assert!(item.value().to_value().same(&value));
        });
        worker.join().unwrap();
    }
}

/// Wakes a thread that is parked in `block_on`.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Is pending once and lets another thread wake it.
fn elsewhere() -> impl Future<Output = ()> + Send {
    let mut first = true;
    std::future::poll_fn(move |context| {
        if !std::mem::take(&mut first) {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        thread::spawn(move || waker.wake());
        Poll::Pending
    })
}

#[test]
fn may_be_held_across_await() {
    fn needs_send<F: Future + Send + 'static>(future: F) -> F {
        future
    }
    let kv = Kv::new();
    kv.set("k", "text").unwrap();
    let task = needs_send(async move {
        let snapshot = kv.get("k").unwrap();
        let text = snapshot.as_str().unwrap();
        let mut scan = kv.scan_prefix("");
        let item = scan.next().unwrap();
        elsewhere().await;
        kv.clear();
        kv.flush();
        elsewhere().await;
        assert_eq!((text, item.key(), scan.next().is_none()), ("text", "k", true));
        snapshot
    });
    assert_eq!(thread::spawn(|| block_on(task)).join().unwrap(), "text");
}

#[test]
fn identity_is_that_of_the_write() {
    let kv = Kv::new();
    for value in values() {
        let scalar =
            matches!(value, Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_));
        kv.set("k", &value).unwrap();
        let first = kv.get("k").unwrap();
        assert!(first.is_same(&first.clone()) && first.is_same(&kv.get("k").unwrap()));
        assert!(kv.scan(&Pattern::new("k")).all(|item| item.snapshot().is_same(&first)));
        // Another write of the same value, another deadline, and another key.
        for write in [
            |kv: &Kv, value: &Value| kv.set("k", value).unwrap(),
            |kv: &Kv, _: &Value| assert!(kv.expire("k", Duration::from_secs(5))),
            |kv: &Kv, _: &Value| assert!(kv.persist("k")),
        ] {
            let before = kv.get("k").unwrap();
            write(&kv, &value);
            let after = kv.get("k").unwrap();
            assert!(after.to_value().same(&before.to_value()));
            assert_eq!(before.is_same(&after), scalar, "{value:?}");
            assert_eq!(kv.compare_and_delete_snapshot("k", &before), scalar, "{value:?}");
            kv.set("k", &value).unwrap();
            kv.expire("k", Duration::from_secs(5));
        }
        kv.set("other", &value).unwrap();
        let other = kv.get("other").unwrap();
        assert_eq!(other.is_same(&kv.get("k").unwrap()), scalar);
        assert_eq!(kv.compare_and_delete_snapshot("k", &other), scalar);
    }
    let float = |bits| Snapshot::from(Value::from(f64::from_bits(bits)));
    let nan = f64::NAN.to_bits();
    assert!(float(nan).is_same(&float(nan)) && !float(nan).is_same(&float(nan + 1)));
    assert!(!float(0).is_same(&float((-0.0f64).to_bits())));
    assert!(!Snapshot::from(Value::from(1)).is_same(&Value::from(1.0).into()));
    assert!(!Snapshot::from(Value::from("a")).is_same(&Value::from("a").into()));
    kv.set("k", "a").unwrap();
    let (stored, own) = (kv.get("k").unwrap(), Snapshot::from(Value::from("a")));
    assert!(!stored.is_same(&own) && !own.is_same(&stored));
}

#[test]
fn compare_and_set_tells_kinds_and_bits_apart() {
    let kv = Kv::new();
    let other_nan = f64::from_bits(f64::NAN.to_bits() ^ 1);
    let scalars: [Value; 8] = [
        0.into(),
        0.0.into(),
        (-0.0).into(),
        f64::NAN.into(),
        other_nan.into(),
        false.into(),
        "0".into(),
        Value::Null,
    ];
    let lists = [Value::list([0]), Value::list([0.0]), Value::list([-0.0])];
    let all: Vec<_> = scalars.into_iter().chain(lists).collect();
    for (i, there) in all.iter().enumerate() {
        for (j, expected) in all.iter().enumerate() {
            let what = format!("{there:?}, {expected:?}");
            kv.set("k", there).unwrap();
            assert_eq!(kv.compare_and_set("k", expected, "new", 0), Ok(i == j), "{what}");
            kv.set("k", there).unwrap();
            assert_eq!(kv.compare_and_delete("k", expected), i == j, "{what}");
        }
    }
}

#[test]
fn compare_with_rust_types_and_values() {
    let kv = Kv::new();
    let get = |value: Value| {
        kv.set("k", value).unwrap();
        kv.get("k").unwrap()
    };
    assert!(get(true.into()) == true && true == get(true.into()));
    assert!(get(7.into()) == 7i32 && get(7.into()) == 7i64 && get(7.into()) != 7.0);
    assert!(get(7.0.into()) == 7.0 && get(f64::NAN.into()) != get(f64::NAN.into()));
    let text = String::from("a");
    assert!(get("a".into()) == "a" && get("a".into()) == text);
    assert!(get("a".into()) == *"a" && get("a".into()) != get(Value::bytes(*b"a")));
    assert!(get("a".into()) != *"b" && get(7.into()) != *"7" && ValueRef::Int(7) == get(7.into()));
    assert!(get((-0.0).into()) == get(0.0.into()));
    let (bytes, slice): (Vec<u8>, &[u8]) = (vec![1, 2], &[1, 2]);
    assert!(get(slice.into()) == bytes && slice == get(slice.into()) && get("a".into()) != slice);
    assert!(get(slice.into()) == [1, 2] && b"\x01\x02" == get(slice.into()));
    assert!(get(slice.into()) != b"\x01" && [2, 1] != get(slice.into()));
    let (list, dict) = (List::from_iter([1, 2]), Dict::from_iter([("a", 1)]));
    assert!(get(list.clone().into()) == list && list == get([1, 2].into()));
    assert!(get(dict.clone().into()) == dict && get(list.clone().into()) != dict);
    assert!(get(7.into()) == ValueRef::Int(7) && ValueRef::Int(8) != get(7.into()));
    for value in values().into_iter().filter(|value| *value == value.clone()) {
        let snapshot = get(value.clone());
        assert_eq!(snapshot, value);
        assert_eq!(value, snapshot);
        assert_eq!(snapshot, get(value.clone()));
        assert_eq!(snapshot.kind(), value.kind());
        assert_eq!(
            (snapshot.to_string(), format!("{snapshot:?}")),
            (value.to_string(), format!("{value:?}"))
        );
    }
}

#[test]
fn accessors_answer_for_their_kind_only() {
    for value in values() {
        let snapshot = Snapshot::from(value.clone());
        let found = [
            snapshot.is_null(),
            snapshot.as_bool().is_some(),
            snapshot.as_int().is_some(),
            snapshot.as_float().is_some(),
            snapshot.as_str().is_some(),
            snapshot.as_bytes().is_some(),
            snapshot.as_list().is_some(),
            snapshot.as_dict().is_some(),
        ];
        let kind = snapshot.kind() as usize;
        assert!((0..8).all(|index| found[index] == (index == kind)), "{value:?}: {found:?}");
        assert!(Value::from(&snapshot).same(&value) && Value::from(snapshot).same(&value));
    }
}

#[test]
fn text_of_more_than_a_kibibyte_is_shared_and_other_text_is_copied() {
    let kv = Kv::new();
    for (len, is_shared) in [(0, false), (1024, false), (1025, true)] {
        let text = "x".repeat(len);
        for value in [Value::from(text.as_str()), Value::bytes(text.as_bytes())] {
            let address = |value: ValueRef<'_>| {
                value
                    .as_str()
                    .map_or(value.as_bytes(), |text| Some(text.as_bytes()))
                    .unwrap()
                    .as_ptr()
            };
            kv.set("k", value.clone()).unwrap();
            let stored = kv.get("k").unwrap();
            assert_eq!(address(stored.as_ref()) == address(value.as_ref()), is_shared, "{len}");
            let own = stored.to_value();
            assert_eq!(address(stored.as_ref()) == address(own.as_ref()), is_shared, "{len}");
            kv.set("again", &stored).unwrap();
            let again = kv.get("again").unwrap();
            assert_eq!(address(stored.as_ref()) == address(again.as_ref()), is_shared, "{len}");
        }
    }
}

#[test]
fn items_of_a_list_are_found_by_their_place() {
    let list = Snapshot::from(Value::list([1, 2]));
    assert_eq!((list.at(1), list.at(2)), (Some(&Value::from(2)), None));
    assert_eq!(Snapshot::from(Value::from("text")).at(0), None);
}

#[test]
fn a_snapshot_can_be_stored_again() {
    let kv = Kv::new();
    for value in values() {
        kv.set("k", &value).unwrap();
        let snapshot = kv.get("k").unwrap();
        kv.set("borrowed", &snapshot).unwrap();
        kv.set("owned", snapshot).unwrap();
        for key in ["borrowed", "owned"] {
            assert!(kv.get(key).unwrap().to_value().same(&value), "{value:?}");
        }
    }
}

fn debug(what: impl Debug) {
    assert!(!format!("{what:?}").is_empty());
    assert!(!format!("{what:#?}").is_empty());
}

fn display(what: impl Display + Debug) {
    assert!(!format!("{what}").is_empty() && !format!("{what:>40}").is_empty());
    debug(what);
}

#[test]
fn every_public_type_prints_in_every_state() {
    let clock = ManualClock::new();
    let kv: Kv<str, _, _> = Kv::builder().clock(clock.clone()).build();
    let bytes = Kv::builder().byte_keys().build();
    debug(Kv::builder());
    debug((&kv, &bytes, kv.stats(), kv.get("k"), kv.expiry("k")));
    for (n, value) in values().into_iter().enumerate() {
        kv.set_ex(&format!("\u{1b}{n}"), &value, n as u64).unwrap();
        bytes.set(&[0xff, n as u8], &value).unwrap();
        debug((Change::Set(value.clone()), Change::SetEx(value.clone(), 5.into())));
        let snapshot = Snapshot::from(value);
        assert!(!snapshot.to_string().is_empty());
        debug(snapshot);
    }
    debug((&kv, kv.stats(), Change::Keep, Change::Remove));
    let all = Pattern::new("*");
    let mut scan = kv.scan(&all);
    debug(&scan);
    scan.by_ref().for_each(debug);
    debug(scan);
    bytes.scan(&Pattern::new(b"*")).for_each(debug);
    let (cursor, page) = kv.scan_page(Cursor::START, &all, 1);
    debug((cursor, Cursor::START, Cursor::default(), page));
    clock.advance(Duration::MAX);
    debug((&clock, SystemClock::new(), CachedClock::new(), kv.scan(&all).collect::<Vec<_>>()));
    kv.clear();
    debug((&kv, kv.stats()));
    for pattern in ["", "*", "[^a-", "\\", "a?b*[x]"] {
        debug((Pattern::<str>::new(pattern), Pattern::<[u8]>::new(pattern.as_bytes())));
    }
    let refused: Vec<PatternError> =
        ["[", "[]", "[b-a]", "\\"].map(|text| Pattern::<str>::strict(text).unwrap_err()).into();
    refused.into_iter().for_each(display);
    use ErrorKind::{
        BadBounds, KeyTooLong, NegativeTtl, NotANumber, NotAnInteger, NotFinite, Overflow, TooDeep,
    };
    for kind in
        [TooDeep, NotAnInteger, NotANumber, Overflow, NotFinite, NegativeTtl, KeyTooLong, BadBounds]
    {
        let error = Error::from(kind);
        assert_eq!(error.kind(), kind);
        let io = io::Error::from(error);
        assert_eq!((io.kind(), io.to_string()), (io::ErrorKind::InvalidInput, error.to_string()));
        assert_eq!(io.downcast::<Error>().unwrap(), error);
        display(Error::from(kind));
    }
    use Condition::{Always, IfEarlier, IfLater, IfNone, IfSome};
    debug([Always, IfNone, IfSome, IfLater, IfEarlier]);
    debug([Expiry::Missing, Expiry::Never, Expiry::In(Duration::MAX)]);
    debug((Ttl::NEVER, Ttl::from(u64::MAX), IncrOptions::by(i64::MIN).ttl_refresh(1)));
    debug(Incremented { value: i64::MIN, applied: 0 });
    let Stats { entries, .. } = kv.stats();
    assert_eq!(entries, 0);
}
