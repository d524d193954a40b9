//! Calls on many keys, of which the store takes some dozens at a time, and walks in parts.

use epochkv::{Cursor, Kv, Pattern, Value};

/// More than one batch, not a whole number of them.
const MANY: usize = 333;

fn name(n: usize) -> String {
    format!("key:{n}")
}

fn names(numbers: impl Iterator<Item = usize>) -> Vec<String> {
    numbers.map(name).collect()
}

#[test]
fn values_come_in_the_order_of_their_keys() {
    let kv = Kv::new();
    (0..MANY).step_by(2).for_each(|n| kv.set(&name(n), n as i64).unwrap());
    // Backwards, some twice, every other one absent.
    let numbers = || (0..MANY).rev().chain(0..MANY);
    let asked = names(numbers());
    let expected: Vec<_> = numbers().map(|n| (n % 2 == 0).then(|| Value::from(n as i64))).collect();
    let copied = kv.get_many(asked.iter().map(String::as_str));
    assert_eq!(copied.into_iter().map(|it| it.map(Value::from)).collect::<Vec<_>>(), expected);
    let mut in_place = Vec::new();
    kv.with_many(asked.iter().map(String::as_str), |key, value| {
        in_place.push((key.to_owned(), value.map(|value| value.to_value())));
    });
    assert_eq!(in_place, asked.into_iter().zip(expected).collect::<Vec<_>>());
}

#[test]
fn of_equal_keys_the_last_one_wins_wherever_they_are() {
    let kv = Kv::new();
    let items: Vec<_> = (0..3 * MANY).map(|n| (name(n % MANY), n as i64)).collect();
    kv.set_many(items.iter().map(|(key, value)| (key.as_str(), *value)), 0).unwrap();
    assert_eq!(kv.len(), MANY);
    assert!((0..MANY).all(|n| kv.get(&name(n)).unwrap() == (n + 2 * MANY) as i64));
}

#[test]
fn of_equal_keys_the_first_one_is_deleted() {
    let kv = Kv::new();
    (0..MANY).for_each(|n| kv.set(&name(n), 1).unwrap());
    let doomed = names((0..3 * MANY).map(|n| n % (MANY - 10)));
    assert_eq!(kv.delete_many(doomed.iter().map(String::as_str)), MANY - 10);
    assert_eq!(kv.len(), 10);
}

#[test]
fn a_walk_in_parts_that_changes_its_pattern_meets_no_key_twice() {
    let kv = Kv::new();
    (0..MANY).for_each(|n| kv.set(&name(n), 1).unwrap());
    let (mut cursor, mut met) = (Cursor::START, Vec::new());
    for _ in 0..3 {
        let (next, page) = kv.scan_page(cursor, &Pattern::new("*"), 50);
        met.extend(page.iter().map(|item| item.key().to_owned()));
        cursor = next;
    }
    assert!((1..MANY).contains(&met.len()) && !cursor.is_start());
    for n in 0..MANY {
        // A pattern without wildcards is one lookup, and the end of the walk.
        let (end, page) = kv.scan_page(cursor, &Pattern::new(name(n).as_str()), 50);
        assert_eq!((page.len() == 1, end.is_start()), (!met.contains(&name(n)), true));
        let (end, page) = kv.scan_page(Cursor::START, &Pattern::new(name(n).as_str()), 50);
        assert_eq!((page.len(), end.is_start()), (1, true));
    }
}
