//! Getting in: addresses, passwords, TLS, and what other programs have left in the engine.

use crate::support::cluster::Cluster;
use crate::support::server::Server;
use epochkv::{
    Change, ErrorKind, IncrOptions, Pattern, Store, StoreErrorKind, StoreScan, Ttl, Value,
};
use epochkv_redis::{AnyStore, Options, RedisStore};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[tokio::test]
async fn passwords() {
    let server = Server::start();
    server.ask::<()>(&["ACL", "SETUSER", "ann", "on", ">se@cret", "~*", "&*", "+@all"]);
    let port = server.port;
    let url = format!("redis://ann:se%40cret@127.0.0.1:{port}/3?namespace=shop");
    let store = RedisStore::connect(&url).await.expect("the right password");
    store.set("k", 1).await.expect("set");
    let error = RedisStore::connect(&format!("redis://ann:wr0ng@127.0.0.1:{port}")).await;
    let error = error.expect_err("the wrong password");
    assert_eq!(error.kind(), StoreErrorKind::Engine, "{error:?}");
    assert!(!error.to_string().contains("wr0ng"));
    assert!(!format!("{store:?}").contains("cret"));
    assert_eq!(server.ask::<i64>(&["DBSIZE"]), 0, "the key is in another database");
}

fn certificate(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/engine/support/tls");
    folder.join(name).to_str().expect("a plain path").to_owned()
}

#[tokio::test]
async fn tls_on_one_server_and_on_a_cluster() {
    let (cert, key, ca) =
        (certificate("server.pem"), certificate("server.key"), certificate("ca.pem"));
    let port = crate::support::free_port().to_string();
    let tls = ["--tls-port", &port, "--tls-cert-file", &cert, "--tls-key-file", &key];
    let tls = [&tls[..], &["--tls-ca-cert-file", &ca, "--tls-auth-clients", "no"]].concat();
    let server = Server::start_with(&tls);
    let url = format!("rediss://localhost:{port}");
    let root = std::fs::read(&ca).expect("the certificate");
    let options = Options::new().root_certificate(root.clone());
    let store = RedisStore::connect_with(&url, options.clone()).await.expect("trusted");
    store.set("k", "secret").await.expect("set");
    assert_eq!(store.get("k").await.expect("get").expect("it is there"), "secret");
    let error = RedisStore::connect(&url).await.expect_err("not trusted by the system");
    assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error:?}");
    let plain = format!("rediss://localhost:{}", server.port);
    let error = RedisStore::connect_with(&plain, options.clone());
    error.await.expect_err("no TLS there");
    drop(server);

    let port = crate::support::free_port().to_string();
    let mut args = vec!["--tls-cluster", "yes", "--tls-port", &port];
    args.extend(&tls[2..]);
    let cluster = Cluster::start_with(1, 0, &args);
    let url = format!("rediss-cluster://localhost:{port}");
    let store = RedisStore::connect_with(&url, options).await.expect("trusted");
    assert_eq!(store.incr("k").await.expect("incr"), 1);
    assert_eq!(store.keys("*").await.expect("keys"), ["k"]);
    drop(cluster);
}

#[tokio::test]
async fn the_address_says_whether_it_is_a_cluster() {
    let (server, cluster) = (Server::start(), Cluster::start_with(1, 0, &[]));
    for (url, scheme) in [(server.url(), "redis-cluster"), (cluster.url(), "redis")] {
        let url = url.replace("redis-cluster:", "redis:").replace("redis:", &format!("{scheme}:"));
        let error = RedisStore::connect(&url).await.expect_err(&url);
        assert_eq!(error.kind(), StoreErrorKind::BadConfig, "{error:?}");
    }
    let closed = crate::support::free_port();
    let error = AnyStore::open(&format!("redis://127.0.0.1:{closed}")).await;
    assert_eq!(error.expect_err("nobody").kind(), StoreErrorKind::Unreachable);
    // One node that answers is enough.
    let url = format!("redis-cluster://127.0.0.1:{closed},127.0.0.1:{}", cluster.nodes[0].port);
    let store = AnyStore::open(&url).await.expect("the second node");
    assert_eq!(store.incr("k").await.expect("incr"), 1);
}

#[tokio::test]
async fn the_older_protocol() {
    let server = Server::start();
    let url = format!("{}?protocol=resp2", server.url());
    let store = RedisStore::connect(&url).await.expect("it is there");
    store.set("k", Value::from([1, 2])).await.expect("set");
    assert_eq!(store.keys("*").await.expect("keys"), ["k"]);
    assert_eq!(store.take("k").await.expect("take").expect("it is there"), Value::from([1, 2]));
}

#[tokio::test]
async fn namespaces_do_not_meet() {
    for url in [Server::start, || Server::start_with(&["--databases", "1"])].map(|start| start()) {
        let names = ["a", "ab", "[a]*?", "a\\"];
        let mut stores = Vec::new();
        for name in names {
            let options = Options::new().namespace(name).expect("a good name");
            stores.push(RedisStore::connect_with(&url.url(), options).await.expect("it is there"));
        }
        url.ask::<()>(&["SET", "other", "1"]);
        for (n, store) in (0..).zip(&stores) {
            store.set_many([("k", n), ("*", n)], 0).await.expect("set");
        }
        for (n, store) in (0..).zip(&stores) {
            assert_eq!(store.get("k").await.expect("get").expect("it is there"), n);
            assert_eq!(store.keys("*").await.expect("keys"), ["*", "k"]);
            store.clear().await.expect("clear");
            assert!(store.keys("*").await.expect("keys").is_empty());
            let left = names.len() - usize::try_from(n).expect("few") - 1;
            assert_eq!(url.ask::<usize>(&["DBSIZE"]), 2 * left + 1, "others stay");
        }
    }
}

