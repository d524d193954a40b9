//! SET with all its options, what is short for it, and GETEX, which shares them.

use super::table::row;
use super::{Call, Command, Docs, Outcome, Refusal, Where, int};
use crate::protocol::Args;
use crate::store::{encode, until};
use epochkv::{Change, Snapshot, Ttl};

const fn docs(since: &'static str, summary: &'static str) -> Docs {
    Docs { group: "string", since, complexity: "O(1)", summary }
}

const WRITE: &[&str] = &["write", "denyoom"];
const QUICK: &[&str] = &["write", "denyoom", "fast"];

pub(super) const COMMANDS: &[Command] = &[
    row(
        "set",
        -3,
        WRITE,
        Where::First,
        set,
        docs("1.0.0", "Sets a string, under conditions, with a time to live, or both."),
    ),
    row(
        "setnx",
        3,
        QUICK,
        Where::First,
        setnx,
        docs("1.0.0", "Sets a string if the key is absent."),
    ),
    row(
        "setex",
        4,
        WRITE,
        Where::First,
        setex,
        docs("2.0.0", "Sets a string that lives for some seconds."),
    ),
    row(
        "psetex",
        4,
        WRITE,
        Where::First,
        psetex,
        docs("2.6.0", "Sets a string that lives for some milliseconds."),
    ),
    row(
        "getset",
        3,
        QUICK,
        Where::First,
        getset,
        docs("1.0.0", "Sets a string and returns the one before."),
    ),
    row(
        "getex",
        -2,
        &["write", "fast"],
        Where::First,
        getex,
        docs("6.2.0", "Returns a string and sets or removes its time to live."),
    ),
];

/// What stands behind key and value of SET, or behind the key of GETEX.
#[derive(Default)]
struct Options<'a> {
    condition: Option<Condition>,
    get: bool,
    ttl: Option<TtlOption<'a>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Condition {
    IfAbsent,
    IfPresent,
}

#[derive(Clone, Copy)]
enum TtlOption<'a> {
    Keep,
    Persist,
    Expire(Unit, &'a [u8]),
}

/// How a time is given.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Seconds,
    Milliseconds,
    UnixSeconds,
    UnixMilliseconds,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>, start: usize, is_set: bool) -> Result<Self, Refusal> {
        let mut options = Self::default();
        let mut args = args.iter().skip(start);
        while let Some(option) = args.next() {
            let mut lower = [0; 8];
            let lower = lower.get_mut(..option.len()).ok_or(Refusal::SYNTAX)?;
            lower.copy_from_slice(option);
            lower.make_ascii_lowercase();
            match (&*lower, is_set) {
                (b"nx", true) => options.only(Condition::IfAbsent)?,
                (b"xx", true) => options.only(Condition::IfPresent)?,
                (b"get", true) => options.get = true,
                (b"keepttl", true) => match options.ttl {
                    None | Some(TtlOption::Keep) => options.ttl = Some(TtlOption::Keep),
                    _ => return Err(Refusal::SYNTAX),
                },
                (b"persist", false) => match options.ttl {
                    None | Some(TtlOption::Persist) => options.ttl = Some(TtlOption::Persist),
                    _ => return Err(Refusal::SYNTAX),
                },
                (b"ex", _) => options.expire(Unit::Seconds, args.next())?,
                (b"px", _) => options.expire(Unit::Milliseconds, args.next())?,
                (b"exat", _) => options.expire(Unit::UnixSeconds, args.next())?,
                (b"pxat", _) => options.expire(Unit::UnixMilliseconds, args.next())?,
                _ => return Err(Refusal::SYNTAX),
            }
        }
        Ok(options)
    }

    fn only(&mut self, condition: Condition) -> Outcome {
        if self.condition.is_some_and(|other| other != condition) {
            return Err(Refusal::SYNTAX);
        }
        self.condition = Some(condition);
        Ok(())
    }

    /// The same option may stand twice; the last one counts.
    fn expire(&mut self, unit: Unit, time: Option<&'a [u8]>) -> Outcome {
        let time = time.ok_or(Refusal::SYNTAX)?;
        match self.ttl {
            Some(TtlOption::Expire(other, _)) if other != unit => Err(Refusal::SYNTAX),
            Some(TtlOption::Keep | TtlOption::Persist) => Err(Refusal::SYNTAX),
            _ => {
                self.ttl = Some(TtlOption::Expire(unit, time));
                Ok(())
            }
        }
    }
}

