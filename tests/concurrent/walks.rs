//! Walks over the store while others write to it.

use super::seed::{Rng, seed_of_run};
use super::weak::Weak;
use super::{beside, for_a_while};
use epochkv::{Cursor, Kv, Pattern, Ttl};
use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_key_is_never_listed_twice_while_it_is_inserted_and_removed() {
    // One long chain, in which a key that is removed and inserted again comes to
    // another place, while a walk is on its way through.
    let kv = Kv::builder().hasher(Weak { bits: 0, high: false }).build();
    (0..20).try_for_each(|n| kv.set(&format!("stable:{n}"), n)).unwrap();
    let names: Vec<_> = (0..100).map(|n| format!("k{n}")).collect();
    let seed = seed_of_run("a_key_is_never_listed_twice_while_it_is_inserted_and_removed");
    let draws = [Mutex::new(Rng::new(seed)), Mutex::new(Rng::new(!seed))];
    let churn = |index: usize| {
        let mut draw = draws[index].lock().unwrap();
        for _ in 0..100 {
            let name = &names[draw.next() as usize % names.len()];
            match draw.next() % 3 {
                0 => _ = kv.set(name, 1),
                1 => _ = kv.set_if_absent(name, "text", Ttl::NEVER),
                _ => _ = kv.delete(name),
            }
        }
    };
    beside(churn, || {
        for_a_while(|_| {
            for _ in 0..50 {
                let keys = kv.keys("*");
                assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
            }
        });
    });
    kv.delete_many(names.iter().map(String::as_str));
    assert_eq!(kv.keys("k*"), Vec::<String>::new());
    assert_eq!((kv.len(), kv.live_len()), (20, 20));
}

#[test]
fn a_key_that_is_written_all_the_time_is_listed_once() {
    let kv = Kv::new();
    let mut names: Vec<String> = (0..300).map(|n| format!("s{n}")).collect();
    names.sort_unstable();
    names.iter().for_each(|name| kv.set_ex(name, 0, 1000).unwrap());
    let churn = |index: usize| {
        for name in &names {
            if index == 0 {
                kv.set_ex(name, "text", 1000).unwrap();
            } else {
                kv.expire(name, Duration::from_secs(2000));
                kv.persist(name);
                _ = kv.incr(name);
                kv.set(name, 1).unwrap();
            }
        }
        // So the table grows and shrinks meanwhile.
        (0..2000).for_each(|n| kv.set(&format!("t{index}:{n}"), n).unwrap());
        (0..2000).for_each(|n| _ = kv.delete(&format!("t{index}:{n}")));
    };
    beside(churn, || {
        for_a_while(|_| {
            assert_eq!(kv.keys("s*"), names);
            let met = kv.scan_prefix("s").map(|item| item.key().to_owned());
            let mut met: Vec<_> = met.collect();
            met.sort_unstable();
            assert_eq!(met, names);
        });
    });
}

/// Walks in every way over stable keys while others come and go, so many that
/// the table grows and shrinks.
fn stable_keys_are_listed_exactly_once<S>(kv: &Kv<str, S>, comers: usize)
where
    S: BuildHasher + Send + Sync,
{
    const STABLE: usize = 500;
    let stable: BTreeSet<String> = (0..STABLE).map(|n| format!("s{n}")).collect();
    stable.iter().try_for_each(|key| kv.set(key, 1)).unwrap();
    let resizes = kv.stats().resizes;
    let churn = |index: usize| {
        let names: Vec<_> = (0..comers).map(|n| format!("t{index}:{n}")).collect();
        names.iter().try_for_each(|name| kv.set(name, 1)).unwrap();
        names.iter().for_each(|name| _ = kv.delete(name));
        kv.shrink_to_fit();
    };
    let check = |way: &str, met: Vec<String>| {
        let met: Vec<_> = met.into_iter().filter(|key| key.starts_with('s')).collect();
        let distinct: BTreeSet<_> = met.iter().cloned().collect();
        assert_eq!(met.len(), distinct.len(), "{way} shows a stable key twice");
        assert!(distinct == stable, "{way} misses {:?}", stable.difference(&distinct));
    };
    let walk = |round: u64| {
        check("keys", kv.keys(if round % 2 == 0 { "*" } else { "s*" }));
        let all = Pattern::new("*");
        check("scan", kv.scan(&all).map(|item| item.key().to_owned()).collect());
        let (mut cursor, mut met) = (Cursor::START, Vec::new());
        loop {
            let (next, page) = kv.scan_page(cursor, &all, 1 + (round % 100) as usize);
            met.extend(page.iter().map(|item| item.key().to_owned()));
            cursor = next;
            if cursor.is_start() {
                break;
            }
            if round % 4 == 0 {
                thread::yield_now();
            }
        }
        check("scan_page", met);
        assert_eq!(kv.retain(|key, _| key.starts_with('s') || key.starts_with('t')), 0);
    };
    beside(churn, || {
        for_a_while(walk);
        // On a busy machine the others may have come to nothing meanwhile.
        let start = Instant::now();
        (0..).take_while(|_| kv.stats().resizes <= resizes + 4).for_each(|round| {
            assert!(start.elapsed() < Duration::from_secs(60), "not resized: {:?}", kv.stats());
            walk(round);
        });
    });
    kv.delete_matching(&Pattern::new("t*"));
    check("keys", kv.keys("*"));
    assert_eq!((kv.len(), kv.live_len()), (STABLE, STABLE));
}

#[test]
fn stable_keys_are_listed_exactly_once_while_the_table_grows_and_shrinks() {
    stable_keys_are_listed_exactly_once(&Kv::new(), 4000);
}

#[test]
fn stable_keys_are_listed_exactly_once_where_chains_are_long() {
    // A group of buckets takes long to move, so walks meet it half moved.
    let kv = Kv::builder().hasher(Weak { bits: 2, high: false }).build();
    stable_keys_are_listed_exactly_once(&kv, 400);
}
