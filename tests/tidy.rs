//! The rules of the source tree, checked.

use source::{Source, code_of, finds, imports, is_word, root, sources, text_files};
use std::collections::BTreeSet;
use std::path::Path;

#[path = "tidy/peers.rs"]
mod peers;
#[path = "tidy/source.rs"]
mod source;

/// The files of the library from the ground up, without `lib.rs` and test files.
/// An import by `crate::` or `super::` goes from one line to a line above it. A
/// parent's `mod child;` and re-exports are no imports.
const LAYERS: &[&[&str]] = &[
    // The ground: no imports.
    &["error", "guide", "sync", "trace"],
    &["reclaim/barrier", "reclaim/collector", "reclaim/entry", "reclaim/prefetch", "reclaim/stack"],
    &["reclaim/garbage", "reclaim/readers"],
    &["reclaim/grace"],
    &["reclaim/mode"],
    &["counter", "reclaim", "sweep/filed", "sweep/handle"],
    &["reclaim/protected", "reclaim/reading", "model"],
    // How writers tell sweeps, and what sweeps remember.
    &["sweep/inbox", "sweep/slot"],
    &["sweep/wheel"],
    // Patterns.
    &["glob/alphabet", "glob/element", "glob/error", "glob/substring"],
    &["glob/masks", "glob/parser", "glob/run"],
    &["glob/plan"],
    &["glob"],
    // Values. The parent is the type itself, so it is below its children.
    &["value/kind", "value"],
    &["value/node", "value/convert", "value/extract", "value/input", "value/operators"],
    &["value/teardown", "value/compare"],
    &["value/dict", "value/list"],
    &["value/print"],
    &["value/view"],
    &["value/json"],
    // Values and serde. Again the parent is what its children make.
    &["value/serde/error", "value/serde/limit"],
    &["value/serde/deserialize", "value/serde/key", "value/serde/serialize"],
    &["value/serde/reader", "value/serde/writer"],
    &["value/serde"],
    // The table.
    &["table/entry", "table/pages", "table/progress", "table/tag"],
    &["table/filter", "table/word"],
    &["table/bucket"],
    &["table/arena"],
    &["table/array", "table/claim"],
    &["table/root"],
    &["table/read", "table/resize", "table/scan", "table/write"],
    &["table"],
    &["sweep"],
    // Entries.
    &["record/cell", "record/pool"],
    &["record/content"],
    &["record/header"],
    &["record/raw"],
    &["record"],
    // Time.
    &["time/clock"],
    &["time/ttl"],
    &["time/calendar", "time/judge"],
    &["time"],
    // Dumps.
    &["dump/error", "dump/file", "dump/tags"],
    &["dump/frame"],
    &["dump/decode", "dump/encode"],
    &["dump"],
    // The store. The parent is the handle, so it is below its children.
    &["key", "snapshot"],
    &["snapshot/extract", "snapshot/serde"],
    &["kv"],
    &["kv/sweep"],
    &["kv/access", "kv/builder", "kv/stats"],
    &["kv/metrics"],
    &["kv/rounds"],
    &["kv/sweeper"],
    &["kv/walk"],
    &["kv/scan"],
    &["kv/atomic", "kv/batch", "kv/expire", "kv/incr", "kv/keys", "kv/ops", "kv/update"],
    &["kv/dump", "kv/load", "kv/typed"],
    // The same operations as futures.
    &["store/error"],
    &["store"],
    &["store/local"],
];

/// Files with the keyword `unsafe`.
const UNSAFE: &[&str] = &[
    "reclaim",
    "reclaim/barrier",
    "reclaim/collector",
    "reclaim/entry",
    "reclaim/garbage",
    "reclaim/prefetch",
    "reclaim/protected",
    "reclaim/readers",
    "reclaim/stack",
    "record/raw",
    "table/arena",
    "table/array",
    "table/pages",
    "table/tests",
    "table/word",
];

/// Files whose public items are the crate's, beside those below `kv`, `time` and `value`.
const PUBLIC: &[&str] = &[
    "error",
    "glob",
    "glob/error",
    "key",
    "kv",
    "record/header",
    "snapshot",
    "store",
    "store/error",
    "time",
    "value",
];

const MAX_LINES: usize = 500;

