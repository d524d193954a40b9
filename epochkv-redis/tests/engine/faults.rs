//! Servers that die, sleep, move their keys or are cut off: no wrong answer, no hang, a clear
//! error.

use crate::support::cluster::Cluster;
use crate::support::proxy::{Mode, Proxy};
use crate::support::server::Server;
use epochkv::{Store, StoreError, StoreErrorKind, Value};
use epochkv_redis::{Options, RedisStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, block_in_place};
use tokio::time::sleep;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// How much longer than its timeout a call may take on a busy machine.
const SLACK: Duration = Duration::from_millis(1_000);

async fn connect(url: &str, timeout: Duration) -> RedisStore {
    RedisStore::connect_with(url, Options::new().timeout(timeout)).await.expect("it is there")
}

/// What callers were told.
#[derive(Debug, Default)]
struct Told {
    done: i64,
    unknown: i64,
    refused: i64,
    longest: Duration,
}

/// Counts on a key until told to stop; every error must say clearly what it is.
fn count(store: &RedisStore, key: String, stop: &Arc<AtomicBool>) -> JoinHandle<(String, Told)> {
    let (store, stop) = (store.clone(), Arc::clone(stop));
    tokio::spawn(async move {
        let mut told = Told::default();
        while !stop.load(Ordering::Relaxed) {
            let start = Instant::now();
            let result = store.incr(&key).await;
            told.longest = told.longest.max(start.elapsed());
            match result {
                Ok(_) => told.done += 1,
                Err(error) => {
                    assert!(is_about_the_way(&error), "{error:?}");
                    if error.may_have_happened() {
                        told.unknown += 1;
                    } else {
                        told.refused += 1;
                    }
                    sleep(MS(2)).await;
                }
            }
        }
        (key, told)
    })
}

fn is_about_the_way(error: &StoreError) -> bool {
    use StoreErrorKind::{Engine, Interrupted, TimedOut, Unreachable};
    let down = error.to_string().contains("CLUSTERDOWN") || error.to_string().contains("LOADING");
    matches!(error.kind(), Interrupted | TimedOut | Unreachable) || error.kind() == Engine && down
}

