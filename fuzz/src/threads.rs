//! Two threads on one store, each with keys of its own and keys that both count.
//!
//! A thread's own keys must be as if it were alone: each call is checked against the
//! model, while the other thread makes the table grow, shrink and give memory back.
//! The shared counters must add up, and at the end all that is there can be found.
//! An input that fails here may pass the next time.

use super::bytes::Bytes;
use super::calls::{Call, Key};
use super::draw::Calls;
use super::hashers::Chosen;
use super::subject::Subject;
use epochkv::{Kv, ManualClock};
use std::thread;

type Store = Kv<str, Chosen, ManualClock>;

const OWN: [&[&str]; 2] = [&["", "b", "a\0", "own"], &["c", "cc", "ключ", "b0123456"]];

const COUNTERS: &[&str] = &["n", "m"];

/// Keys that both threads set and delete, to move the table.
const FILLERS: u8 = 60;

/// What a thread did to the shared counters.
type Counted = [i64; COUNTERS.len()];

#[inline]
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let hasher = Chosen::draw(&mut bytes);
    // Two scripts, one after the other.
    let first = usize::from(bytes.byte());
    let scripts = [Bytes::new(bytes.take(first)), bytes];
    let clock = ManualClock::new();
    let kv: Store = Kv::builder().hasher(hasher).clock(clock.clone()).build();
    let alone = |own: &'static [&'static str], script: Bytes<'_>| {
        let keys: Vec<Key> = own.iter().map(|key| key.as_bytes().to_vec()).collect();
        play(&kv, &clock, &keys, script)
    };
    let alone = &alone;
    let [mine, theirs] = scripts;
    let (one, other) = thread::scope(|scope| {
        let theirs = scope.spawn(move || alone(OWN[1], theirs));
        (alone(OWN[0], mine), theirs.join())
    });
    let other = other.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    for (at, counter) in COUNTERS.iter().enumerate() {
        let counted = kv.get(counter).and_then(|value| value.as_int());
        assert_eq!(counted.unwrap_or(0), one[at] + other[at], "increments are lost");
    }
    all_is_found(&kv);
}

/// One thread's script.
fn play(kv: &Store, clock: &ManualClock, keys: &[Key], mut script: Bytes<'_>) -> Counted {
    let mut counted = [0; COUNTERS.len()];
    let calls = Calls { keys };
    let sequence = std::iter::from_fn(|| {
        while !script.is_empty() {
            match script.below(16) {
                0 => (0..FILLERS).for_each(|n| kv.set(&format!("f{n}"), 1).expect("an integer")),
                1 => (0..FILLERS).for_each(|n| drop(kv.take(&format!("f{n}")))),
                2 => kv.shrink_to_fit(),
                3 => kv.flush(),
                4 => assert!(kv.keys("n").len() <= 1),
                5 => all_is_found_of(kv, keys),
                6..10 => {
                    let (at, by) = (script.below(COUNTERS.len()), i64::from(script.byte()));
                    kv.incr_by(COUNTERS[at], by).expect("only counted");
                    counted[at] += by;
                }
                _ => return Some(calls.draw_on_one_key(&mut script)),
            }
        }
        None
    });
    let mut subject = Subject::of(kv.clone(), clock.clone());
    let looks = keys.iter().cloned().map(Call::Look);
    if let Err(difference) = subject.agrees_on(sequence.chain(looks)) {
        panic!("{difference}");
    }
    counted
}

/// A walk meets a thread's own keys exactly if a lookup does: nobody else writes them.
fn all_is_found_of(kv: &Store, keys: &[Key]) {
    let walked = kv.keys("*");
    for key in keys.iter().map(|key| std::str::from_utf8(key).expect("text")) {
        let met = walked.iter().filter(|walked| *walked == key).count();
        assert_eq!(met, usize::from(kv.exists(key)), "{key:?} in a walk");
    }
}

/// At rest, lengths, walks and lookups agree.
fn all_is_found(kv: &Store) {
    let keys = kv.keys("*");
    assert_eq!((kv.len(), kv.live_len()), (keys.len(), keys.len()));
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
    assert!(keys.iter().all(|key| kv.get(key).is_some()));
    assert_eq!(kv.delete_many(keys.iter().map(|key| &**key)), keys.len());
    assert!(kv.is_empty() && kv.keys("*").is_empty());
}
