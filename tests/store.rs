//! `Store` on the store in this process. What all stores must do is in the suite of `epochkv-redis`.

use epochkv::{
    Change, Error, ErrorKind, Expiry, Item, Kv, Pattern, Snapshot, Store, StoreError,
    StoreErrorKind, StoreScan, Value,
};
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The output of a future that is ready at once, as all of them are here.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

fn done<T>(future: impl Future<Output = Result<T, StoreError>>) -> T {
    now(future).expect("no error")
}

/// A task of a runtime: whatever the store is, the future must be `Send`.
type Task = Pin<Box<dyn Future<Output = Result<i64, StoreError>> + Send>>;

fn sum(store: impl Store + 'static) -> Task {
    Box::pin(async move {
        store.set_many([("a", 1), ("b", 2)], 60).await?;
        store.incr("a").await?;
        store.update("c", |_| Change::Set(3.into())).await?;
        let old = String::from("old");
        store.set("d", &old).await?;
        store.compare_and_set("d", old.as_str(), "new", 60).await?;
        store.compare_and_delete("d", &Value::from("new")).await?;
        let (mut scan, mut sum) = (store.scan(&Pattern::new("*")), 0);
        while let Some(item) = scan.next_item().await? {
            sum += item.value().as_int().unwrap_or(0);
        }
        Ok(sum)
    })
}

#[test]
fn generic_code_runs_and_can_be_sent() {
    assert_eq!(now(sum(Kv::new())).expect("no error"), 7);
    let hashed = Kv::builder().hasher(std::hash::RandomState::new()).build();
    let thread = std::thread::spawn(move || now(sum(hashed)).expect("no error"));
    assert_eq!(thread.join().expect("no panic"), 7);
}

#[test]
fn the_store_is_the_same_by_either_way() {
    let kv = Kv::new();
    now(Store::set(&kv, "k", "v")).expect("set");
    assert_eq!(kv.get("k").expect("it is there"), "v");
    kv.delete("k");
    assert!(!now(Store::exists(&kv, "k")).expect("exists"));
    assert_eq!(now(Store::get_or(&kv, "k", 7)).expect("get"), 7);
    assert_eq!(now(Store::ttl(&kv, "k")).expect("ttl"), -2);
}

#[test]
fn what_a_call_did_is_what_it_answers() {
    let kv = Kv::new();
    let (minute, one) = (Duration::from_secs(60), Value::from(1));
    assert_eq!(done(Store::get(&kv, "k")), None);
    for there in [true, false] {
        let answer = there.then(|| one.clone().into());
        let renew = || there.then(|| kv.set("k", 1).expect("set"));
        renew();
        assert_eq!(done(Store::get(&kv, "k")), answer.clone());
        assert_eq!(done(Store::exists(&kv, "k")), there);
        assert_eq!(done(Store::expire(&kv, "k", minute)), there);
        assert_eq!(kv.ttl("k"), if there { 60 } else { -2 });
        assert_eq!(done(Store::persist(&kv, "k")), there);
        assert_eq!(done(Store::get_and_expire(&kv, "k", minute)), answer.clone());
        assert_eq!(kv.ttl("k"), if there { 60 } else { -2 });
        let keys = if there { vec!["k".to_owned()] } else { vec![] };
        assert_eq!(done(Store::keys(&kv, "*")), keys);
        assert_eq!(done(Store::take(&kv, "k")), answer);
        renew();
        assert_eq!(done(Store::delete(&kv, "k")), there);
        renew();
        assert_eq!(done(Store::compare_and_delete(&kv, "k", &one)), there);
        assert!(!kv.exists("k"));
    }
    kv.set("k", 1).expect("set");
    now(Store::clear(&kv)).expect("clear");
    assert!(kv.is_empty());
    // A cleared table that still waits when the process ends looks like a leak.
    kv.flush();
}

#[test]
fn nothing_happens_before_the_first_poll() {
    let kv = Kv::new();
    let future = Store::incr(&kv, "k");
    assert!(!kv.exists("k"));
    assert_eq!(now(future).expect("incr"), 1);
    drop(Store::set(&kv, "k", 2));
    drop(Store::compare_and_set(&kv, "k", 1, 2, 0));
    drop(Store::compare_and_delete(&kv, "k", 1));
    drop(Store::clear(&kv));
    assert_eq!(kv.get("k").expect("it is there"), 1);
}

#[test]
fn errors_say_what_is_known() {
    let kv = Kv::new();
    kv.set("k", "text").expect("set");
    let error = now(Store::incr(&kv, "k")).expect_err("no integer");
    assert_eq!(error.kind(), StoreErrorKind::Refused(ErrorKind::NotAnInteger));
    assert!(!error.may_have_happened());
    assert_eq!(error.to_string(), Error::from(ErrorKind::NotAnInteger).to_string());

    let lost = StoreError::new(StoreErrorKind::Interrupted, "cut off").unknown_outcome();
    assert!(lost.may_have_happened());
    assert_eq!(
        format!("{lost:?}"),
        "StoreError(Interrupted: cut off; the change may have happened)"
    );
    assert!(size_of::<Result<Option<Snapshot>, StoreError>>() <= 24, "an answer is not large");
}

#[test]
fn an_item_of_another_store_is_as_good() {
    let long = "x".repeat(2_000);
    let values = [Value::from(5), Value::from(long.as_str()), Value::from([1, 2]), Value::Null];
    for value in values {
        let item = Item::<str>::new("key", &value, Expiry::Never).expect("a good item");
        assert_eq!(item.key(), "key");
        assert!(item.value().same(value.as_ref()));
        assert_eq!(item.clone().snapshot(), item.snapshot());
        assert_eq!(item.expiry(), Expiry::Never);
    }
    let item = Item::<[u8]>::new(b"\xff", 1, Expiry::Missing).expect("a good item");
    assert_eq!(item.key(), b"\xff");

    let deep = (0..=Value::MAX_DEPTH).fold(Value::Null, |inner, _| Value::list([inner]));
    let error = Item::<str>::new("key", deep, Expiry::Never).expect_err("too deep");
    assert_eq!(error.kind(), ErrorKind::TooDeep);
    let key = "k".repeat(epochkv::MAX_KEY_LEN + 1);
    let error = Item::<str>::new(&key, 1, Expiry::Never).expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::KeyTooLong);
}
