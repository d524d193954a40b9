//! The sweeper as a future: `cargo test --features tokio-test --test tokio`.

use epochkv::{Kv, ManualClock};
use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;
use watchdog::watched;

#[path = "common/watchdog.rs"]
mod watchdog;

fn in_runtime<R: Send + 'static>(body: impl Future<Output = R> + Send + 'static) -> R {
    watched("a runtime", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(body)
    })
}

fn store() -> (Kv<str, RandomState, ManualClock>, ManualClock) {
    let clock = ManualClock::new();
    (Kv::builder().hasher(RandomState::new()).clock(clock.clone()).build(), clock)
}

const MS: Duration = Duration::from_millis(1);

async fn until(so: impl Fn() -> bool) {
    while !so() {
        tokio::time::sleep(MS).await;
    }
}

#[test]
fn it_sweeps_and_tells_and_ends_with_the_store() {
    in_runtime(async {
        let (kv, clock) = store();
        let told = Arc::new(());
        let own = Arc::clone(&told);
        let mut seen = Vec::new();
        let sweeper = tokio::spawn(kv.run_sweeper_with(MS, move |key, _| {
            let _held = &own;
            seen.push(key.to_owned());
        }));
        for n in 0..10_000 {
            kv.set_ex(&n.to_string(), n, 1).unwrap();
        }
        clock.advance(Duration::from_secs(1));
        until(|| kv.is_empty()).await;
        assert_eq!(kv.stats().swept, 10_000);
        drop(kv);
        sweeper.await.unwrap();
        assert_eq!(Arc::strong_count(&told), 1);
    });
}

#[test]
fn it_ends_when_it_is_aborted_and_another_one_goes_on() {
    in_runtime(async {
        let (kv, clock) = store();
        let sweeper = tokio::spawn(kv.run_sweeper(MS));
        kv.set_ex("a", 1, 1).unwrap();
        tokio::time::sleep(5 * MS).await;
        sweeper.abort();
        assert!(sweeper.await.unwrap_err().is_cancelled());
        kv.set_ex("b", 1, 1).unwrap();
        // One that is never polled does no harm.
        drop(kv.run_sweeper(MS));
        let _sweeper = tokio::spawn(kv.run_sweeper(MS));
        clock.advance(Duration::from_secs(1));
        until(|| kv.is_empty()).await;
    });
}
