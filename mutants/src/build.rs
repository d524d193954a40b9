//! Makes the crate with switches, without the mutants that do not compile.

use crate::list::Mutant;
use crate::switch::{self, Switched};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const SWITCHED: &str = include_str!("switched.rs.in");

/// For whom the crate is built.
#[derive(Clone, Copy, PartialEq)]
pub enum For {
    Tests,
    Models,
}

/// cargo, in the crate.
pub fn cargo(root: &Path, kind: For) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    if kind == For::Models {
        let target = std::env::var_os("CARGO_TARGET_DIR").expect("set by the script");
        cargo.env("CARGO_TARGET_DIR", Path::new(&target).join("loom"));
        let flags = "--cfg epochkv_loom --cfg crossbeam_loom --cfg crossbeam_sanitize";
        cargo.env("RUSTFLAGS", flags);
    }
    cargo
}

pub fn switch(mutants: &[Mutant], root: &Path) {
    let mut files: BTreeMap<&str, Vec<Mutant>> = BTreeMap::new();
    for mutant in mutants {
        files.entry(&mutant.file).or_default().push(mutant.clone());
    }
    let sources: BTreeMap<&str, String> = files
        .keys()
        .map(|&file| (file, fs::read_to_string(root.join(file)).expect("a source file")))
        .collect();
    let lib = root.join("src/lib.rs");
    let text = fs::read_to_string(&lib).expect("src/lib.rs");
    // Some mutants overflow for certain, and which do is told by no check, only by the build.
    let allow = "#![allow(warnings, arithmetic_overflow, unconditional_panic)]\n";
    fs::write(&lib, format!("{allow}{text}\nmod switched;\n")).expect("src/lib.rs");

    let mut broken = HashSet::new();
    let mut apart = HashSet::new();
    let results = loop {
        let mut next = 1;
        let mut results = BTreeMap::new();
        for (&file, mutants) in &files {
            let is_left =
                |mutant: &&Mutant| !broken.contains(&mutant.name) && !apart.contains(&mutant.name);
            let mutants = mutants.iter().filter(is_left).cloned().collect();
            let result = switch::switch(&sources[file], mutants, next);
            next += result.groups.iter().map(|group| group.mutants.len()).sum::<usize>();
            fs::write(root.join(file), &result.text).expect("a source file");
            results.insert(file, result);
        }
        let length =
            format!("/// One more than the greatest number.\nconst LENGTH: usize = {next};\n");
        fs::write(root.join("src/switched.rs"), SWITCHED.to_owned() + &length)
            .expect("a source file");
        let errors = [check(root, For::Tests), check(root, For::Models)].concat();
        println!("{} mutants, {} errors", next - 1, errors.len());
        if errors.is_empty() {
            break results;
        }
        let before = broken.len() + apart.len();
        for (file, at, message) in &errors {
            let Some(result) = results.get(file.as_str()) else { continue };
            blame(result, *at, &mut broken, &mut apart, message);
        }
        assert!(broken.len() + apart.len() > before, "not by a mutant: {errors:#?}");
    };

    let mut list = vec![];
    let mut switched = HashSet::new();
    for group in results.values().flat_map(|result| &result.groups) {
        for (id, mutant) in (group.first..).zip(&group.mutants) {
            switched.insert(&mutant.name);
            list.push(
                json!({"id": id, "first": group.first, "name": mutant.name, "file": mutant.file}),
            );
        }
    }
    let named = |mutant: &&Mutant| broken.contains(&mutant.name);
    let broken: Vec<&String> = mutants.iter().filter(named).map(|mutant| &mutant.name).collect();
    let left =
        |mutant: &&Mutant| !switched.contains(&mutant.name) && !broken.contains(&&mutant.name);
    let apart: Vec<&String> = mutants.iter().filter(left).map(|mutant| &mutant.name).collect();
    println!("{} switched, {} do not build, {} apart", list.len(), broken.len(), apart.len());
    fs::write(root.join("switched.json"), json!(list).to_string()).expect("switched.json");
    let work = root.parent().expect("a folder");
    let lines: String = broken.iter().map(|name| format!("unviable\t\t{name}\n")).collect();
    fs::write(work.join("results-unviable"), lines).expect("results-unviable");
    let apart: Vec<String> = apart.into_iter().map(|name| format!("^{}$", escaped(name))).collect();
    fs::write(work.join("apart.re"), apart.join("|")).expect("apart.re");
}

/// As a regular expression.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        // With a backslash these would be the edges of a word.
        if c.is_ascii_punctuation() && !matches!(c, '<' | '>') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Takes out what made the error at this place.
fn blame(
    result: &Switched,
    at: usize,
    broken: &mut HashSet<String>,
    apart: &mut HashSet<String>,
    message: &str,
) {
    let name = |id: usize| {
        let group = result.groups.iter().rfind(|group| group.first <= id).expect("a group");
        group.mutants[id - group.first].name.clone()
    };
    if let Some((_, id)) = result.places.iter().find(|(range, _)| range.contains(&at)) {
        broken.insert(name(*id));
        return;
    }
    // The switch itself does not fit there.
    let around = result.wholes.iter().filter(|(range, _)| range.contains(&at));
    let Some((_, ids)) = around.min_by_key(|(range, _)| range.len()) else { return };
    println!("apart: {}: {message}", name(ids.start));
    apart.extend(ids.clone().map(name));
}

/// File, offset and text of each error.
fn check(root: &Path, kind: For) -> Vec<(String, usize, String)> {
    let how: &[&str] = match kind {
        For::Tests => &["--profile", "test", "--all-features"],
        For::Models => &["--release"],
    };
    let output = cargo(root, kind)
        .args(["check", "--lib", "--message-format", "json"])
        .args(how)
        .stderr(Stdio::null())
        .output()
        .expect("cargo");
    let mut errors = vec![];
    for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        let message = &line["message"];
        if message["level"] != "error" {
            continue;
        }
        let Some(spans) = message["spans"].as_array() else { continue };
        for span in spans.iter().filter(|span| span["is_primary"] == true) {
            errors.push((
                span["file_name"].as_str().expect("a name").to_owned(),
                span["byte_start"].as_u64().expect("a number") as usize,
                message["message"].as_str().expect("a text").to_owned(),
            ));
        }
    }
    errors
}
