//! INFO.

use super::table::row;
use super::{Call, Command, Docs, Outcome, Where};
use std::fmt::Write as _;

/// The version of Redis whose commands these are: what clients decide by.
pub(super) const REDIS_VERSION: &str = "7.0.15";

pub(super) const COMMANDS: &[Command] = &[row(
    "info",
    -1,
    &["loading", "stale"],
    Where::Nowhere,
    info,
    Docs {
        group: "server",
        since: "1.0.0",
        complexity: "O(1)",
        summary: "Returns figures about the server, in sections.",
    },
)];

/// A section: its name, and what writes its lines.
type Section = (&'static str, fn(&Call<'_>, &mut String) -> std::fmt::Result);

const SECTIONS: [Section; 8] = [
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", replication),
    ("Cluster", cluster),
    ("Keyspace", keyspace),
];

fn info(call: &mut Call<'_>) -> Outcome {
    let wanted: Vec<_> = call.args.iter().skip(1).map(<[u8]>::to_ascii_lowercase).collect();
    let everything = [&b"all"[..], b"default", b"everything"];
    let all = wanted.is_empty() || wanted.iter().any(|it| everything.contains(&it.as_slice()));
    let mut text = String::new();
    for (name, write) in SECTIONS {
        if all || wanted.iter().any(|it| it.eq_ignore_ascii_case(name.as_bytes())) {
            let gap = if text.is_empty() { "" } else { "\r\n" };
            // Writing into a string does not fail.
            let _ = write!(text, "{gap}# {name}\r\n").and_then(|()| write(call, &mut text));
        }
    }
    call.reply.verbatim(&text);
    Ok(())
}

fn server(call: &Call<'_>, text: &mut String) -> std::fmt::Result {
    let uptime = call.shared.started.elapsed().as_secs();
    write!(
        text,
        "redis_version:{REDIS_VERSION}\r\nepochkv_version:{}\r\nredis_mode:standalone\r\n\
         os:{} {}\r\narch_bits:{}\r\nmultiplexing_api:tokio\r\nprocess_id:{}\r\nrun_id:{}\r\n\
         tcp_port:{}\r\nuptime_in_seconds:{uptime}\r\nuptime_in_days:{}\r\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        usize::BITS,
        std::process::id(),
        call.shared.run_id,
        call.shared.port,
        uptime / 86_400,
    )
}

fn clients(call: &Call<'_>, text: &mut String) -> std::fmt::Result {
    write!(
        text,
        "connected_clients:{}\r\nmaxclients:{}\r\nblocked_clients:0\r\n",
        call.shared.clients.len(),
        call.shared.config.max_connections,
    )
}

fn memory(call: &Call<'_>, text: &mut String) -> std::fmt::Result {
    let resident = resident_bytes();
    let table = call.shared.store.keys.stats().table_bytes;
    // What the allocator has handed out is not known; resident memory is no less.
    write!(
        text,
        "used_memory:{resident}\r\nused_memory_human:{}\r\nused_memory_rss:{resident}\r\n\
         table_bytes:{table}\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n",
        human(resident),
    )
}

/// The resident memory of the process, or 0 where the system does not tell.
fn resident_bytes() -> u64 {
    /// The size of a page where this file exists and is asked.
    const PAGE: u64 = 4096;

    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0).saturating_mul(PAGE)
}

fn human(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes}B"),
        1024..1_048_576 => format!("{:.2}K", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.2}M", bytes as f64 / 1_048_576.0),
        _ => format!("{:.2}G", bytes as f64 / 1_073_741_824.0),
    }
}

fn persistence(_: &Call<'_>, text: &mut String) -> std::fmt::Result {
    write!(text, "loading:0\r\nrdb_changes_since_last_save:0\r\naof_enabled:0\r\n")
}

fn stats(call: &Call<'_>, text: &mut String) -> std::fmt::Result {
    let (figures, stats) = (&call.shared.figures, call.shared.store.keys.stats());
    write!(
        text,
        "total_connections_received:{}\r\ntotal_commands_processed:{}\r\n\
         total_net_input_bytes:{}\r\ntotal_net_output_bytes:{}\r\nrejected_connections:{}\r\n\
         total_error_replies:{}\r\nexpired_keys:{}\r\nevicted_keys:0\r\ntable_resizes:{}\r\n",
        figures.connections.get(),
        figures.commands.get(),
        figures.read.get(),
        figures.written.get(),
        figures.rejected.get(),
        figures.errors.get(),
        stats.expired,
        stats.resizes,
    )
}

fn replication(_: &Call<'_>, text: &mut String) -> std::fmt::Result {
    write!(text, "role:master\r\nconnected_slaves:0\r\n")
}

fn cluster(_: &Call<'_>, text: &mut String) -> std::fmt::Result {
    write!(text, "cluster_enabled:0\r\n")
}

fn keyspace(call: &Call<'_>, text: &mut String) -> std::fmt::Result {
    let stats = call.shared.store.keys.stats();
    if stats.entries == 0 {
        return Ok(());
    }
    // Deadlines that wait may include some that have been replaced.
    let expires = stats.handles.min(stats.entries);
    write!(text, "db0:keys={},expires={expires},avg_ttl=0\r\n", stats.entries)
}