fn none(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

/// The files in whose code a word stands.
fn users<'s>(sources: &'s [Source], word: &'s str) -> impl Iterator<Item = &'s str> {
    let uses = move |source: &&Source| finds(&source.code, word).next().is_some();
    sources.iter().filter(uses).map(|source| source.name.as_str())
}

/// Those that are none of the places where it belongs.
fn strangers(sources: &[Source], word: &str, places: &[&str]) -> Vec<String> {
    let strangers = users(sources, word).filter(|name| !places.contains(name));
    strangers.map(|name| format!("{name} uses {word}")).collect()
}

#[test]
fn every_file_has_a_place_in_the_layers() {
    let sources = sources();
    let files = sources.iter().filter(|source| !source.is_test() && source.name != "lib");
    let files: BTreeSet<_> = files.map(|source| source.name.as_str()).collect();
    let listed: Vec<_> = LAYERS.concat();
    assert_eq!(listed.len(), listed.iter().collect::<BTreeSet<_>>().len(), "listed twice");
    let listed: BTreeSet<_> = listed.into_iter().collect();
    none(files.symmetric_difference(&listed).map(|name| format!("{name}: not in both")).collect());
}

#[test]
fn imports_go_strictly_down() {
    let sources = sources();
    let names: BTreeSet<_> = sources.iter().map(|source| source.name.as_str()).collect();
    let height = |name: &str| LAYERS.iter().position(|layer| layer.contains(&name));
    let (mut violations, mut edges) = (Vec::new(), 0);
    for source in sources.iter().filter(|source| !source.is_test() && source.name != "lib") {
        for import in imports(source, &names).into_iter().filter(|name| *name != source.name) {
            edges += 1;
            if height(&import) >= height(&source.name) {
                violations.push(format!("{} imports {import}", source.name));
            }
        }
    }
    assert!(edges > 100, "only {edges} imports found");
    none(violations);
}

#[test]
fn the_reader_of_imports_reads_all_forms() {
    let read = |code: &str| {
        let names = BTreeSet::from(["a", "a/b", "a/c", "d", "e"]);
        let code = code_of(code);
        imports(&Source { name: "a/b".into(), text: String::new(), code }, &names)
    };
    assert_eq!(read("use super::c::{self, X};"), ["a/c", "a/c"]);
    assert_eq!(
        read("use super::{X, c::Y}; use crate::{d, e::{Z, W}};"),
        ["d", "e", "e", "a", "a/c"]
    );
    assert_eq!(read("fn f() { crate::d::g(super::super::e::h) }"), ["d", "e"]);
    assert_eq!(
        read("// crate::d\n/* super::c */ let x = \"crate::d\"; pub(super) fn f() {}"),
        [""; 0]
    );
    assert_eq!(read("let q = '\"'; use crate::d; let s = r#\"crate::e\"#;"), ["d"]);
    assert_eq!(read("use crate::d;\n#[cfg(test)]\nmod tests {\n use crate::e;\n}"), ["d"]);
}

#[test]
fn every_file_begins_with_its_documentation_and_is_not_too_long() {
    let mut files = Vec::new();
    text_files(root(), &mut files);
    files.retain(|(path, _)| path.extension().is_some_and(|extension| extension == "rs"));
    assert!(files.len() > 200, "only {} files found", files.len());
    let mut violations = Vec::new();
    for (path, text) in files {
        let has_docs = ["//! ", "#![doc = "].iter().any(|docs| text.starts_with(docs));
        if !has_docs {
            violations.push(format!("{} does not begin with a module doc", path.display()));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            violations.push(format!("{} has {lines} lines", path.display()));
        }
    }
    none(violations);
}

/// The items that are public and have words, but no example, in their documentation.
fn without_example(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut docs, mut hidden) = (String::new(), false);
    for line in text.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            docs.push_str(doc);
        } else if line.starts_with("#[") {
            hidden |= line.contains("hidden") || line.contains("epochkv_loom");
        } else {
            let item = line.strip_prefix("pub ").map(|item| item.trim_start_matches("const "));
            let kinds = ["fn ", "struct ", "enum ", "trait ", "type "];
            let item = item.filter(|item| {
                kinds.iter().any(|kind| item.starts_with(kind))
                    || line.starts_with("pub const ") && item.contains(": ")
            });
            if !hidden && !docs.is_empty() && !docs.contains("```") {
                found.extend(item.map(str::to_owned));
            }
            (docs, hidden) = (String::new(), false);
        }
    }
    found
}

#[test]
fn every_public_item_has_an_example() {
    let mut violations = Vec::new();
    let mut files = 0;
    for Source { name, text, .. } in sources() {
        let folder = name.split_once('/').map_or("", |(folder, _)| folder);
        if PUBLIC.contains(&name.as_str()) || ["kv", "time", "value"].contains(&folder) {
            files += 1;
            let items = without_example(&text).into_iter();
            violations.extend(items.map(|item| format!("{name}: {item}")));
        }
    }
    assert!(files > 30, "only {files} files found");
    none(violations);
}

#[test]
fn an_item_without_an_example_is_seen() {
    let code = "/// Words.\n#[must_use]\npub fn f() {}\n/// Words.\npub const A: u8 = 1;\n\
        /// ```\n/// f()\n/// ```\npub fn g() {}\n/// Words.\n#[doc(hidden)]\npub fn h() {}\n\
        /// Words.\npub(crate) fn i() {}\n/// Words.\nfn j() {}";
    assert_eq!(without_example(code), ["fn f() {}", "A: u8 = 1;"]);
}

