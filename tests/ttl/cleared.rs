//! A deadline that comes while a call works in a table that was cleared.

use epochkv::{Clock, Kv, Ttl, Value};
use std::hash::RandomState;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Whoever reads it first finds that the store was cleared at zero and that ten seconds have passed.
#[derive(Clone, Default)]
struct ClearsFirst {
    store: Arc<Mutex<Option<Kv<str, RandomState, Self>>>>,
    time: Arc<AtomicU64>,
}

impl Clock for ClearsFirst {
    fn now_ns(&self) -> u64 {
        let store = self.store.lock().unwrap().take();
        if let Some(kv) = store {
            kv.clear();
            self.time.store(10_000_000_000, Ordering::Relaxed);
        }
        self.time.load(Ordering::Relaxed)
    }
}

#[test]
fn what_was_cleared_before_its_deadline_has_not_expired() {
    type Write = fn(&Kv<str, RandomState, ClearsFirst>) -> String;
    let writes: [Write; 4] = [
        |kv| format!("{:?}", kv.incr("k")),
        |kv| format!("{:?}", kv.swap("k", 1, Ttl::NEVER)),
        |kv| format!("{:?}", kv.set_if_absent("k", 1, Ttl::NEVER)),
        |kv| format!("{:?}", kv.get_or_insert_with("k", Ttl::NEVER, || Value::from(1))),
    ];
    for write in writes {
        let clock = ClearsFirst::default();
        let kv = Kv::builder().hasher(RandomState::new()).clock(clock.clone()).build();
        kv.set_ex("k", 10, 5).unwrap();
        *clock.store.lock().unwrap() = Some(kv.clone());
        let answer = write(&kv);
        // It saw no key, and the key was there until it was cleared: so it came later.
        assert_eq!(kv.get("k").unwrap(), 1, "{answer}");
    }
}
