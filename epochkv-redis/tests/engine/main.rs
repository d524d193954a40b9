//! The store on real servers.

mod support;

use epochkv::Store;
use epochkv_redis::RedisStore;

#[tokio::test]
async fn smoke() {
    let server = support::server::Server::start();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    store.set("a", 1).await.unwrap();
    assert_eq!(store.incr("a").await.unwrap(), 2);
    assert_eq!(store.keys("*").await.unwrap(), ["a"]);
    let cluster = support::cluster::Cluster::start();
    let store = RedisStore::connect(&cluster.url()).await.unwrap();
    store
        .set_many(
            (0..100).map(|i| i.to_string()).collect::<Vec<_>>().iter().map(|k| (k.as_str(), 1)),
            0,
        )
        .await
        .unwrap();
    assert_eq!(store.keys("*").await.unwrap().len(), 100);
    store.clear().await.unwrap();
    assert_eq!(store.keys("*").await.unwrap().len(), 0);
    let _ = support::proxy::Proxy::start(1).await;
}
