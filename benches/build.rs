//! What only the build knows of itself, for the records: the commit and the compiler.

use std::process::Command;

/// What a run depends on, beside the compiler.
const SOURCES: [&str; 4] = ["../src", "../Cargo.toml", "../Cargo.lock", "src"];

fn main() {
    SOURCES.iter().for_each(|path| println!("cargo:rerun-if-changed={path}"));
    // Where git notes each commit that is checked out or made.
    let log = first_line("git", &["rev-parse", "--git-path", "logs/HEAD"]);
    if let Some(log) = log.filter(|log| std::fs::exists(log).is_ok_and(|exists| exists)) {
        println!("cargo:rerun-if-changed={log}");
    }
    let compiler = std::env::var("RUSTC").ok().and_then(|rustc| first_line(&rustc, &["-V"]));
    set("EPOCHKV_COMMIT", commit());
    set("EPOCHKV_RUSTC", compiler);
}

/// The commit, with a plus sign if the sources are not as in it.
fn commit() -> Option<String> {
    let commit = first_line("git", &["rev-parse", "--short", "HEAD"])?;
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    let is_changed = first_line("git", &[&status[..], &SOURCES].concat()).is_some();
    Some(if is_changed { commit + "+" } else { commit })
}

fn set(name: &str, value: Option<String>) {
    println!("cargo:rustc-env={name}={}", value.as_deref().unwrap_or("unknown"));
}

fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().filter(|_| output.status.success()).map(str::to_owned)
}