#[test]
fn nothing_waits_but_a_sweeper() {
    // A path joins its parts, and models run in a process of their own.
    let rules: [(&str, &[&str]); 11] = [
        ("Mutex", &[]),
        ("RwLock", &[]),
        ("Condvar", &[]),
        ("Barrier", &[]),
        ("OnceLock", &[]),
        ("park", &["model"]),
        ("sleep", &["kv/rounds"]),
        ("yield_now", &["table/tests"]),
        ("recv", &["model"]),
        ("recv_timeout", &["kv/rounds"]),
        ("join", &["dump/file", "kv/sweeper", "table/tests"]),
    ];
    let sources = sources();
    none(rules.iter().flat_map(|(word, places)| strangers(&sources, word, places)).collect());
}

#[test]
fn only_the_calendar_reads_the_time_of_day() {
    let mut found = Vec::new();
    for Source { name, code, .. } in sources() {
        found.extend(finds(&code, "SystemTime::now").map(|_| name.clone()));
    }
    assert_eq!(found, ["time/clock"], "in `Clock::unix_time`");
}

#[test]
fn dangerous_tools_stay_where_they_belong() {
    let rules: [(&str, &[&str]); 4] = [
        ("unsafe", UNSAFE),
        ("atomic::", &["sync", "table/tests"]),
        ("loom::", &["sync", "reclaim/collector", "model"]),
        ("crossbeam_epoch", &["reclaim/collector"]),
    ];
    let sources = sources();
    for (word, _) in rules {
        assert!(users(&sources, word).next().is_some(), "the rule about {word} sees nothing");
    }
    none(rules.iter().flat_map(|(word, places)| strangers(&sources, word, places)).collect());
}

/// The tests, models and unit tests that a text names as `file::test` behind one of
/// these beginnings.
fn named_tests<'t>(text: &'t str, beginnings: &[&str]) -> Vec<&'t str> {
    let mut names = Vec::new();
    for beginning in beginnings {
        for (at, _) in text.match_indices(beginning) {
            let rest = &text[at + beginning.len()..];
            let end = rest.find(|c| !is_word(c) && c != ':').unwrap_or(rest.len());
            let name = rest[..end].trim_end_matches("::");
            names.extend(
                Some(name).filter(|it| it.contains("::") && !it.starts_with(char::is_uppercase)),
            );
        }
    }
    names
}

#[test]
fn the_tests_that_documents_and_planted_bugs_name_exist() {
    let mut files = Vec::new();
    text_files(root(), &mut files);
    let is_source = |path: &Path| path.extension().is_some_and(|extension| extension == "rs");
    let code: String = files.iter().filter(|(path, _)| is_source(path)).map(|it| &*it.1).collect();
    let mut missing = Vec::new();
    let mut seen = 0;
    for (path, text) in &files {
        let is_bug = path.extension().is_some_and(|extension| extension == "patch");
        let names = match path.file_name().and_then(|name| name.to_str()) {
            Some("VERIFICATION.md") => named_tests(text, &["`", "`l:"]),
            _ if is_bug => {
                let (head, _) = text.split_once("\n--- ").expect("text, then the patch");
                let means =
                    ["test", "loom", "address", "leak"].map(|means| format!("by: {means} "));
                let means: Vec<_> = means.iter().map(String::as_str).collect();
                named_tests(head, &means)
            }
            _ => continue,
        };
        for name in names {
            seen += 1;
            let last = name.rsplit("::").next().expect("it has a last part");
            let places = [format!("fn {last}("), format!("mod {last} "), format!("mod {last};")];
            if !places.iter().any(|place| code.contains(place)) {
                missing.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(seen > 100, "only {seen} names found");
    none(missing);
}

#[test]
fn nothing_is_left_to_do_and_no_path_of_one_machine_is_named() {
    // In two halves, so that this file does not contain them.
    let marks = [("TO", "DO"), ("FIX", "ME"), ("HA", "CK"), ("XX", "X")];
    let marks = marks.map(|(one, other)| [one, other].concat());
    let places = [("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/"), ("/Us", "ers/")];
    let places = places.map(|(one, other)| [one, other].concat());
    let mut files = Vec::new();
    text_files(root(), &mut files);
    assert!(files.len() > 50, "only {} files found", files.len());
    let mut violations = Vec::new();
    for (path, text) in files {
        for (line, number) in text.lines().zip(1..) {
            let mark = marks.iter().find(|mark| finds(line, mark).next().is_some());
            let place = places.iter().find(|place| line.contains(*place));
            let what = mark.or(place).map(|what| format!("{}:{number}: {what}", path.display()));
            violations.extend(what);
        }
    }
    none(violations);
}
