//! Handlers that share counters and sessions with a background task.

use super::World;
use axum::http::{Method, Request};
use epochkv_web::counters::{Report, report_every};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

const PERIOD: Duration = Duration::from_secs(60);

fn report(hits: &[(&str, i64)], sessions: usize) -> Report {
    let hits = hits.iter().map(|(route, count)| ((*route).to_owned(), *count)).collect();
    Report { hits, sessions }
}

#[tokio::test(start_paused = true)]
async fn a_task_collects_what_handlers_count() {
    let world = World::new();
    let (sender, mut reports) = mpsc::channel(1);
    let task = tokio::spawn(report_every(world.kv.clone(), PERIOD, sender));
    for _ in 0..3 {
        world.send(Method::GET, "/search").await;
    }
    world.request(Request::post("/session"), "Ann").await;
    // What nobody has collected yet, this request included.
    let seen = world.send(Method::GET, "/hits").await;
    assert_eq!(seen.body, r#"{"/hits":1,"/search":3,"/session":1}"#);

    // The runtime has nothing to do, so the time goes on to the end of the period.
    let first = reports.recv().await.unwrap();
    assert_eq!(first, report(&[("/hits", 1), ("/search", 3), ("/session", 1)], 1));
    world.send(Method::GET, "/search").await;
    assert_eq!(reports.recv().await.unwrap(), report(&[("/search", 1)], 1));
    assert_eq!(reports.recv().await.unwrap(), report(&[], 1));

    // Nobody listens: the task ends.
    drop(reports);
    task.await.unwrap();
}

#[tokio::test]
async fn paths_that_are_no_routes_make_no_counters() {
    let world = World::new();
    assert_eq!(world.send(Method::GET, "/no-such-page").await.status, 404);
    assert_eq!(world.kv.keys("hits:*"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_count_is_lost_or_in_two_reports() {
    let world = World::new();
    let (sender, mut reports) = mpsc::channel(1);
    let reporting = report_every(world.kv.clone(), Duration::from_millis(1), sender);
    let reporting = tokio::spawn(reporting);
    let kv = world.kv.clone();
    // Until some reports have been made while it counts.
    let (enough, counted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let counter = tokio::task::spawn_blocking({
        let (enough, counted) = (Arc::clone(&enough), Arc::clone(&counted));
        move || {
            while !enough.load(Ordering::Relaxed) {
                kv.incr("hits:/search").unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let mut reported = 0;
    let mut next = async || reports.recv().await.unwrap().hits.get("/search").copied().unwrap_or(0);
    for _ in 0..50 {
        reported += next().await;
    }
    enough.store(true, Ordering::Relaxed);
    counter.await.unwrap();
    while world.kv.exists("hits:/search") {
        reported += next().await;
    }
    // A report may have been under way when the key was looked for.
    reported += next().await + next().await;
    drop(reports);
    reporting.await.unwrap();
    assert_eq!(reported, counted.load(Ordering::Relaxed));
}