/// When a time that is given to a command is over.
fn deadline(call: &Call<'_>, unit: Unit, time: &[u8], command: &str) -> Result<Ttl, Refusal> {
    let invalid = || format!("ERR invalid expire time in '{command}' command").into();
    let time = Some(int(time)?).filter(|time| *time > 0);
    let ms = match unit {
        Unit::Seconds | Unit::UnixSeconds => time.and_then(|time| time.checked_mul(1000)),
        Unit::Milliseconds | Unit::UnixMilliseconds => time,
    };
    let ms = match unit {
        Unit::Seconds | Unit::Milliseconds => {
            ms.and_then(|ms| ms.checked_add(call.shared.store.now_ms()))
        }
        Unit::UnixSeconds | Unit::UnixMilliseconds => ms,
    };
    ms.map(until).ok_or_else(invalid)
}

fn set(call: &mut Call<'_>) -> Outcome {
    let options = Options::parse(call.args, 3, true)?;
    let keep = matches!(options.ttl, Some(TtlOption::Keep));
    let ttl = match options.ttl {
        Some(TtlOption::Expire(unit, time)) => deadline(call, unit, time, "set")?,
        _ => Ttl::NEVER,
    };
    let (keys, key, value) = (&call.shared.store.keys, &call.args[1], encode(&call.args[2]));
    let done = match (options.condition, keep, options.get) {
        (None, false, false) => keys.set_ex(key, value, ttl).map(|()| true)?,
        (Some(Condition::IfAbsent), _, false) => keys.set_if_absent(key, value, ttl)?,
        (Some(Condition::IfPresent), false, false) => keys.set_if_present(key, value, ttl)?,
        (condition, keep, get) => {
            let value = value.into_value();
            let mut seen = None;
            let mut done = false;
            keys.update(key, |old: Option<&Snapshot>| {
                seen = old.cloned();
                done = match condition {
                    None => true,
                    Some(Condition::IfAbsent) => old.is_none(),
                    Some(Condition::IfPresent) => old.is_some(),
                };
                match (done, keep) {
                    (false, _) => Change::Keep,
                    (true, true) => Change::Set(value.clone()),
                    (true, false) => Change::SetEx(value.clone(), ttl),
                }
            })?;
            if get {
                call.reply.value_or_null(seen.as_ref());
                return Ok(());
            }
            done
        }
    };
    if done {
        call.reply.ok()
    } else {
        call.reply.null()
    }
    Ok(())
}

fn setnx(call: &mut Call<'_>) -> Outcome {
    let (keys, value) = (&call.shared.store.keys, encode(&call.args[2]));
    let done = keys.set_if_absent(&call.args[1], value, Ttl::NEVER)?;
    call.reply.int(done.into());
    Ok(())
}

fn setex(call: &mut Call<'_>) -> Outcome {
    set_for(call, Unit::Seconds, "setex")
}

fn psetex(call: &mut Call<'_>) -> Outcome {
    set_for(call, Unit::Milliseconds, "psetex")
}

fn set_for(call: &mut Call<'_>, unit: Unit, command: &str) -> Outcome {
    let ttl = deadline(call, unit, &call.args[2], command)?;
    call.shared.store.keys.set_ex(&call.args[1], encode(&call.args[3]), ttl)?;
    call.reply.ok();
    Ok(())
}

fn getset(call: &mut Call<'_>) -> Outcome {
    let (keys, value) = (&call.shared.store.keys, encode(&call.args[2]));
    let old = keys.swap(&call.args[1], value, Ttl::NEVER)?;
    call.reply.value_or_null(old.as_ref());
    Ok(())
}

fn getex(call: &mut Call<'_>) -> Outcome {
    let options = Options::parse(call.args, 2, false)?;
    let (keys, key) = (&call.shared.store.keys, &call.args[1]);
    let ttl = match options.ttl {
        None | Some(TtlOption::Keep) => {
            let value = keys.get(key);
            call.reply.value_or_null(value.as_ref());
            return Ok(());
        }
        Some(TtlOption::Persist) => Ttl::NEVER,
        Some(TtlOption::Expire(unit, time)) => match deadline(call, unit, time, "getex") {
            Ok(ttl) => ttl,
            // The time is looked at only if there is something that could have it.
            Err(refusal) if keys.exists(key) => return Err(refusal),
            Err(_) => {
                call.reply.null();
                return Ok(());
            }
        },
    };
    let mut seen = None;
    keys.update(key, |old: Option<&Snapshot>| {
        seen = old.cloned();
        old.map_or(Change::Keep, |old| Change::SetEx(old.to_value(), ttl))
    })?;
    call.reply.value_or_null(seen.as_ref());
    Ok(())
}
