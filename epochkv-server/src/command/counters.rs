//! Counters: strings that are numbers.

use super::table::row;
use super::{Call, Command, Docs, Outcome, Refusal, Where, int};
use crate::float::Float;
use crate::store::{Text, encode};
use epochkv::{Change, Snapshot};

const fn docs(since: &'static str, summary: &'static str) -> Docs {
    Docs { group: "string", since, complexity: "O(1)", summary }
}

const WRITE: &[&str] = &["write", "denyoom", "fast"];

pub(super) const COMMANDS: &[Command] = &[
    row("incr", 2, WRITE, Where::First, incr, docs("1.0.0", "Adds 1 to an integer.")),
    row("incrby", 3, WRITE, Where::First, incrby, docs("1.0.0", "Adds to an integer.")),
    row("decr", 2, WRITE, Where::First, decr, docs("1.0.0", "Subtracts 1 from an integer.")),
    row("decrby", 3, WRITE, Where::First, decrby, docs("1.0.0", "Subtracts from an integer.")),
    row("incrbyfloat", 3, WRITE, Where::First, incrbyfloat, docs("2.6.0", "Adds to a number.")),
];

fn incr(call: &mut Call<'_>) -> Outcome {
    add(call, 1)
}

fn decr(call: &mut Call<'_>) -> Outcome {
    add(call, -1)
}

fn incrby(call: &mut Call<'_>) -> Outcome {
    add(call, int(&call.args[2])?)
}

fn decrby(call: &mut Call<'_>) -> Outcome {
    let amount = int(&call.args[2])?.checked_neg();
    add(call, amount.ok_or(Refusal::new("ERR decrement would overflow"))?)
}

/// What is no integer is not stored as one, so the store refuses what must be refused.
fn add(call: &mut Call<'_>, amount: i64) -> Outcome {
    let sum = call.shared.store.keys.incr_by(&call.args[1], amount)?;
    call.reply.int(sum);
    Ok(())
}

fn incrbyfloat(call: &mut Call<'_>) -> Outcome {
    let amount = Float::parse(&call.args[2]).ok_or(Refusal::NOT_A_FLOAT)?;
    let mut sum = Ok(String::new());
    call.shared.store.keys.update(&call.args[1], |old: Option<&Snapshot>| {
        sum = sum_of(old, amount);
        match &sum {
            Ok(sum) => Change::Set(encode(sum.as_bytes()).into_value()),
            Err(_) => Change::Keep,
        }
    })?;
    call.reply.bulk(sum?.as_bytes());
    Ok(())
}

fn sum_of(old: Option<&Snapshot>, amount: Float) -> Result<String, Refusal> {
    let old = match old {
        Some(old) => Float::parse(Text::new(old.as_ref()).bytes()).ok_or(Refusal::NOT_A_FLOAT)?,
        None => Float::ZERO,
    };
    let sum = old.checked_add(amount);
    let sum = sum.ok_or(Refusal::new("ERR increment would produce NaN or Infinity"))?;
    Ok(sum.print())
}
