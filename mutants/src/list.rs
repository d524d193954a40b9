//! The list of `cargo mutants --list --json`.

use serde_json::Value;

#[derive(Clone)]
pub struct Mutant {
    pub name: String,
    pub file: String,
    pub genre: String,
    pub replacement: String,
    /// Line and column of where it begins, from 1.
    pub start: (usize, usize),
}

pub fn read(path: &str) -> Vec<Mutant> {
    let text = std::fs::read_to_string(path).expect("the list");
    let list: Value = serde_json::from_str(&text).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let number = |value: &Value| value.as_u64().expect("a number") as usize;
    list.as_array()
        .expect("an array")
        .iter()
        .map(|one| Mutant {
            name: text(&one["name"]),
            file: text(&one["file"]),
            genre: text(&one["genre"]),
            replacement: text(&one["replacement"]),
            start: (number(&one["span"]["start"]["line"]), number(&one["span"]["start"]["column"])),
        })
        .collect()
}
