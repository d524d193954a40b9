//! Strings, but for SET and its relatives.

use super::table::row;
use super::{Call, Command, Docs, Outcome, Refusal, Where};
use crate::store::{Text, encode};
use epochkv::{Change, Snapshot, Ttl};

const fn docs(since: &'static str, complexity: &'static str, summary: &'static str) -> Docs {
    Docs { group: "string", since, complexity, summary }
}

const READ: &[&str] = &["readonly", "fast"];
const WRITE: &[&str] = &["write", "denyoom", "fast"];

pub(super) const COMMANDS: &[Command] = &[
    row("get", 2, READ, Where::First, get, docs("1.0.0", "O(1)", "Returns the string of a key.")),
    row(
        "getdel",
        2,
        &["write", "fast"],
        Where::First,
        getdel,
        docs("6.2.0", "O(1)", "Removes a key and returns its string."),
    ),
    row(
        "mget",
        -2,
        READ,
        Where::All,
        mget,
        docs("1.0.0", "O(n)", "Returns the strings of keys, each as of some instant."),
    ),
    row(
        "mset",
        -3,
        &["write", "denyoom"],
        Where::EveryOther,
        mset,
        docs("1.0.1", "O(n)", "Sets keys, each atomically, not all at one instant."),
    ),
    row(
        "strlen",
        2,
        READ,
        Where::First,
        strlen,
        docs("2.2.0", "O(1)", "Returns the length of a string."),
    ),
    row(
        "append",
        3,
        WRITE,
        Where::First,
        append,
        docs(
            "2.0.0",
            "O(n), n being the length of the result",
            "Appends to a string, which is empty if the key is absent.",
        ),
    ),
    row(
        "getrange",
        4,
        &["readonly"],
        Where::First,
        getrange,
        docs("2.4.0", "O(n), n being the length of the result", "Returns a part of a string."),
    ),
    row(
        "substr",
        4,
        &["readonly"],
        Where::First,
        getrange,
        docs("1.0.0", "O(n), n being the length of the result", "The old name of GETRANGE."),
    ),
    row(
        "setrange",
        4,
        &["write", "denyoom"],
        Where::First,
        setrange,
        docs("2.2.0", "O(n), n being the length of the result", "Overwrites a part of a string."),
    ),
];

fn get(call: &mut Call<'_>) -> Outcome {
    let value = call.shared.store.keys.get(&call.args[1]);
    call.reply.value_or_null(value.as_ref());
    Ok(())
}

fn getdel(call: &mut Call<'_>) -> Outcome {
    let value = call.shared.store.keys.take(&call.args[1]);
    call.reply.value_or_null(value.as_ref());
    Ok(())
}

fn mget(call: &mut Call<'_>) -> Outcome {
    let values = call.shared.store.keys.get_many(call.args.iter().skip(1));
    call.reply.array(values.len());
    values.iter().for_each(|value| call.reply.value_or_null(value.as_ref()));
    Ok(())
}

fn mset(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    if args.len() % 2 == 0 {
        return Err(Refusal::arity("mset"));
    }
    let pairs = (1..args.len()).step_by(2);
    let pairs = pairs.filter_map(|at| Some((args.get(at)?, encode(args.get(at + 1)?))));
    call.shared.store.keys.set_many(pairs, Ttl::NEVER)?;
    call.reply.ok();
    Ok(())
}

fn strlen(call: &mut Call<'_>) -> Outcome {
    let len = call.shared.store.keys.with(&call.args[1], |value| Text::new(value).bytes().len());
    call.reply.count(len.unwrap_or(0));
    Ok(())
}

fn append(call: &mut Call<'_>) -> Outcome {
    let (args, limit) = (call.args, call.shared.config.max_request);
    let more = &args[2];
    let len = rewrite(call, |old| {
        if old.len() + more.len() > limit {
            return Err(TOO_LONG);
        }
        Ok(Some([old, more].concat()))
    })?;
    call.reply.count(len);
    Ok(())
}

const TOO_LONG: Refusal =
    Refusal::new("ERR string exceeds maximum allowed size (proto-max-bulk-len)");

fn getrange(call: &mut Call<'_>) -> Outcome {
    let [start, end] = [super::int(&call.args[2])?, super::int(&call.args[3])?];
    let value = call.shared.store.keys.get(&call.args[1]);
    let mut text = value.as_ref().map(|value| Text::new(value.as_ref()));
    let bytes = text.as_mut().map(Text::bytes).unwrap_or_default();
    call.reply.bulk(part(bytes, start, end));
    Ok(())
}

/// The bytes from `start` to `end`, both included; negative ones count from the end.
fn part(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return &[];
    }
    let len = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let place = |at: i64| if at < 0 { at.saturating_add(len).max(0) } else { at };
    let (start, end) = (place(start), place(end).min(len - 1).saturating_add(1));
    let [start, end] = [start, end].map(|at| usize::try_from(at).unwrap_or(0));
    bytes.get(start..end).unwrap_or_default()
}

fn setrange(call: &mut Call<'_>) -> Outcome {
    let (args, limit) = (call.args, call.shared.config.max_request);
    let Ok(offset) = usize::try_from(super::int(&args[2])?) else {
        return Err(Refusal::new("ERR offset is out of range"));
    };
    let patch = &args[3];
    let len = rewrite(call, |old| {
        if patch.is_empty() {
            return Ok(None);
        }
        let end = offset.saturating_add(patch.len());
        if end > limit {
            return Err(TOO_LONG);
        }
        let mut new = old.to_vec();
        new.resize(end.max(old.len()), 0);
        new[offset..end].copy_from_slice(patch);
        Ok(Some(new))
    })?;
    call.reply.count(len);
    Ok(())
}

/// Replaces a string, empty if the key is absent, by what `change` makes of it, unless it
/// makes nothing. The deadline stays. Returns the length of the string after that.
fn rewrite(
    call: &mut Call<'_>,
    change: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, Refusal>,
) -> Result<usize, Refusal> {
    let mut len = Ok(0);
    call.shared.store.keys.update(&call.args[1], |old: Option<&Snapshot>| {
        let mut text = old.map(|old| Text::new(old.as_ref()));
        let old = text.as_mut().map(Text::bytes).unwrap_or_default();
        match change(old) {
            Ok(Some(new)) => {
                len = Ok(new.len());
                Change::Set(encode(&new).into_value())
            }
            Ok(None) => {
                len = Ok(old.len());
                Change::Keep
            }
            Err(refusal) => {
                len = Err(refusal);
                Change::Keep
            }
        }
    })?;
    len
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn parts() {
        for (start, end, expected) in [
            (0, 3, "This"),
            (0, -1, "This is"),
            (-2, -1, "is"),
            (-100, 3, "This"),
            (5, 100, "is"),
            (5, 3, ""),
            (-1, -3, ""),
            (7, 9, ""),
            (i64::MIN, i64::MAX, "This is"),
            (i64::MAX, i64::MIN, ""),
            (0, -100, "T"),
        ] {
            assert_eq!(part(b"This is", start, end), expected.as_bytes(), "{start} {end}");
        }
        assert_eq!(part(b"", 0, -1), b"");
    }
}
