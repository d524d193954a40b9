//! The table of bugs that peers had: each row names a test, and the test is there.

use super::source::{root, text_files};
use std::fs;

/// What stands for a test where the compiler itself judges.
const COMPILED: [&str; 2] = ["`compile_fail` example", "refuses to compile"];

/// What is within backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The rows of the table below a heading, without its head.
fn rows<'p>(page: &'p str, heading: &str) -> impl Iterator<Item = &'p str> {
    let section = page.split(heading).nth(1).expect("the heading is there");
    let lines = section.lines().skip_while(|line| !line.starts_with("| --- "));
    lines.skip(1).take_while(|line| line.starts_with("| "))
}

#[test]
fn every_bug_of_a_peer_has_a_test_that_is_there() {
    let page = fs::read_to_string(root().join("docs/VERIFICATION.md")).expect("the page");
    let mut files = Vec::new();
    ["tests", "loom-tests", "src"].iter().for_each(|dir| text_files(&root().join(dir), &mut files));
    let is_there = |name: &str| {
        let (model, name) = name.strip_prefix("l:").map_or((false, name), |name| (true, name));
        let file = name.split("::").next().expect("a first part");
        let function = format!("fn {}(", name.rsplit("::").next().expect("a last part"));
        files.iter().any(|(path, text)| {
            let path = path.strip_prefix(root()).expect("a file below the root");
            let is_place = path.with_extension("").iter().any(|part| part == file);
            is_place && path.starts_with("loom-tests") == model && text.contains(&function)
        })
    };
    let mut count = 0;
    for row in rows(&page, "## Bugs that peers had") {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().expect("a last column");
        let names: Vec<_> = quoted(tests).filter(|name| name.contains("::")).collect();
        let is_compiled = COMPILED.iter().any(|means| tests.contains(means));
        assert!(is_compiled || names.iter().any(|name| is_there(name)), "no test: {row}");
        let missing = names.iter().find(|name| **name != "Kv::with" && !is_there(name));
        assert_eq!(missing, None, "{row}");
        count += 1;
    }
    assert!(count > 50, "{count} rows");
}
