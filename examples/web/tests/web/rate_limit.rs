//! 429 with `Retry-After`.

use super::World;
use axum::http::{Request, StatusCode};
use std::time::Duration;

/// The status, and the seconds after which the client may come back.
async fn knock(world: &World, client: &str) -> (u16, Option<String>) {
    let answer = world.request_from(client, Request::get("/search"), "").await;
    (answer.status.as_u16(), answer.header("retry-after").map(str::to_owned))
}

/// Uses up all requests of a client.
async fn exhaust(world: &World, client: &str) {
    for _ in 0..100 {
        assert_eq!(knock(world, client).await, (200, None));
    }
}

#[tokio::test]
async fn a_window_begins_with_its_first_request_and_has_an_end() {
    let world = World::new();
    let ann = "192.0.2.1:4000";
    assert_eq!(knock(&world, ann).await, (200, None));
    world.clock.advance(Duration::from_secs(20));
    for _ in 0..99 {
        assert_eq!(knock(&world, ann).await, (200, None));
    }
    assert_eq!(knock(&world, ann).await, (429, Some("40".into())));
    world.clock.advance(Duration::from_millis(39_001));
    // Refused requests do not make the window longer; a begun second counts as one.
    assert_eq!(knock(&world, ann).await, (429, Some("1".into())));
    world.clock.advance(Duration::from_millis(999));
    assert_eq!(knock(&world, ann).await, (200, None));
    assert_eq!(world.kv.get("limit:192.0.2.1").unwrap(), 1);
    assert_eq!(world.kv.ttl("limit:192.0.2.1"), 60);
}

#[tokio::test]
async fn clients_do_not_pay_for_each_other() {
    let world = World::new();
    exhaust(&world, "192.0.2.1:4000").await;
    assert_eq!(knock(&world, "192.0.2.1:4001").await.0, 429);
    assert_eq!(knock(&world, "192.0.2.2:4000").await.0, 200);
    // The same address, written as one of IPv6.
    assert_eq!(knock(&world, "[::ffff:192.0.2.1]:4000").await.0, 429);
}

#[tokio::test]
async fn a_network_of_ipv6_is_one_client() {
    let world = World::new();
    exhaust(&world, "[2001:db8::1]:4000").await;
    assert_eq!(knock(&world, "[2001:db8::2]:4000").await.0, 429);
    assert_eq!(knock(&world, "[2001:db8:0:1::1]:4000").await.0, 200);
}

#[tokio::test]
async fn a_refused_request_does_nothing_else() {
    let world = World::new();
    exhaust(&world, "192.0.2.1:4000").await;
    let answer = world.request(Request::post("/session"), "Ann").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(world.kv.keys("session:*"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_requests_at_once_exactly_so_many_are_admitted() {
    let world = World::new();
    let clients = (0..8).map(|port| {
        let (kv, clock, app) = (world.kv.clone(), world.clock.clone(), world.app.clone());
        let world = World { kv, clock, app };
        tokio::spawn(async move {
            let mut admitted = 0;
            for _ in 0..50 {
                let status = knock(&world, &format!("192.0.2.1:{port}")).await.0;
                admitted += u32::from(status == 200);
            }
            admitted
        })
    });
    let mut admitted = 0;
    for client in clients.collect::<Vec<_>>() {
        admitted += client.await.unwrap();
    }
    assert_eq!(admitted, 100);
}
