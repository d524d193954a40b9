//! The store on real servers.

mod access;
mod docs;
mod example;
mod faults;
mod suite;
mod support;

use epochkv::Kv;
use epochkv_redis::RedisStore;
use suite::differences::Backend;
use support::cluster::Cluster;
use support::server::Server;

#[tokio::test]
async fn the_suite_in_this_process() {
    suite::run(&Kv::new(), Backend::Local).await;
}

#[tokio::test]
async fn the_suite_on_one_server() {
    let server = Server::start();
    let store = RedisStore::connect(&server.url()).await.expect("it is there");
    suite::run(&store, Backend::Engine).await;
}

#[tokio::test]
async fn the_suite_on_a_cluster() {
    let cluster = Cluster::start();
    let store = RedisStore::connect(&cluster.url()).await.expect("it is there");
    suite::run(&store, Backend::Engine).await;
}
