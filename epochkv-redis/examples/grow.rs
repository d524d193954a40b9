//! One program, on whichever store a URL names: start in this process, grow to a server or a
//! cluster by another URL.
//!
//! ```sh
//! cargo run -p epochkv-redis --example grow -- memory:
//! cargo run -p epochkv-redis --example grow -- redis://127.0.0.1/?namespace=shop
//! cargo run -p epochkv-redis --example grow -- redis-cluster://10.0.0.1,10.0.0.2
//! ```

use epochkv::{Change, IncrOptions, Pattern, Snapshot, Store, StoreError, StoreScan, Value};
use epochkv_redis::AnyStore;
use std::fmt::Write;
use std::time::Duration;

/// At most three requests a minute from one address.
async fn admit(store: &impl Store, address: &str) -> Result<bool, StoreError> {
    let window = IncrOptions::by(1).max(3).ttl_on_create(60);
    Ok(store.incr_with(&format!("limit:{address}"), &window).await?.applied == 1)
}

/// A session lives as long as it is used.
async fn visit(store: &impl Store, session: &str) -> Result<Option<Snapshot>, StoreError> {
    store.get_and_expire(&format!("session:{session}"), Duration::from_secs(1_800)).await
}

/// Puts something into a cart; of two that do so at once, none is lost.
async fn buy(store: &impl Store, user: &str, item: &str) -> Result<Snapshot, StoreError> {
    let change = |old: Option<&Snapshot>| {
        let mut cart =
            old.and_then(Snapshot::as_list).map(|list| list.to_vec()).unwrap_or_default();
        cart.push(Value::from(item));
        Change::Set(Value::from(cart))
    };
    let cart = store.update(&format!("cart:{user}"), change).await?;
    Ok(cart.unwrap_or_else(|| Value::Null.into()))
}

/// A day in the shop. Returns what happened.
pub async fn run(url: &str) -> Result<String, StoreError> {
    let store = AnyStore::open(url).await?;
    store.clear().await?;
    let mut log = String::new();
    let mut say = |line: String| _ = writeln!(log, "{line}");

    store.set_many([("flag:sale", true), ("flag:beta", false)], 0).await?;
    say(format!("flags: {}", store.keys("flag:*").await?.join(" ")));

    store.set_ex("session:7", "Ann", 60).await?;
    let name = visit(&store, "7").await?.unwrap_or_else(|| Value::from("nobody").into());
    say(format!("session 7 is {name}, for {} s", store.ttl("session:7").await?));

    let mut admitted = 0;
    for _ in 0..5 {
        admitted += usize::from(admit(&store, "10.0.0.1").await?);
    }
    say(format!("admitted {admitted} of 5"));

    for item in ["tea", "cups"] {
        say(format!("cart: {}", buy(&store, "Ann", item).await?));
    }

    let lock = store.set_if_absent("lock:report", "worker-1", 30).await?;
    let second = store.set_if_absent("lock:report", "worker-2", 30).await?;
    let released = store.compare_and_delete("lock:report", "worker-1").await?;
    say(format!("locked {lock}, again {second}, released {released}"));

    let (mut scan, mut keys) = (store.scan(&Pattern::new("*")), 0);
    while scan.next_item().await?.is_some() {
        keys += 1;
    }
    say(format!("{keys} keys in all"));
    Ok(log)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StoreError> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "memory:".to_owned());
    print!("{}", run(&url).await?);
    Ok(())
}
