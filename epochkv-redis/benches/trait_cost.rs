//! What the trait costs: against the direct call in this process, and against the client crate
//! on a server.
//!
//! ```sh
//! cargo bench -p epochkv-redis
//! ```
//!
//! Starts a redis-server of its own. All rows of a table are measured in turns, in rounds; shown
//! is the median, and the ratio to the first row.

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/engine/support/mod.rs"]
mod support;

use epochkv::{Kv, Store};
use epochkv_redis::{AnyStore, RedisStore};
use redis::aio::MultiplexedConnection;
use std::hint::black_box;
use std::time::{Duration, Instant};
use support::server::Server;
use tokio::runtime::{Builder, Runtime};

const KEYS: usize = 1_000;
const CALLS: usize = 300_000;
const ROUNDS: usize = 15;

type Run<'r> = (&'static str, Box<dyn FnMut() -> Duration + 'r>);

/// Measures all in turns, and prints nanoseconds per unit and ratios.
fn table(title: &str, units: usize, mut runs: Vec<Run<'_>>) {
    let mut times = vec![Vec::new(); runs.len()];
    for round in 0..=ROUNDS {
        for (run, times) in runs.iter_mut().zip(&mut times) {
            let time = run.1();
            // The first round warms up.
            if round > 0 {
                times.push(time.as_nanos() as f64 / units as f64);
            }
        }
    }
    println!("\n{title}");
    let medians: Vec<_> = times.iter_mut().map(|times| median(times)).collect();
    for ((name, _), median) in runs.iter().zip(&medians) {
        println!("  {name:<28} {median:>9.1} ns  {:>6.3}", median / medians[0]);
    }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

async fn reads(store: &impl Store, keys: &[String]) {
    for call in 0..CALLS {
        black_box(store.get(&keys[call % KEYS]).await.expect("get"));
    }
}

async fn writes(store: &impl Store, keys: &[String]) {
    for call in 0..CALLS {
        store.set(&keys[call % KEYS], "a short text").await.expect("set");
    }
}

async fn counts(store: &impl Store) {
    for _ in 0..CALLS {
        black_box(store.incr("counter").await.expect("incr"));
    }
}

fn in_process(runtime: &Runtime, keys: &[String]) {
    let kv = Kv::new();
    let any = AnyStore::Local(kv.clone());
    keys.iter().for_each(|key| kv.set(key, "a short text").expect("set"));
    let (kv, any) = (&kv, &any);
    table(
        "in this process: get",
        CALLS,
        vec![
            (
                "Kv::get",
                Box::new(|| {
                    timed(|| {
                        for call in 0..CALLS {
                            black_box(kv.get(&keys[call % KEYS]));
                        }
                    })
                }),
            ),
            ("Store::get on Kv", Box::new(|| timed(|| runtime.block_on(reads(kv, keys))))),
            ("Store::get on AnyStore", Box::new(|| timed(|| runtime.block_on(reads(any, keys))))),
        ],
    );
    table(
        "in this process: set",
        CALLS,
        vec![
            (
                "Kv::set",
                Box::new(|| {
                    timed(|| {
                        for call in 0..CALLS {
                            kv.set(&keys[call % KEYS], "a short text").expect("set");
                        }
                    })
                }),
            ),
            ("Store::set on Kv", Box::new(|| timed(|| runtime.block_on(writes(kv, keys))))),
            ("Store::set on AnyStore", Box::new(|| timed(|| runtime.block_on(writes(any, keys))))),
        ],
    );
    table(
        "in this process: incr",
        CALLS,
        vec![
            (
                "Kv::incr",
                Box::new(|| {
                    timed(|| {
                        for _ in 0..CALLS {
                            black_box(kv.incr("counter").expect("incr"));
                        }
                    })
                }),
            ),
            ("Store::incr on Kv", Box::new(|| timed(|| runtime.block_on(counts(kv))))),
            ("Store::incr on AnyStore", Box::new(|| timed(|| runtime.block_on(counts(any))))),
        ],
    );
}

/// Batches of a thousand keys, so many of them in one round.
const BATCHES: usize = 10;

fn on_a_server(runtime: &Runtime, keys: &[String]) {
    let server = Server::start();
    let store = runtime.block_on(RedisStore::connect(&server.url())).expect("it is there");
    let client = redis::Client::open(server.url()).expect("an address");
    let raw = runtime.block_on(client.get_multiplexed_async_connection()).expect("it is there");
    let names: Vec<_> = keys.iter().map(|key| format!("epochkv:{key}")).collect();
    let (store, raw, names) = (&store, &raw, &names[..]);
    let batch = |work: &dyn Fn()| timed(|| (0..BATCHES).for_each(|_| work()));

    table(
        "on a server, per key: 1,000 keys written at once",
        BATCHES * KEYS,
        vec![
            (
                "redis::pipe",
                Box::new(|| {
                    batch(&|| {
                        runtime.block_on(async {
                            let mut pipe = redis::pipe();
                            names
                                .iter()
                                .for_each(|name| _ = pipe.set(name, "a short text").ignore());
                            pipe.exec_async(&mut raw.clone()).await.expect("set");
                        })
                    })
                }),
            ),
            (
                "Store::set_many",
                Box::new(|| {
                    batch(&|| {
                        runtime.block_on(async {
                            let items = keys.iter().map(|key| (key.as_str(), "a short text"));
                            store.set_many(items, 0).await.expect("set");
                        })
                    })
                }),
            ),
        ],
    );
    table(
        "on a server, per key: 1,000 keys read at once",
        BATCHES * KEYS,
        vec![
            (
                "redis::pipe",
                Box::new(|| {
                    batch(&|| {
                        runtime.block_on(async {
                            let mut pipe = redis::pipe();
                            names.iter().for_each(|name| _ = pipe.get(name));
                            let found: Vec<String> =
                                pipe.query_async(&mut raw.clone()).await.expect("get");
                            black_box(found);
                        })
                    })
                }),
            ),
            (
                "Store::get_many",
                Box::new(|| {
                    batch(&|| {
                        runtime.block_on(async {
                            let found =
                                store.get_many(keys.iter().map(String::as_str)).await.expect("get");
                            black_box(found);
                        })
                    })
                }),
            ),
        ],
    );

    async fn raw_get(mut raw: MultiplexedConnection, name: &str) {
        let found: String = redis::cmd("GET").arg(name).query_async(&mut raw).await.expect("get");
        black_box(found);
    }
    let together = 64;
    table(
        "on a server, per call: 64 callers at once, one key each",
        KEYS / together * together,
        vec![
            (
                "redis::cmd",
                Box::new(|| {
                    timed(|| {
                        runtime.block_on(async {
                            for names in names.chunks_exact(together) {
                                let calls = names.iter().map(|name| raw_get(raw.clone(), name));
                                futures_util::future::join_all(calls).await;
                            }
                        })
                    })
                }),
            ),
            (
                "Store::get",
                Box::new(|| {
                    timed(|| {
                        runtime.block_on(async {
                            for keys in keys.chunks_exact(together) {
                                let calls = keys.iter().map(async |key| {
                                    black_box(store.get(key).await.expect("get"));
                                });
                                futures_util::future::join_all(calls).await;
                            }
                        })
                    })
                }),
            ),
        ],
    );
    table(
        "on a server, per call: one caller, one key",
        200,
        vec![
            (
                "redis::cmd",
                Box::new(|| {
                    timed(|| {
                        runtime.block_on(async {
                            for name in &names[..200] {
                                raw_get(raw.clone(), name).await;
                            }
                        })
                    })
                }),
            ),
            (
                "Store::get",
                Box::new(|| {
                    timed(|| {
                        runtime.block_on(async {
                            for key in &keys[..200] {
                                black_box(store.get(key).await.expect("get"));
                            }
                        })
                    })
                }),
            ),
        ],
    );
}

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let keys: Vec<_> = (0..KEYS).map(|n| format!("user:{n}")).collect();
    in_process(&runtime, &keys);
    on_a_server(&runtime, &keys);
}
