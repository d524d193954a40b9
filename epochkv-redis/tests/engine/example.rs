//! The example program does the same on every store.

#[expect(dead_code, reason = "its main function is not called here")]
#[path = "../../examples/grow.rs"]
mod grow;

use crate::support::cluster::Cluster;
use crate::support::server::Server;

#[tokio::test]
async fn one_program_on_every_store() {
    let here = grow::run("memory:").await.expect("it runs");
    assert!(here.contains("admitted 3 of 5"), "{here}");
    let server = Server::start();
    assert_eq!(grow::run(&server.url()).await.expect("it runs"), here);
    let cluster = Cluster::start();
    assert_eq!(grow::run(&cluster.url()).await.expect("it runs"), here);
}