/// What is counted is what callers were told, but for those who were told that it is unknown.
async fn check_counts(
    store: &RedisStore,
    counters: Vec<JoinHandle<(String, Told)>>,
    timeout: Duration,
) -> Vec<Told> {
    let mut all = Vec::new();
    for counter in counters {
        let (key, told) = counter.await.expect("no panic");
        let counted = store.get_or(&key, 0).await.expect("get").as_int().expect("an integer");
        let allowed = told.done..=told.done + told.unknown;
        assert!(allowed.contains(&counted), "{key} is {counted}, told {told:?}");
        assert!(told.longest < timeout + SLACK, "{key} hung: {told:?}");
        assert!(told.done > 0, "{key} never worked: {told:?}");
        all.push(told);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_dies_during_traffic_and_returns() {
    let mut server = Server::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let timeout = MS(1_000);
    let store = connect(&server.url(), timeout).await;
    let stop = Arc::default();
    let counters: Vec<_> = (0..4).map(|n| count(&store, format!("k{n}"), &stop)).collect();
    for _ in 0..3 {
        sleep(MS(150)).await;
        block_in_place(|| server.kill());
        sleep(MS(100)).await;
        let error = store.get("k0").await.expect_err("it is dead");
        assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error:?}");
        assert!(!error.may_have_happened());
        block_in_place(|| server.restart());
        sleep(MS(150)).await;
        store.get("k0").await.expect("it has returned");
    }
    stop.store(true, Ordering::Relaxed);
    let told = check_counts(&store, counters, timeout).await;
    assert!(told.iter().all(|told| told.refused > 0), "nobody noticed: {told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_dies_during_traffic_and_returns() {
    let mut cluster = Cluster::start();
    let timeout = MS(800);
    let store = connect(&cluster.url(), timeout).await;
    let stop = Arc::default();
    let counters: Vec<_> = (0..12).map(|n| count(&store, format!("k{n}"), &stop)).collect();
    sleep(MS(200)).await;
    block_in_place(|| cluster.nodes[0].kill());
    sleep(MS(2_000)).await;
    block_in_place(|| {
        cluster.nodes[0].restart();
        cluster.wait_until_whole();
    });
    sleep(MS(300)).await;
    stop.store(true, Ordering::Relaxed);
    let told = check_counts(&store, counters, timeout).await;
    let hit = told.iter().filter(|told| told.refused + told.unknown > 0).count();
    assert!((1..12).contains(&hit), "one node's keys fail, others do not: {told:?}");
    assert_eq!(store.keys("*").await.expect("keys").len(), 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_takes_over() {
    let mut cluster = Cluster::start_with(3, 1, &[]);
    let store = connect(&cluster.url(), MS(10_000)).await;
    let keys: Vec<_> = (0..60).map(|n| format!("k{n}")).collect();
    store.set_many(keys.iter().map(|key| (key.as_str(), 1)), 0).await.expect("set");
    block_in_place(|| {
        cluster.wait_until_replicated(0);
        cluster.nodes[0].kill();
    });
    // Reading and walking wait for the replica, and so does a write that was not sent.
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(store.keys("*").await.expect("keys"), sorted);
    for key in &keys {
        assert_eq!(store.incr(key).await.expect("a new primary"), 2, "{key}");
    }
    let found = store.get_many(keys.iter().map(String::as_str)).await.expect("get");
    assert!(found.into_iter().all(|value| value.is_some_and(|value| value == 2)));
    // The old primary returns as a replica.
    block_in_place(|| cluster.nodes[0].restart());
    for key in &keys {
        assert_eq!(store.incr(key).await.expect("the new primary"), 3, "{key}");
    }
    store.clear().await.expect("clear");
    assert!(store.keys("*").await.expect("keys").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_move_under_load() {
    let cluster = Cluster::start();
    let timeout = MS(5_000);
    let store = connect(&cluster.url(), timeout).await;
    // All keys of each tag are in one slot.
    let slot: u16 = cluster.nodes[0].ask(&["CLUSTER", "KEYSLOT", "epochkv:{tag}0"]);
    let owner = usize::from(slot / 16384_u16.div_ceil(3));
    let lasting: Vec<_> = (0..300).map(|n| format!("{{tag}}{n:03}")).collect();
    store.set_many(lasting.iter().map(|key| (key.as_str(), 7)), 0).await.expect("set");
    let stop = Arc::default();
    let counters: Vec<_> =
        (0..6).map(|n| count(&store, format!("{{tag}}counter{n}"), &stop)).collect();
    let walking = {
        let (store, stop, lasting) = (store.clone(), Arc::clone(&stop), lasting.clone());
        tokio::spawn(async move {
            let mut walks = 0;
            while !stop.load(Ordering::Relaxed) {
                let keys = store.keys("{tag}[0-9]*").await.expect("keys");
                assert_eq!(keys, lasting, "a lasting key was not met");
                let batch = lasting.iter().map(String::as_str);
                let found = store.get_many(batch).await.expect("get");
                assert!(found.iter().all(|value| value.as_ref().is_some_and(|value| *value == 7)));
                let seen = store.update("{tag}list", |_| epochkv::Change::Set(1.into()));
                assert_eq!(seen.await.expect("update").expect("a value"), 1);
                walks += 1;
            }
            walks
        })
    };
    block_in_place(|| {
        for hop in 0..4 {
            cluster.move_slot(slot, (owner + hop) % 3, (owner + hop + 1) % 3);
        }
    });
    sleep(MS(200)).await;
    stop.store(true, Ordering::Relaxed);
    assert!(walking.await.expect("no panic") > 3);
    let told = check_counts(&store, counters, timeout).await;
    let failed = told.iter().any(|told| told.refused + told.unknown > 0);
    assert!(!failed, "a moving slot is no failure: {told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_server() {
    let server = Server::start();
    let timeout = MS(200);
    let store = connect(&server.url(), timeout).await;
    store.set("k", 1).await.expect("set");
    let sleeper = tokio::task::spawn_blocking(move || {
        server.ask::<()>(&["DEBUG", "SLEEP", "1.2"]);
        server
    });
    sleep(MS(100)).await;
    let start = Instant::now();
    let (read, incr) = tokio::join!(store.get("k"), store.incr("k"));
    assert!(start.elapsed() < timeout + SLACK, "{:?}", start.elapsed());
    let (read, incr) = (read.expect_err("too slow"), incr.expect_err("too slow"));
    assert_eq!(read.kind(), StoreErrorKind::TimedOut);
    assert!(!read.may_have_happened(), "reading changes nothing");
    assert_eq!(incr.kind(), StoreErrorKind::TimedOut);
    assert!(incr.may_have_happened(), "{incr:?}");
    assert!(incr.to_string().contains("may have happened"), "{incr}");
    let server = sleeper.await.expect("no panic");
    // It did, and once.
    assert_eq!(store.get("k").await.expect("awake again").expect("it is there"), 2);
    drop(server);
}

#[tokio::test]
async fn an_answer_is_cut_in_the_middle() {
    let server = Server::start();
    let proxy = Proxy::start(server.port).await;
    let store = connect(&proxy.url(), MS(1_000)).await;
    let long = Value::from("x".repeat(20_000));
    store.set("long", &long).await.expect("set");

    // A read is asked again, on a new connection.
    proxy.set(Mode::CutOnceAfter(5_000));
    assert_eq!(store.get("long").await.expect("asked again").expect("it is there"), long);
    proxy.set(Mode::CutOnceAfter(5_000));
    let many = store.get_many(["none", "long", "long"]).await.expect("asked again");
    assert!(
        many[0].is_none() && many[1..].iter().all(|it| it.as_ref().is_some_and(|it| *it == long))
    );

    // A write is not: it has happened, as its error says it may have.
    proxy.set(Mode::CutOnceAfter(1));
    let error = store.incr("k").await.expect_err("the answer was cut");
    assert_eq!(error.kind(), StoreErrorKind::Interrupted, "{error:?}");
    assert!(error.may_have_happened());
    assert_eq!(store.get("k").await.expect("get").expect("it is there"), 1, "and once");
    proxy.set(Mode::CutOnceAfter(6));
    let error = store.set_many([("a", 1), ("b", 2)], 0).await.expect_err("the answer was cut");
    assert!(error.may_have_happened(), "{error:?}");
    assert_eq!(store.keys("?").await.expect("keys"), ["a", "b", "k"]);

    // Without end: a clear error, in time.
    proxy.set(Mode::CutAfter(3));
    let start = Instant::now();
    let error = store.get("long").await.expect_err("always cut");
    assert!(start.elapsed() < MS(1_000) + SLACK);
    let kinds = [StoreErrorKind::Interrupted, StoreErrorKind::Unreachable];
    assert!(kinds.contains(&error.kind()), "{error:?}");
    proxy.set(Mode::Pass);
    // After a failure nobody connects for a moment.
    sleep(MS(50)).await;
    assert_eq!(store.get("long").await.expect("as before").expect("it is there"), long);
}

#[tokio::test]
async fn nobody_answers() {
    let server = Server::start();
    let proxy = Proxy::start(server.port).await;
    let timeout = MS(200);
    let store = connect(&proxy.url(), timeout).await;
    proxy.set(Mode::Stall);
    let start = Instant::now();
    let error = store.incr("k").await.expect_err("no answer");
    assert_eq!(error.kind(), StoreErrorKind::TimedOut);
    assert!(error.may_have_happened());
    // Now it is not even connected: nothing was sent.
    let error = store.incr("k").await.expect_err("no connection");
    assert!(!error.may_have_happened(), "{error:?}");
    let error = store.keys("*").await.expect_err("no connection");
    assert!(!error.may_have_happened(), "{error:?}");
    let error = store.clear().await.expect_err("no connection");
    assert!(!error.may_have_happened(), "{error:?}");
    let other = RedisStore::connect_with(&proxy.url(), Options::new().timeout(timeout)).await;
    other.expect_err("no connection");
    assert!(start.elapsed() < 5 * timeout + SLACK, "{:?}", start.elapsed());
    proxy.set(Mode::Pass);
    assert_eq!(store.get_or("k", 0).await.expect("as before"), 1, "once");
}

#[tokio::test]
async fn nonsense_instead_of_answers() {
    for nonsense in
        ["HTTP/1.1 400 Bad Request\r\n\r\n", "*-7\r\n", "$999999999999999999\r\n", "\0\0\0\0"]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let liar = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let _ = client.write_all(nonsense.as_bytes()).await;
                sleep(MS(50)).await;
            }
        });
        let url = format!("redis://127.0.0.1:{port}");
        let start = Instant::now();
        let options = Options::new().timeout(MS(300));
        let error = RedisStore::connect_with(&url, options).await.expect_err(nonsense);
        assert!(start.elapsed() < MS(300) + SLACK);
        assert!(!error.may_have_happened(), "{error:?}");
        liar.abort();
    }
}

#[tokio::test]
async fn a_dropped_call_leaves_the_connection_in_order() {
    let server = Server::start();
    let store = connect(&server.url(), MS(1_000)).await;
    store.set_many([("a", "one"), ("b", "two")], 0).await.expect("set");
    for n in 0..200 {
        let dropped = tokio::time::timeout(Duration::from_micros(n * 5), store.get("a")).await;
        drop(dropped);
        assert_eq!(store.get("b").await.expect("get").expect("it is there"), "two");
    }
}
