//! Feature flags that a background task refreshes.

use super::World;
use axum::http::Method;
use epochkv_web::flags::{is_on, refresh_every};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

const PERIOD: Duration = Duration::from_secs(5);

/// Where the flags come from; `None`: it cannot be reached.
type Source = Arc<Mutex<Option<Vec<(&'static str, bool)>>>>;

fn start(world: &World, source: &Source) -> JoinHandle<()> {
    let source = Arc::clone(source);
    tokio::spawn(refresh_every(world.kv.clone(), PERIOD, move || {
        let flags = source.lock().unwrap().clone();
        async move {
            let flags = flags.ok_or("the source cannot be reached")?;
            Ok::<BTreeMap<_, _>, &str>(flags.into_iter().map(|(k, v)| (k.into(), v)).collect())
        }
    }))
}

/// Lets a period pass, on the store's clock and in the runtime.
async fn pass(world: &World) {
    world.clock.advance(PERIOD);
    tokio::time::sleep(PERIOD).await;
}

#[tokio::test(start_paused = true)]
async fn handlers_see_the_flags_of_the_last_refresh() {
    let world = World::new();
    let source: Source = Arc::new(Mutex::new(Some(vec![("new-search", true), ("dark", false)])));
    assert!(!is_on(&world.kv, "new-search"), "before the first refresh all are off");
    let task = start(&world, &source);
    pass(&world).await;
    assert_eq!(world.send(Method::GET, "/search").await.body, "the new search\n");
    assert!(!is_on(&world.kv, "dark") && !is_on(&world.kv, "unknown"));

    *source.lock().unwrap() = Some(vec![("dark", true)]);
    assert!(is_on(&world.kv, "new-search"), "the next refresh is to come");
    pass(&world).await;
    assert_eq!(world.send(Method::GET, "/search").await.body, "the old search\n");
    assert!(is_on(&world.kv, "dark"));
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn a_source_that_stays_away_turns_all_flags_off() {
    let world = World::new();
    let source: Source = Arc::new(Mutex::new(Some(vec![("new-search", true)])));
    let task = start(&world, &source);
    pass(&world).await;
    *source.lock().unwrap() = None;
    for _ in 0..3 {
        pass(&world).await;
        assert!(is_on(&world.kv, "new-search"), "three failures are forgiven");
    }
    pass(&world).await;
    assert!(!is_on(&world.kv, "new-search"));

    *source.lock().unwrap() = Some(vec![("new-search", true)]);
    pass(&world).await;
    assert!(is_on(&world.kv, "new-search"));
    task.abort();
}
