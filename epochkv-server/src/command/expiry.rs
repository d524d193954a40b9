//! Times to live of keys that are there.

use super::table::row;
use super::{Call, Command, Docs, Outcome, Refusal, Where, int};
use crate::store::Deadline;
use epochkv::Condition;
use std::time::Duration;

const fn docs(since: &'static str, summary: &'static str) -> Docs {
    Docs { group: "generic", since, complexity: "O(1)", summary }
}

const WRITE: &[&str] = &["write", "fast"];
const READ: &[&str] = &["readonly", "fast"];

pub(super) const COMMANDS: &[Command] = &[
    row(
        "expire",
        -3,
        WRITE,
        Where::First,
        expire,
        docs("1.0.0", "Sets the time to live of a key, in seconds."),
    ),
    row(
        "pexpire",
        -3,
        WRITE,
        Where::First,
        pexpire,
        docs("2.6.0", "Sets the time to live of a key, in milliseconds."),
    ),
    row(
        "expireat",
        -3,
        WRITE,
        Where::First,
        expireat,
        docs("1.2.0", "Sets the end of a key, in seconds of Unix time."),
    ),
    row(
        "pexpireat",
        -3,
        WRITE,
        Where::First,
        pexpireat,
        docs("2.6.0", "Sets the end of a key, in milliseconds of Unix time."),
    ),
    row(
        "persist",
        2,
        WRITE,
        Where::First,
        persist,
        docs("2.2.0", "Removes the time to live of a key."),
    ),
    row(
        "ttl",
        2,
        READ,
        Where::First,
        ttl,
        docs("1.0.0", "Returns the seconds that a key has left."),
    ),
    row(
        "pttl",
        2,
        READ,
        Where::First,
        pttl,
        docs("2.6.0", "Returns the milliseconds that a key has left."),
    ),
    row(
        "expiretime",
        2,
        READ,
        Where::First,
        expiretime,
        docs("7.0.0", "Returns the end of a key, in seconds of Unix time."),
    ),
    row(
        "pexpiretime",
        2,
        READ,
        Where::First,
        pexpiretime,
        docs("7.0.0", "Returns the end of a key, in milliseconds of Unix time."),
    ),
];

fn expire(call: &mut Call<'_>) -> Outcome {
    let now = call.shared.store.now_ms();
    set_end(call, 1000, now, "expire")
}

fn pexpire(call: &mut Call<'_>) -> Outcome {
    let now = call.shared.store.now_ms();
    set_end(call, 1, now, "pexpire")
}

fn expireat(call: &mut Call<'_>) -> Outcome {
    set_end(call, 1000, 0, "expireat")
}

fn pexpireat(call: &mut Call<'_>) -> Outcome {
    set_end(call, 1, 0, "pexpireat")
}

/// Sets a deadline that lies so many `units` of milliseconds after `base`.
fn set_end(call: &mut Call<'_>, unit: i64, base: i64, command: &str) -> Outcome {
    let condition = condition(call)?;
    let end = int(&call.args[2])?.checked_mul(unit);
    // Below the range is only what a negative time makes of the lowest base.
    let end = end.and_then(|end| end.checked_add(base));
    let end = end.ok_or_else(|| format!("ERR invalid expire time in '{command}' command"))?;
    // What was before 1970 has passed, as has its beginning.
    let end = Duration::from_millis(u64::try_from(end).unwrap_or(0));
    let done = call.shared.store.keys.expire_at(&call.args[1], end, condition);
    call.reply.int(done.into());
    Ok(())
}

fn condition(call: &Call<'_>) -> Result<Condition, Refusal> {
    let [mut nx, mut xx, mut gt, mut lt] = [false; 4];
    for option in call.args.iter().skip(3) {
        let known = [(&b"nx"[..], &mut nx), (b"xx", &mut xx), (b"gt", &mut gt), (b"lt", &mut lt)];
        match known.into_iter().find(|(name, _)| option.eq_ignore_ascii_case(name)) {
            Some((_, set)) => *set = true,
            None => return Err(Refusal::about("ERR Unsupported option ", option, "")),
        }
    }
    Ok(match (nx, xx, gt, lt) {
        (true, false, false, false) => Condition::IfNone,
        (true, ..) => {
            let text = "ERR NX and XX, GT or LT options at the same time are not compatible";
            return Err(Refusal::new(text));
        }
        (_, _, true, true) => {
            return Err(Refusal::new("ERR GT and LT options at the same time are not compatible"));
        }
        // A key without a deadline never ends, so nothing is later.
        (_, _, true, _) => Condition::IfLater,
        (_, true, _, true) => Condition::IfSomeAndEarlier,
        (_, false, _, true) => Condition::IfEarlier,
        (_, true, ..) => Condition::IfSome,
        _ => Condition::Always,
    })
}

fn persist(call: &mut Call<'_>) -> Outcome {
    let done = call.shared.store.keys.persist(&call.args[1]);
    call.reply.int(done.into());
    Ok(())
}

fn ttl(call: &mut Call<'_>) -> Outcome {
    answer(call, |_, left| nearest_second(left))
}

fn pttl(call: &mut Call<'_>) -> Outcome {
    answer(call, |_, left| left)
}

fn expiretime(call: &mut Call<'_>) -> Outcome {
    answer(call, |deadline, _| nearest_second(deadline))
}

fn pexpiretime(call: &mut Call<'_>) -> Outcome {
    answer(call, |deadline, _| deadline)
}

/// Replies with what `of` makes of the deadline and the time left, in milliseconds.
fn answer(call: &mut Call<'_>, of: impl FnOnce(i64, i64) -> i64) -> Outcome {
    call.reply.int(match call.shared.store.deadline(&call.args[1]) {
        Deadline::Missing => -2,
        Deadline::Never => -1,
        Deadline::At { deadline, left } => of(deadline, left),
    });
    Ok(())
}

fn nearest_second(ms: i64) -> i64 {
    ms.saturating_add(500) / 1000
}
