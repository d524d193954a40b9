//! Keys, whatever they hold.

use super::table::row;
use super::{Call, Command, Docs, Outcome, Refusal, Where, int};
use crate::shared::random;
use epochkv::{Cursor, Pattern};

const fn docs(since: &'static str, complexity: &'static str, summary: &'static str) -> Docs {
    Docs { group: "generic", since, complexity, summary }
}

const READ: &[&str] = &["readonly", "fast"];
const LOOK: &[&str] = &["readonly"];
const WRITE: &[&str] = &["write"];

pub(super) const COMMANDS: &[Command] = &[
    row("del", -2, WRITE, Where::All, del, docs("1.0.0", "O(n)", "Removes keys, each atomically.")),
    row(
        "unlink",
        -2,
        &["write", "fast"],
        Where::All,
        del,
        docs("4.0.0", "O(n)", "Removes keys, each atomically."),
    ),
    row(
        "exists",
        -2,
        READ,
        Where::All,
        exists,
        docs("1.0.0", "O(n)", "Counts the keys that are there."),
    ),
    row(
        "touch",
        -2,
        READ,
        Where::All,
        exists,
        docs("3.2.1", "O(n)", "Counts the keys that are there."),
    ),
    row(
        "type",
        2,
        READ,
        Where::First,
        kind,
        docs("1.0.0", "O(1)", "Returns the type of a key: string or none."),
    ),
    row(
        "keys",
        2,
        LOOK,
        Where::Nowhere,
        keys,
        docs("1.0.0", "O(n), n being all keys", "Returns the keys that match a pattern."),
    ),
    row(
        "scan",
        -2,
        LOOK,
        Where::Nowhere,
        scan,
        docs("2.8.0", "O(count) for each call", "Returns some keys, and a cursor for the next."),
    ),
    row(
        "randomkey",
        1,
        LOOK,
        Where::Nowhere,
        randomkey,
        docs("1.0.0", "O(1)", "Returns some key."),
    ),
    row(
        "dbsize",
        1,
        READ,
        Where::Nowhere,
        dbsize,
        Docs { group: "server", ..docs("1.0.0", "O(cores)", "Counts the keys.") },
    ),
    row(
        "flushdb",
        -1,
        WRITE,
        Where::Nowhere,
        flush,
        Docs { group: "server", ..docs("1.0.0", "O(1)", "Removes all keys at one instant.") },
    ),
    row(
        "flushall",
        -1,
        WRITE,
        Where::Nowhere,
        flush,
        Docs { group: "server", ..docs("1.0.0", "O(1)", "Removes all keys at one instant.") },
    ),
];

fn del(call: &mut Call<'_>) -> Outcome {
    let removed = call.shared.store.keys.delete_many(call.args.iter().skip(1));
    call.reply.count(removed);
    Ok(())
}

fn exists(call: &mut Call<'_>) -> Outcome {
    let mut found = 0;
    call.shared.store.keys.with_many(call.args.iter().skip(1), |_, value| {
        found += usize::from(value.is_some());
    });
    call.reply.count(found);
    Ok(())
}

fn kind(call: &mut Call<'_>) -> Outcome {
    let exists = call.shared.store.keys.exists(&call.args[1]);
    call.reply.simple(if exists { "string" } else { "none" });
    Ok(())
}

/// Keys on their way into a reply, which begins with their number.
struct Found {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Bytes that may be found; the reply then is too long in any case.
    limit: usize,
}

impl Found {
    fn new(call: &Call<'_>) -> Self {
        Self { bytes: Vec::new(), ends: Vec::new(), limit: call.shared.config.max_reply }
    }

    fn push(&mut self, key: &[u8]) {
        if self.bytes.len() <= self.limit {
            self.bytes.extend_from_slice(key);
            self.ends.push(self.bytes.len());
        }
    }

    fn reply(self, call: &mut Call<'_>) {
        call.reply.array(self.ends.len());
        let mut start = 0;
        for end in self.ends {
            call.reply.bulk(&self.bytes[start..end]);
            start = end;
        }
    }
}

fn keys(call: &mut Call<'_>) -> Outcome {
    let pattern = Pattern::new(&call.args[1]);
    let mut found = Found::new(call);
    // It may take a while; others get this thread's place.
    tokio::task::block_in_place(|| {
        call.shared.store.keys.for_each_key(&pattern, |key| found.push(key));
        found.reply(call);
    });
    Ok(())
}

fn scan(call: &mut Call<'_>) -> Outcome {
    let (mut pattern, mut count, mut is_string) = (Pattern::<[u8]>::prefix(b""), 10, true);
    let cursor = cursor(&call.args[1]).ok_or(Refusal::new("ERR invalid cursor"))?;
    let mut options = call.args.iter().skip(2);
    while let Some(option) = options.next() {
        let value = options.next().ok_or(Refusal::SYNTAX)?;
        if option.eq_ignore_ascii_case(b"count") {
            count = int(value)?;
            if count < 1 {
                return Err(Refusal::SYNTAX);
            }
        } else if option.eq_ignore_ascii_case(b"match") {
            pattern = Pattern::new(value);
        } else if option.eq_ignore_ascii_case(b"type") {
            is_string = value.eq_ignore_ascii_case(b"string");
        } else {
            return Err(Refusal::SYNTAX);
        }
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut found = Found::new(call);
    let page = || call.shared.store.keys.scan_page(cursor, &pattern, count);
    /// A page of more than so many keys takes a while; others get this thread's place.
    const LONG: usize = 10_000;
    let (next, page) = if count > LONG { tokio::task::block_in_place(page) } else { page() };
    page.iter().filter(|_| is_string).for_each(|item| found.push(item.key()));
    call.reply.array(2);
    call.reply.bulk(u64::from(next).to_string().as_bytes());
    found.reply(call);
    Ok(())
}

/// A cursor as `strtoul` reads it: nothing is 0, and a sign counts.
fn cursor(text: &[u8]) -> Option<Cursor> {
    let (negative, digits) = match text {
        [] => return Some(Cursor::START),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })?;
    Some(if negative { number.wrapping_neg() } else { number }.into())
}

fn randomkey(call: &mut Call<'_>) -> Outcome {
    match call.shared.store.random_key(random(), random()) {
        Some(item) => call.reply.bulk(item.key()),
        None => call.reply.null(),
    }
    Ok(())
}

fn dbsize(call: &mut Call<'_>) -> Outcome {
    call.reply.count(call.shared.store.keys.len());
    Ok(())
}

fn flush(call: &mut Call<'_>) -> Outcome {
    let options = [&b"sync"[..], b"async"];
    match (call.args.len(), call.args.get(1)) {
        (1, _) => {}
        (2, Some(option)) if options.iter().any(|it| option.eq_ignore_ascii_case(it)) => {}
        _ => return Err(Refusal::SYNTAX),
    }
    call.shared.store.keys.clear();
    call.reply.ok();
    Ok(())
}