#[tokio::test]
async fn other_programs_share_integers_and_text() {
    let server = Server::start();
    let store = RedisStore::connect(&server.url()).await.expect("it is there");
    store.set("int", 41).await.expect("set");
    assert_eq!(server.ask::<i64>(&["INCR", "epochkv:int"]), 42);
    assert_eq!(store.get("int").await.expect("get").expect("it is there"), 42);
    store.set("text", "plain").await.expect("set");
    assert_eq!(server.ask::<String>(&["GET", "epochkv:text"]), "plain");
    server.ask::<()>(&["SET", "epochkv:theirs", "words"]);
    assert_eq!(store.get("theirs").await.expect("get").expect("it is there"), "words");
    // A float of single precision is another form of the same value.
    server.ask::<()>(&[
        "EVAL",
        r"redis.call('SET', KEYS[1], '\193\202\63\192\0\0')",
        "1",
        "epochkv:f",
    ]);
    assert_eq!(store.get("f").await.expect("get").expect("it is there"), 1.5);
    assert!(store.compare_and_set("f", 1.5, 2, 0).await.expect("compare"));
}

#[tokio::test]
async fn what_is_no_value_is_a_clear_error() {
    let server = Server::start();
    let store = RedisStore::connect(&server.url()).await.expect("it is there");
    server.ask::<()>(&["RPUSH", "epochkv:list", "1"]);
    server.ask::<()>(&["EVAL", r"redis.call('SET', KEYS[1], '\193\193')", "1", "epochkv:odd"]);
    server.ask::<()>(&["EVAL", r"redis.call('SET', 'epochkv:\255', '1')", "0"]);
    store.set("good", 1).await.expect("set");
    for key in ["list", "odd"] {
        let errors = [
            store.get(key).await.expect_err(key),
            store.get_many(["good", key]).await.expect_err(key),
            store.update(key, |_| Change::Remove).await.expect_err(key),
        ];
        for error in errors {
            assert_eq!(error.kind(), StoreErrorKind::Undecodable, "{error:?}");
            assert!(!error.may_have_happened());
        }
        for error in [
            store.incr(key).await.expect_err(key),
            store.incr_with(key, &IncrOptions::by(1)).await.expect_err(key),
        ] {
            assert_eq!(error.kind(), StoreErrorKind::Refused(ErrorKind::NotAnInteger));
        }
        assert!(store.exists(key).await.expect("exists"));
    }
    assert!(!store.compare_and_set("odd", 1, 2, 0).await.expect("compare"));
    assert_eq!(store.keys("*").await.expect("keys"), ["good", "list", "odd"]);
    // A walk tells of each and goes on.
    let (mut good, mut bad) = (Vec::new(), 0);
    let mut scan = store.scan(&Pattern::new("*"));
    loop {
        match scan.next_item().await {
            Ok(Some(item)) => good.push(item.key().to_owned()),
            Ok(None) => break,
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Undecodable);
                bad += 1;
            }
        }
    }
    assert_eq!((good, bad), (vec!["good".to_owned()], 2));
    // What was removed before it could be read is gone, and the error says so.
    let error = store.take("odd").await.expect_err("no value");
    assert!(error.may_have_happened());
    assert!(!store.exists("odd").await.expect("exists"));
    store.clear().await.expect("clear");
    assert_eq!(server.ask::<i64>(&["DBSIZE"]), 0);
}

#[tokio::test]
async fn a_fixed_end_is_by_the_clock_of_the_server() {
    let server = Server::start();
    let store = RedisStore::connect(&server.url()).await.expect("it is there");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let (later, past) = (Ttl::until(now + Duration::from_secs(50)), Ttl::until(now));
    let set = Change::SetEx(2.into(), later);
    let refresh = IncrOptions::by(1).ttl_refresh(later);
    store.set_ex("set", 1, later).await.expect("set");
    store.update("update", |_| set.clone()).await.expect("update");
    store.incr_with("incr", &refresh).await.expect("incr");
    for key in ["set", "update", "incr"] {
        let ttl = store.ttl(key).await.expect("ttl");
        // Rounded up, by two clocks that differ by a millisecond.
        assert!((45..=51).contains(&ttl), "{key}: {ttl}");
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    store.set_ex("set", 1, past).await.expect("set");
    store.update("update", |_| Change::SetEx(2.into(), past)).await.expect("update");
    store.incr_with("incr", &IncrOptions::by(1).ttl_refresh(past)).await.expect("incr");
    assert!(store.keys("*").await.expect("keys").is_empty(), "gone at once");
}

#[tokio::test]
async fn scripts_that_the_server_has_forgotten() {
    let server = Server::start();
    let store = RedisStore::connect(&server.url()).await.expect("it is there");
    for n in 1..=3 {
        server.ask::<()>(&["SCRIPT", "FLUSH"]);
        let counted = store.incr_with("k", &IncrOptions::by(1)).await.expect("incr");
        assert_eq!(counted.value, n);
    }
    server.ask::<()>(&["SCRIPT", "FLUSH"]);
    let mut scan = store.scan(&Pattern::new("*"));
    assert_eq!(
        scan.next_item().await.expect("scan").expect("it is there").value().as_int(),
        Some(3)
    );
}
