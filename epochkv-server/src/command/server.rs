//! The server: its time and its settings.

use super::table::{parent, row};
use super::{Call, Command, Docs, Outcome, Refusal, Where};
use epochkv::Pattern;
use std::time::{SystemTime, UNIX_EPOCH};

const fn docs(since: &'static str, summary: &'static str) -> Docs {
    Docs { group: "server", since, complexity: "O(1)", summary }
}

const ADMIN: &[&str] = &["admin", "loading", "stale"];

pub(super) const COMMANDS: &[Command] = &[
    row(
        "time",
        1,
        &["loading", "stale", "fast"],
        Where::Nowhere,
        time,
        docs("2.6.0", "Returns the seconds since 1970, and the microseconds."),
    ),
    parent("config", CONFIG, docs("2.0.0", "Commands about settings.")),
    parent(
        "function",
        FUNCTION,
        docs("7.0.0", "Commands about functions, of which there are none."),
    ),
];

const CONFIG: &[Command] = &[
    row(
        "config|get",
        -3,
        ADMIN,
        Where::Nowhere,
        get,
        docs("2.0.0", "Returns the settings whose names match."),
    ),
    row(
        "config|resetstat",
        2,
        ADMIN,
        Where::Nowhere,
        resetstat,
        docs("2.0.0", "Begins anew to count what INFO shows."),
    ),
    row(
        "config|set",
        -4,
        ADMIN,
        Where::Nowhere,
        set,
        docs("2.0.0", "Is refused: settings are made at the start."),
    ),
];

const FUNCTION: &[Command] = &[row(
    "function|flush",
    -2,
    &["write"],
    Where::Nowhere,
    flush,
    docs("7.0.0", "Removes all functions: does nothing."),
)];

fn time(call: &mut Call<'_>) -> Outcome {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    call.reply.array(2);
    call.reply.bulk(now.as_secs().to_string().as_bytes());
    call.reply.bulk(now.subsec_micros().to_string().as_bytes());
    Ok(())
}

/// The settings by Redis's names, those that clients ask for though they are fixed
/// included.
fn settings(call: &Call<'_>) -> Vec<(&'static str, String)> {
    let config = &call.shared.config;
    vec![
        ("appendonly", "no".into()),
        ("bind", config.bind.to_string()),
        ("databases", "1".into()),
        ("maxclients", config.max_connections.to_string()),
        ("maxmemory", "0".into()),
        ("maxmemory-policy", "noeviction".into()),
        ("port", call.shared.port.to_string()),
        ("proto-max-bulk-len", config.max_request.to_string()),
        ("save", String::new()),
        ("timeout", config.idle_timeout.as_secs().to_string()),
    ]
}

fn get(call: &mut Call<'_>) -> Outcome {
    let lower = call.args.iter().skip(2).map(<[u8]>::to_ascii_lowercase);
    let patterns: Vec<_> = lower.map(|name| Pattern::<[u8]>::new(&name)).collect();
    let is_meant = |name: &str| patterns.iter().any(|it| it.is_match(name.as_bytes()));
    let mut settings = settings(call);
    settings.retain(|(name, _)| is_meant(name));
    call.reply.map(settings.len());
    for (name, value) in settings {
        call.reply.bulk(name.as_bytes());
        call.reply.bulk(value.as_bytes());
    }
    Ok(())
}

fn set(call: &mut Call<'_>) -> Outcome {
    let name = &call.args[2];
    let mut known = settings(call).into_iter().map(|(known, _)| known.as_bytes());
    let (before, after) = match known.any(|known| name.eq_ignore_ascii_case(known)) {
        true => (
            "ERR CONFIG SET failed (possibly related to argument '",
            "') - can't set immutable config",
        ),
        false => ("ERR Unknown option or number of arguments for CONFIG SET - '", "'"),
    };
    Err(Refusal::about(before, name, after))
}

fn resetstat(call: &mut Call<'_>) -> Outcome {
    call.shared.figures.reset();
    call.reply.ok();
    Ok(())
}

fn flush(call: &mut Call<'_>) -> Outcome {
    let option = call.args.get(2).unwrap_or(b"sync").to_ascii_lowercase();
    if call.args.len() > 3 || !matches!(option.as_slice(), b"sync" | b"async") {
        return Err(Refusal::new("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    call.reply.ok();
    Ok(())
}
