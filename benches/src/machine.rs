//! What a figure depends on beside the command: when, which source, which machine.

use std::process::Command;

/// What of them is not to be had.
const UNKNOWN: &str = "unknown";

/// Names and values, the same in each record. No names of machines or folders.
#[must_use]
pub fn facts() -> Vec<(&'static str, String)> {
    let facts = [
        ("date", output("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"])),
        ("commit", Some(env!("EPOCHKV_COMMIT").to_owned())),
        ("rustc", Some(env!("EPOCHKV_RUSTC").to_owned())),
        ("cpu", file("/proc/cpuinfo").and_then(|text| model(&text))),
        ("kernel", file("/proc/sys/kernel/osrelease")),
        ("libc", output("getconf", &["GNU_LIBC_VERSION"])),
        ("huge_pages", file("/sys/kernel/mm/transparent_hugepage/enabled")),
        ("load", file("/proc/loadavg")),
    ];
    let tidy = |value: Option<String>| {
        value.map_or_else(|| UNKNOWN.to_owned(), |value| value.trim().to_owned())
    };
    facts.into_iter().map(|(name, value)| (name, tidy(value))).collect()
}

/// What `/proc/cpuinfo` calls the first processor.
fn model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.to_owned())
}

fn file(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    String::from_utf8(output.stdout).ok().filter(|_| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::{facts, model};

    #[test]
    fn nothing_is_empty() {
        assert!(facts().iter().all(|(_, value)| !value.is_empty() && !value.contains('\n')));
    }

    #[test]
    fn the_model_is_that_of_the_first_processor() {
        let text =
            "processor\t: 0\nmodel\t\t: 17\nmodel name\t: One 3.0 GHz\n\nmodel name\t: Two\n";
        assert_eq!(model(text).as_deref(), Some(" One 3.0 GHz"));
        assert_eq!(model("Features: fp asimd\n"), None);
    }
}
