//! What is printed and written: a table of how epochkv stands against the best
//! peer, and every figure as one line of JSON.

use crate::machine;
use crate::metric::extremes;
use crate::plan::Plan;
use crate::rounds::Row;
use core::time::Duration;
use std::fmt::Write;

/// The first lines of the table.
#[must_use]
pub fn header() -> String {
    format!(
        "{:<13} {:>5} {:>3}  {:<12} {:>12}  {:<13} {:>12}  {:>6}  {}\n",
        "workload", "keys", "thr", "figure", "epochkv", "best peer", "", "ratio", "(low..high)"
    )
}

/// The table's lines of some rows: one for each figure of each cell.
///
/// The best peer is the one against which the median of the ratios, round by
/// round, is the least; above 1, epochkv is better.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut lines = String::new();
    for ours in rows.iter().filter(|row| row.is_ours()) {
        let best = best_peer(ours, rows);
        let (peer, value) = best.map_or(("-", String::new()), |peer| {
            (peer.contestant, peer.metric.show(peer.median()))
        });
        let ratio = best.map_or_else(String::new, ratio_with_spread);
        // Writing to a String cannot fail.
        let _ = writeln!(
            lines,
            "{:<13} {:>5} {:>3}  {:<12} {:>12}  {peer:<13} {value:>12}  {ratio}",
            ours.workload.name(),
            power(ours.keys),
            ours.threads,
            ours.metric.name(),
            ours.metric.show(ours.median()),
        );
    }
    lines
}

/// The peer that comes off best against ours; where ratios say nothing, none.
#[must_use]
pub fn best_peer<'r>(ours: &Row, rows: &'r [Row]) -> Option<&'r Row> {
    let peers = rows.iter().filter(|row| !row.is_ours() && row.is_beside(ours));
    let rated = peers.filter_map(|row| row.ratio().map(|ratio| (ratio, row)));
    rated.min_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, row)| row)
}

fn ratio_with_spread(row: &Row) -> String {
    let (low, high) = extremes(&row.ratios);
    row.ratio().map_or_else(String::new, |ratio| format!("{ratio:>6.2}  ({low:.2}..{high:.2})"))
}

/// A number of keys, short: `1e6`, or in full where it is no power of ten times a digit.
#[must_use]
pub fn power(keys: usize) -> String {
    let exponent = keys.max(1).ilog10();
    let unit = 10_usize.pow(exponent);
    if exponent > 2 && keys % unit == 0 {
        format!("{}e{exponent}", keys / unit)
    } else {
        keys.to_string()
    }
}

/// What the run is, as one line of JSON.
#[must_use]
pub fn json_of_run(plan: &Plan, allocator: &str, command: &str) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let facts = machine::facts();
    let facts = facts.iter().map(|(name, value)| format!(",{}:{}", quoted(name), quoted(value)));
    format!(
        r#"{{"run":{{"allocator":{},"cores":{cores},"window_ms":{},"heap":{},"seed":{},"command":{}{}}}}}"#,
        quoted(allocator),
        plan.window.as_millis(),
        quoted(&format!("{:?}", plan.heap).to_lowercase()),
        plan.seed,
        quoted(command),
        facts.collect::<String>(),
    ) + "\n"
}

/// How long all of it took, the last line of JSON: a record without it was cut off.
#[must_use]
pub fn json_of_end(elapsed: Duration) -> String {
    format!("{{\"end\":{{\"seconds\":{:.1}}}}}\n", elapsed.as_secs_f64())
}

/// Rows as lines of JSON.
#[must_use]
pub fn json(rows: &[Row]) -> String {
    let mut lines = String::new();
    for row in rows {
        let (low, high) = row.extremes();
        let ratio = row.ratio().map_or_else(|| "null".to_owned(), |ratio| format!("{ratio:.4}"));
        // Writing to a String cannot fail.
        let _ = writeln!(
            lines,
            r#"{{"workload":{},"keys":{},"threads":{},"figure":{},"contestant":{},"median":{:.3},"low":{low:.3},"high":{high:.3},"ours_better_by":{ratio},"rounds":[{}],"ratios":[{}]}}"#,
            quoted(&row.workload.name()),
            row.keys,
            row.threads,
            quoted(row.metric.name()),
            quoted(row.contestant),
            row.median(),
            numbers(&row.values, 3),
            numbers(&row.ratios, 4),
        );
    }
    lines
}

fn numbers(values: &[f64], decimals: usize) -> String {
    values.iter().map(|value| format!("{value:.decimals$}")).collect::<Vec<_>>().join(",")
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => quoted.push(' '),
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Metric;
    use crate::plan::Heap;
    use crate::workload::Workload;

    fn row(contestant: &'static str, values: &[f64], ratios: &[f64]) -> Row {
        Row {
            workload: Workload::GetHit,
            keys: 100_000,
            threads: 2,
            metric: Metric::Throughput,
            contestant,
            values: values.to_vec(),
            ratios: ratios.to_vec(),
        }
    }

    #[test]
    fn the_table_shows_the_best_peer() {
        let rows = [
            row("epochkv", &[3e6, 3e6, 3e6], &[]),
            row("papaya", &[2e6, 1.5e6, 2e6], &[1.5, 2.0, 1.5]),
            row("flurry", &[1e6, 1e6, 1e6], &[3.0, 3.0, 3.0]),
        ];
        let line = table(&rows);
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(
            words.join(" "),
            "get_hit 1e5 2 calls/s 3.00 M/s papaya 2.00 M/s 1.50 (1.50..2.00)"
        );
    }

    #[test]
    fn json_lines_are_complete() {
        let line = json(&[row("papaya", &[2.0, 1.0], &[1.5])]);
        assert_eq!(
            line,
            concat!(
                r#"{"workload":"get_hit","keys":100000,"threads":2,"figure":"calls/s","#,
                r#""contestant":"papaya","median":1.500,"low":1.000,"high":2.000,"#,
                r#""ours_better_by":1.5000,"rounds":[2.000,1.000],"ratios":[1.5000]}"#,
                "\n"
            )
        );
        assert_eq!(quoted("a\"b\\c\n"), r#""a\"b\\c ""#);
    }

    #[test]
    fn a_record_begins_and_ends_with_the_run() {
        let plan = Plan {
            cells: Vec::new(),
            window: Duration::from_millis(20),
            heap: Heap::Fresh,
            seed: 1,
            isolated_by: None,
        };
        let line = json_of_run(&plan, "system", "--quick");
        let names = ["allocator", "command", "commit", "cpu", "date", "kernel", "libc", "rustc"];
        for name in names {
            assert!(line.contains(&format!("\"{name}\":\"")), "no {name} in {line}");
        }
        assert!(line.ends_with("\"}}\n") && line.lines().count() == 1, "{line}");
        assert_eq!(json_of_end(plan.window), "{\"end\":{\"seconds\":0.0}}\n");
    }

    #[test]
    fn numbers_of_keys_are_short() {
        assert_eq!(power(1_000), "1e3");
        assert_eq!(power(4_000_000), "4e6");
        assert_eq!(power(1_600), "1600");
        assert_eq!(power(7), "7");
    }
}
