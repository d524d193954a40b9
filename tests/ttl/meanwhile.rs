//! What happens between the steps of a call: at its first reading of the clock the store
//! changes and time passes.

use crate::interrupted::Interrupted;
use epochkv::{Change, Condition, IncrOptions, Kv, Ttl, Value};
use std::hash::RandomState;
use std::time::Duration;

type Store = Kv<str, RandomState, Interrupted>;

/// A call, with its answer as text.
type Call = fn(&Store) -> String;

const MINUTE: Duration = Duration::from_secs(60);

fn store() -> (Store, Interrupted) {
    let clock = Interrupted::default();
    (Kv::builder().hasher(RandomState::new()).clock(clock.clone()).build(), clock)
}

/// Enough keys for a table of many buckets.
fn fill(kv: &Store) {
    (0..5_000).for_each(|n| kv.set(&format!("other:{n}"), n).unwrap());
}

#[test]
fn what_was_cleared_before_its_deadline_has_not_expired() {
    let calls: [Call; 10] = [
        |kv| format!("{:?}", kv.incr("k")),
        |kv| format!("{:?}", kv.incr_float("k", 1.0)),
        |kv| format!("{:?}", kv.incr_with("k", &IncrOptions::by(1))),
        |kv| format!("{:?}", kv.incr_with("k", &IncrOptions::by(1).ttl_on_create(60))),
        |kv| format!("{:?}", kv.incr_with("k", &IncrOptions::by(1).ttl_refresh(60))),
        |kv| format!("{:?}", kv.swap("k", 1, Ttl::NEVER)),
        |kv| format!("{:?}", kv.swap("k", 1, Ttl::until(MINUTE))),
        |kv| format!("{:?}", kv.set_if_absent("k", 1, Ttl::NEVER)),
        |kv| format!("{:?}", kv.get_or_insert_with("k", Ttl::NEVER, || Value::from(1))),
        |kv| format!("{:?}", kv.update("k", |_| Change::Set(Value::from(1)))),
    ];
    for call in calls {
        for grown in [false, true] {
            let (kv, clock) = store();
            if grown {
                fill(&kv);
            }
            kv.set_ex("k", 10, 5).unwrap();
            let (cleared, time) = (kv.clone(), clock.clone());
            let event = move || {
                cleared.clear();
                time.pass(10);
                10
            };
            let answer = clock.interrupt_once(event, || call(&kv));
            // It saw no key, and the key was there until it was cleared: so it came later.
            assert!(kv.exists("k"), "{answer}");
        }
    }
}

#[test]
fn the_time_left_is_that_of_an_entry_that_was_there_then() {
    type Write = fn(&Store);
    let removals: [(Write, i64); 5] = [
        (|kv| assert!(kv.delete("k")), -2),
        (|kv| kv.clear(), -2),
        (|kv| kv.set("k", 1).unwrap(), -1),
        (|kv| kv.set_ex("k", 1, 60).unwrap(), 57),
        (|kv| assert!(kv.expire("k", MINUTE)), 57),
    ];
    for (remove, left) in removals {
        let (kv, clock) = store();
        kv.set_ex("k", 10, 5).unwrap();
        let (store, time) = (kv.clone(), clock.clone());
        let event = move || {
            remove(&store);
            time.pass(3);
            3
        };
        // 5 before, `left` after; 2 it never was.
        assert_eq!(clock.interrupt_once(event, || kv.ttl("k")), left);
    }
}

/// The answer of a call at whose first reading, which is of zero, time passes, and then `k` is
/// set until a time before.
fn beside_what_is_gone(call: Call, kv: &Store, clock: &Interrupted) -> String {
    let (store, time) = (kv.clone(), clock.clone());
    let event = move || {
        time.pass(10);
        store.set_ex("k", 7, Ttl::until(Duration::from_secs(5))).unwrap();
        0
    };
    clock.interrupt_once(event, || call(kv))
}

#[test]
fn what_was_never_alive_is_seen_by_no_call_that_began_before() {
    let calls: [(Call, &str); 8] = [
        (|kv| format!("{:?}", kv.set_if_absent("k", 1, 60)), "Ok(true)"),
        (|kv| format!("{:?}", kv.set_if_present("k", 1, 60)), "Ok(false)"),
        (|kv| format!("{:?}", kv.swap("k", 1, 60)), "Ok(None)"),
        (|kv| format!("{:?}", kv.compare_and_set("k", 7, 1, 60)), "Ok(false)"),
        (|kv| kv.get_or_insert_with("k", 60, || Value::from(1)).unwrap().to_string(), "1"),
        (|kv| show_all(&kv.get_many(["j", "k"])), "0 none"),
        (|kv| kv.keys("*").join(" "), "j"),
        (|kv| kv.delete_many(["j", "k"]).to_string(), "1"),
    ];
    for (call, answer) in calls {
        let (kv, clock) = store();
        kv.set_ex("j", 0, 100).unwrap();
        assert_eq!(beside_what_is_gone(call, &kv, &clock), answer);
    }
}

fn show_all(found: &[Option<epochkv::Snapshot>]) -> String {
    let show = |it: &Option<_>| it.as_ref().map_or("none".to_owned(), ToString::to_string);
    found.iter().map(show).collect::<Vec<_>>().join(" ")
}

/// At the first reading the entry is alive; the second look finds another one.
#[test]
fn no_call_revives_what_was_never_alive() {
    let calls: [(Call, &str); 5] = [
        (|kv| kv.expire("k", MINUTE).to_string(), "false"),
        (|kv| kv.expire_at("k", MINUTE, Condition::Always).to_string(), "false"),
        (|kv| kv.expire_if("k", MINUTE, Condition::IfSome).to_string(), "false"),
        (|kv| format!("{:?}", kv.get_and_expire("k", MINUTE)), "None"),
        (|kv| format!("{:?}", kv.incr_with("k", &IncrOptions::by(1).ttl_refresh(60))), "1"),
    ];
    for (call, answer) in calls {
        let (kv, clock) = store();
        kv.set_ex("k", 10, 5).unwrap();
        assert!(beside_what_is_gone(call, &kv, &clock).contains(answer), "{answer}");
        assert_eq!(kv.exists("k"), answer == "1", "{answer}");
    }
}
