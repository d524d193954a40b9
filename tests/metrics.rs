//! The feature `metrics`: a store's figures reach the recorder that is installed.

use epochkv::{Kv, ManualClock, describe_metrics};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString,
    Unit,
};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::RandomState;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use watchdog::watched;

#[path = "common/watchdog.rs"]
mod watchdog;

/// Remembers the last figure by name and store.
#[derive(Clone, Default)]
struct Memory {
    figures: Arc<Mutex<BTreeMap<String, f64>>>,
    described: Arc<Mutex<Vec<String>>>,
}

/// One figure.
struct Figure(Memory, String);

impl Figure {
    fn put(&self, value: f64) {
        self.0.figures.lock().unwrap().insert(self.1.clone(), value);
    }
}

impl CounterFn for Figure {
    fn increment(&self, _: u64) {
        panic!("stores know their counts");
    }

    fn absolute(&self, value: u64) {
        self.put(value as f64);
    }
}

impl GaugeFn for Figure {
    fn increment(&self, _: f64) {
        panic!("stores know their figures");
    }

    fn decrement(&self, _: f64) {
        panic!("stores know their figures");
    }

    fn set(&self, value: f64) {
        self.put(value);
    }
}

impl Memory {
    fn figure(&self, key: &Key) -> Arc<Figure> {
        let labels: Vec<_> =
            key.labels().map(|it| format!("{}={}", it.key(), it.value())).collect();
        Arc::new(Figure(self.clone(), format!("{} {}", key.name(), labels.join(","))))
    }

    fn get(&self, name: &str, store: &str) -> Option<f64> {
        self.figures.lock().unwrap().get(&format!("{name} store={store}")).copied()
    }

    fn names(&self) -> Vec<String> {
        self.figures.lock().unwrap().keys().cloned().collect()
    }
}

impl Recorder for Memory {
    fn describe_counter(&self, key: KeyName, _: Option<Unit>, text: SharedString) {
        assert!(!text.is_empty());
        self.described.lock().unwrap().push(key.as_str().to_owned());
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe_counter(key, unit, text);
    }

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
        panic!("there are none");
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        assert!(key.name().ends_with("_total"), "{key}");
        Counter::from_arc(self.figure(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        assert!(!key.name().ends_with("_total"), "{key}");
        Gauge::from_arc(self.figure(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        panic!("there are none");
    }
}

#[test]
fn all_figures_are_published_under_the_name_of_the_store() {
    let memory = Memory::default();
    let clock = ManualClock::new();
    let builder = Kv::builder().name("sessions").hasher(RandomState::new());
    let kv: Kv<str, _, _> = builder.clock(clock.clone()).build();
    for n in 0..1000_u32 {
        kv.set_ex(&n.to_string(), n, u64::from(1 + n % 2)).unwrap();
    }
    kv.sweep(10_000);
    clock.advance(Duration::from_secs(1));
    kv.sweep_with(10_000, |_, _| panic!("in the callback"));
    metrics::with_local_recorder(&memory, || kv.publish_metrics());
    let stats = kv.stats();
    let figures = [
        ("epochkv_buckets", stats.buckets as f64),
        ("epochkv_callback_panics_total", 500.0),
        ("epochkv_entries", stats.entries as f64),
        ("epochkv_expired_total", stats.expired as f64),
        ("epochkv_handles", stats.handles as f64),
        ("epochkv_overflow_buckets", stats.overflow_buckets as f64),
        ("epochkv_resizes_total", stats.resizes as f64),
        ("epochkv_resizing", 0.0),
        ("epochkv_swept_total", 500.0),
        ("epochkv_table_bytes", stats.table_bytes as f64),
    ];
    for (name, value) in figures {
        assert_eq!(memory.get(name, "sessions"), Some(value), "{name}");
    }
    assert!(memory.names().iter().any(|name| name.starts_with("epochkv_garbage")));
    assert_eq!(memory.names().len(), figures.len() + 1);
    assert!(stats.resizes > 0 && stats.entries == 500 && stats.handles > 0);
    metrics::with_local_recorder(&memory, describe_metrics);
    let mut described = memory.described.lock().unwrap().clone();
    described.sort();
    let all = figures.map(|(name, _)| name).into_iter().chain(["epochkv_garbage"]);
    assert_eq!(described, all.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
}

#[test]
fn a_sweeper_publishes_at_every_tick_whatever_the_recorder_does() {
    watched("a sweeper", || {
        let memory = Memory::default();
        assert!(metrics::set_global_recorder(memory.clone()).is_ok(), "the only one");
        let kv = Kv::builder().name("swept").build();
        let quiet = Kv::builder().name("quiet").build();
        let sweeper = kv.start_sweeper(Duration::from_millis(1)).unwrap();
        let until = |entries: f64| {
            while memory.get("epochkv_entries", "swept") != Some(entries) {
                thread::sleep(Duration::from_millis(1));
            }
        };
        until(0.0);
        kv.set("k", 1).unwrap();
        until(1.0);
        // A recorder that panics stops nobody.
        let poison = Arc::clone(&memory.figures);
        let _ = thread::spawn(move || {
            let _guard = poison.lock().unwrap();
            panic!("with the lock");
        })
        .join();
        while kv.stats().callback_panics < 3 {
            thread::sleep(Duration::from_millis(1));
        }
        memory.figures.clear_poison();
        kv.delete("k");
        until(0.0);
        drop(sweeper);
        assert_eq!(memory.get("epochkv_entries", "quiet"), None);
        drop(quiet);
    });
}
