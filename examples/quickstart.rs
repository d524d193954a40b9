//! A tour of the store in one screen: `cargo run --example quickstart`.

use std::time::Duration;

use epochkv::{Error, IncrOptions, Kv};

pub(crate) fn main() -> Result<(), Error> {
    // A handle is cheap to clone: give one to every thread or task.
    let kv: Kv = Kv::new();

    kv.set("user:1", "Ada")?;
    kv.set("user:2", "Grace")?;
    let name = kv.get_or("user:1", "nobody");
    println!("user:1 is {name}, user:9 is {}", kv.get_or("user:9", "nobody"));
    assert_eq!(name, "Ada");
    assert!(kv.get("user:9").is_none());

    // Counters begin at zero and are atomic.
    kv.incr("visits")?;
    let visits = kv.incr_by("visits", 41)?;
    println!("{visits} visits");
    assert_eq!(visits, 42);

    // A session that expires by itself; seconds left, -1 for "never", -2 for "no such key".
    kv.set_ex("session:1", "token", Duration::from_secs(30))?;
    let left = [kv.ttl("session:1"), kv.ttl("user:1"), kv.ttl("user:9")];
    println!("seconds left: {left:?}");
    assert_eq!(left, [30, -1, -2]);

    let users = kv.keys("user:*");
    println!("users: {users:?}");
    assert_eq!(users, ["user:1", "user:2"]);

    // What was read stays as it was, whatever happens to the key.
    let snapshot = kv.get("user:2");
    assert!(kv.delete("user:2") && !kv.exists("user:2"));
    println!("user:2 is deleted; the snapshot still reads {snapshot:?}");
    assert_eq!(snapshot.as_ref().and_then(|found| found.as_str()), Some("Grace"));

    // Three requests a minute: count, limit and window in one atomic call.
    let limit = IncrOptions::by(1).max(3).ttl_on_create(Duration::from_secs(60));
    let admitted: Vec<bool> = (0..5)
        .map(|_| kv.incr_with("limit:ada", &limit).map(|answer| answer.applied == 1))
        .collect::<Result<_, _>>()?;
    println!("admitted: {admitted:?}");
    assert_eq!(admitted, [true, true, true, false, false]);
    Ok(())
}
