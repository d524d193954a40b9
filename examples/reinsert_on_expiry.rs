//! Keys that are loaded again when they expire, before anybody asks for them:
//! `cargo run --example reinsert_on_expiry`.
//!
//! This program moves the time and sweeps by hand. A server gives the same closure to
//! [`Kv::start_sweeper_with`].

use epochkv::{DefaultHashBuilder, Error, Kv, ManualClock, Snapshot};
use std::time::Duration;

type Store = Kv<str, DefaultHashBuilder, ManualClock>;

const TTL: Duration = Duration::from_secs(60);

/// Stands for a database, which knows more every time it is asked.
#[derive(Default)]
struct Database {
    asked: i64,
}

impl Database {
    fn load(&mut self, key: &str) -> String {
        self.asked += 1;
        format!("{key} as of question {}", self.asked)
    }
}

/// What a reader does. The callback is told of what a sweep removes. A key that a
/// reader finds expired before is loaded by that reader.
fn read(kv: &Store, database: &mut Database, key: &str) -> Result<Snapshot, Error> {
    kv.get_or_insert_with(key, TTL, || database.load(key))
}

pub(crate) fn main() -> Result<(), Error> {
    let clock = ManualClock::new();
    let kv = Kv::builder().clock(clock.clone()).build();
    let mut database = Database::default();
    assert_eq!(read(&kv, &mut database, "config:theme")?, "config:theme as of question 1");
    kv.set_ex("session:7", "Ann", TTL)?;

    for minute in 1..=3 {
        clock.advance(TTL);
        kv.sweep_with(1000, |key, last| {
            println!("minute {minute}: {key} has expired, it was {last}");
            if key.starts_with("config:") {
                // Only if nobody was faster: a value that is there is newer than ours.
                let stored = kv.set_if_absent(key, database.load(key), TTL);
                stored.expect("the text was accepted before");
            }
        });
        assert!(!kv.exists("session:7"));
        assert!(kv.exists("config:theme"));
    }
    assert_eq!(read(&kv, &mut database, "config:theme")?, "config:theme as of question 4");

    // The time is over, and a reader comes before the sweep: it loads the value itself,
    // and the sweep has nothing to report.
    clock.advance(TTL);
    assert_eq!(read(&kv, &mut database, "config:theme")?, "config:theme as of question 5");
    assert_eq!(kv.sweep_with(1000, |key, _| unreachable!("{key}")).removed, 0);
    Ok(())
}
