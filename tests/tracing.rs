//! The feature `tracing`: sweepers and resizes say what they do, operations say nothing.

use epochkv::{Clock, Kv, ManualClock};
use std::fmt::{Debug, Write};
use std::hash::RandomState;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{set_global_default, with_default};
use tracing::{Event, Level, Metadata, Subscriber};
use watchdog::watched;

#[path = "common/watchdog.rs"]
mod watchdog;

/// Writes down what it is told, a line each.
#[derive(Clone, Default)]
struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    panics: bool,
}

impl Lines {
    fn get(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn have(&self, part: &str) -> bool {
        self.get().iter().any(|line| line.contains(part))
    }

    fn add(&self, level: &Level, what: &str, fields: impl FnOnce(&mut Fields)) {
        let mut text = Fields(format!("{level} {what}"));
        fields(&mut text);
        self.lines.lock().unwrap().push(text.0);
        assert!(!self.panics, "in the subscriber");
    }
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "epochkv"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.add(span.metadata().level(), span.metadata().name(), |fields| span.record(fields));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.add(event.metadata().level(), "event", |fields| event.record(fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Every operation, on a table that stays as it is.
fn operations(kv: &Kv<str, RandomState, ManualClock>) {
    kv.set("a", 1).unwrap();
    kv.set_ex("b", "text", 60).unwrap();
    kv.incr("a").unwrap();
    assert!(kv.exists("a") && kv.get("b").is_some() && kv.expire("b", Duration::from_secs(1)));
    assert_eq!(kv.keys("*").len(), 2);
    assert!(kv.delete("a") && kv.persist("b"));
    kv.sweep(100);
}

fn store() -> Kv<str, RandomState, ManualClock> {
    Kv::builder().name("named").hasher(RandomState::new()).clock(ManualClock::new()).build()
}

#[test]
fn a_resize_tells_where_it_goes_and_operations_tell_nothing() {
    let lines = Lines::default();
    with_default(lines.clone(), || {
        let kv = store();
        operations(&kv);
        assert_eq!(lines.get(), [""; 0]);
        (0..1000).for_each(|n| kv.set(&n.to_string(), n).unwrap());
        kv.flush();
        let told = lines.get();
        let begins = "DEBUG event message=a resize begins store=\"named\" from=";
        let ends = "DEBUG event message=a resize ends store=\"named\" buckets=";
        let goals = |start: &str| -> Vec<usize> {
            let rests = told.iter().filter_map(|line| line.strip_prefix(start));
            let goal = |rest: &str| {
                let to = rest.split_once(" to=").map_or(rest, |(_, to)| to);
                to.split(' ').next().and_then(|number| number.parse().ok())
            };
            rests.map(|rest| goal(rest).expect("a number of buckets")).collect()
        };
        let (begun, ended) = (goals(begins), goals(ends));
        assert_eq!(kv.stats().resizes, ended.len() as u64);
        assert_eq!(begun.len() - ended.len(), usize::from(kv.stats().resizing));
        assert!(ended.len() > 3, "{told:?}");
        // Each ends with what it has said that it goes to; all of these are larger.
        assert_eq!(begun[..ended.len()], ended);
        assert!(begun.is_sorted_by(|one, next| one < next), "{begun:?}");
        let buckets = kv.stats().buckets;
        assert!(
            kv.stats().resizing
                || lines.have(&format!("a resize ends store=\"named\" buckets={buckets}"))
        );
    });
}

#[test]
fn a_subscriber_that_panics_harms_no_operation() {
    let lines = Lines { panics: true, ..Lines::default() };
    with_default(lines.clone(), || {
        let kv = store();
        (0..1000).for_each(|n| kv.set_ex(&n.to_string(), n, 60).unwrap());
        assert_eq!(kv.live_len(), 1000);
        assert!((0..1000).all(|n| kv.get(&n.to_string()).unwrap() == n));
        kv.shrink_to_fit();
    });
    assert!(lines.have("a resize ends"));
}

/// What all threads of this program tell.
fn told() -> Lines {
    static TOLD: LazyLock<Lines> = LazyLock::new(|| {
        let lines = Lines::default();
        set_global_default(lines.clone()).unwrap();
        lines
    });
    TOLD.clone()
}

/// Waits for a line with this part.
fn until(lines: &Lines, part: &str) {
    while !lines.have(part) {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_sweeper_tells_its_name_what_it_removes_and_its_end() {
    watched("a sweeper", || {
        let lines = told();
        let kv = Kv::builder().name("sessions").build();
        let sweeper = kv.start_sweeper_with(Duration::from_millis(1), |_, _| ()).unwrap();
        kv.set_ex("k", 1, Duration::from_millis(2)).unwrap();
        until(&lines, r#"DEBUG event message=a sweeper begins store="sessions""#);
        until(&lines, r#"DEBUG sweep store="sessions""#);
        until(&lines, r#"TRACE event message=swept nothing store="sessions" handles="#);
        until(&lines, r#"DEBUG event message=swept store="sessions" removed=1"#);
        assert_eq!(format!("{sweeper:?}"), "Sweeper { .. }");
        drop(sweeper);
        until(&lines, r#"DEBUG event message=a sweeper ends store="sessions""#);
    });
}

/// A clock that panics when it is told to.
#[derive(Clone, Default)]
struct Fragile(Arc<AtomicBool>);

impl Clock for Fragile {
    fn now_ns(&self) -> u64 {
        assert!(!self.0.load(Ordering::Acquire), "the clock");
        0
    }
}

#[test]
fn a_sweeper_tells_of_panics() {
    watched("a sweeper", || {
        let lines = told();
        let clock = Fragile::default();
        let kv = Kv::builder().name("fragile").clock(clock.clone()).build();
        let sweeper = kv.start_sweeper_with(Duration::from_millis(1), |_, _| ()).unwrap();
        clock.0.store(true, Ordering::Release);
        until(&lines, r#"ERROR event message=foreign code panicked in a sweeper store="fragile""#);
        drop(sweeper);
    });
}

#[test]
fn a_sweeper_tells_when_it_is_behind_and_when_it_has_caught_up() {
    watched("a sweeper", || {
        let lines = told();
        let clock = ManualClock::new();
        let kv = Kv::builder().name("crowded").clock(clock.clone()).build();
        let sweeper = kv.start_sweeper_with(Duration::from_millis(1), |_, _| ()).unwrap();
        (0..400_000).for_each(|n| kv.set_ex(&n.to_string(), n, 60).unwrap());
        clock.advance(Duration::from_secs(60));
        until(&lines, r#"WARN event message=a sweeper is behind; writers help store="crowded""#);
        until(&lines, r#"INFO event message=a sweeper has caught up store="crowded""#);
        drop(sweeper);
    });
}
