//! All contestants behave alike: otherwise to compare their speed means nothing.

use super::*;
use crate::contestant::AsText;
use core::time::Duration;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(3600);

fn behaves<C: Contestant>() {
    let store = C::new(100);
    let len = |key: &str| store.read(key, str::len);

    assert_eq!(len("user:a"), None);
    store.set("user:a", "one");
    assert_eq!(len("user:a"), Some(3));
    let kept = store.get("user:a").unwrap();
    store.set("user:a", "three");
    assert_eq!(len("user:a"), Some(5));
    assert_eq!(kept.as_text(), "one");

    store.insert("user:b", "new");
    store.set_ttl("job:c", "for long", LONG);
    store.set_ttl("user:d", "not for long", SHORT);
    std::thread::sleep(2 * SHORT);
    assert_eq!(len("user:d"), None);
    assert!(store.get("user:d").is_none());
    let mut texts = Vec::new();
    store.get_many(&["user:b", "user:d", "job:c"], |text| texts.push(text.to_owned()));
    assert_eq!(texts, ["new", "for long"]);
    assert_eq!(store.keys("user:"), ["user:a", "user:b"]);

    store.set_ttl("user:d", "again", SHORT);
    store.set("user:d", "for ever");
    std::thread::sleep(2 * SHORT);
    assert_eq!(len("user:d"), Some(8), "a write without a deadline ends the old one");

    assert!(store.remove("user:a"));
    assert!(!store.remove("user:a"));
    assert_eq!(len("user:a"), None);

    assert_eq!((store.incr("count"), store.incr("count")), (1, 2));
}

fn counts_exactly<C: Contestant>() {
    const EACH: i64 = 20_000;
    let store = C::new(100);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                (0..EACH).for_each(|n| {
                    store.incr(["a", "b"][n as usize % 2]);
                })
            });
        }
        // The store grows meanwhile, and loses no count.
        (0..EACH).for_each(|n| store.insert(&format!("key:{n}"), "text"));
    });
    assert_eq!((store.incr("a"), store.incr("b")), (EACH + 1, EACH + 1), "{}", C::NAME);
}

macro_rules! alike {
    ($($name:ident: $contestant:ident,)*) => {$(
        mod $name {
            #[test]
            fn behaves() {
                super::behaves::<super::$contestant>();
            }

            #[test]
            fn counts_exactly() {
                super::counts_exactly::<super::$contestant>();
            }
        }
    )*};
}

alike! {
    epochkv: Epochkv,
    papaya: Papaya,
    dashmap_6: DashMap6,
    dashmap_7: DashMap7,
    scc_map: SccMap,
    scc_index: SccIndex,
    flurry: Flurry,
    moka: Moka,
    quick_cache: QuickCache,
    sharded: Sharded,
}
