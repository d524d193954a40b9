//! Files and what they import, read as far as the rules need it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder that are text, but for build output and hidden folders.
pub fn text_files(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if name == ".git" {
            // In a second work tree it is a file.
            continue;
        }
        if path.is_dir() {
            let hidden = name.starts_with('.') && name != ".ci" && name != ".github";
            if !hidden && !name.starts_with("target") {
                text_files(&path, found);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((path, text));
        }
    }
}

/// A file of the library.
pub struct Source {
    /// Its path below `src` without the extension; `x/mod` is `x`.
    pub name: String,
    pub text: String,
    /// Without comments, literals and unit tests.
    pub code: String,
}

pub fn sources() -> Vec<Source> {
    let src = root().join("src");
    let mut files = Vec::new();
    text_files(&src, &mut files);
    let source = |(path, text): (PathBuf, String)| {
        let name = path.strip_prefix(&src).expect("a file below src").with_extension("");
        let name = name.to_str().expect("a plain name").replace('\\', "/");
        let name = name.strip_suffix("/mod").unwrap_or(&name).to_owned();
        let code = code_of(&text);
        Source { name, text, code }
    };
    files.into_iter().map(source).collect()
}

impl Source {
    pub fn is_test(&self) -> bool {
        self.name.ends_with("/tests")
    }
}

/// Blanks out comments and literals, and cuts off the unit tests at the end.
pub fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(raw) = ["r\"", "r#\"", "r##\""].iter().find(|raw| {
            rest.starts_with(**raw) && !code.ends_with(|c: char| c.is_alphanumeric() && c != 'b')
        }) {
            let close: String = raw[1..].chars().rev().collect();
            rest[raw.len()..].find(&close).map_or(rest.len(), |end| raw.len() + end + close.len())
        } else if first == '"' {
            quoted_len(rest, '"')
        } else if first == '\'' && is_char_literal(rest) {
            quoted_len(rest, '\'')
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        rest = &rest[skip..];
    }
    let unit_tests = code.find("mod tests {").filter(|at| {
        let attribute = code[..*at].trim_end().lines().next_back().unwrap_or("");
        attribute.starts_with("#[cfg(") && attribute.contains("test")
    });
    code.truncate(unit_tests.unwrap_or(code.len()));
    code
}

fn is_char_literal(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

/// The length of a literal that begins here, quotes included.
fn quoted_len(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where a word stands by itself; `word` may end in `::`.
pub fn finds<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !(before.is_some_and(is_word) || after.is_some_and(is_word) && word.ends_with(is_word))
    })
}

/// The paths of a tree of imports such as `a::{b, c::d}`.
pub fn paths_of(tree: &str) -> Vec<Vec<&str>> {
    let tree = tree.trim_start();
    if let Some(group) = tree.strip_prefix('{') {
        let (mut paths, mut depth, mut start) = (Vec::new(), 0, 0);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    paths.extend(paths_of(&group[start..at]));
                    start = at + 1;
                    if c == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
        return paths;
    }
    let end = tree.find(|c| !is_word(c)).unwrap_or(tree.len());
    let (name, rest) = tree.split_at(end);
    match rest.strip_prefix("::") {
        _ if name.is_empty() => vec![Vec::new()],
        Some(rest) => {
            let longer = paths_of(rest).into_iter();
            longer.map(|path| [vec![name], path].concat()).collect()
        }
        None => vec![vec![name]],
    }
}

/// The files that a file imports from, as their names.
pub fn imports(source: &Source, names: &BTreeSet<&str>) -> Vec<String> {
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for at in finds(&source.code, start).filter(|at| !source.code[..*at].ends_with("::")) {
            for path in paths_of(&source.code[at..]) {
                let mut place: Vec<_> = source.name.split('/').collect();
                let supers = path.iter().take_while(|step| **step == "super").count();
                place.truncate(if supers == 0 { 0 } else { place.len() - supers });
                place.extend(path.iter().filter(|step| !["crate", "super"].contains(*step)));
                // The longest beginning that is a file.
                let file = (1..=place.len()).rev().map(|len| place[..len].join("/"));
                let file = file.into_iter().find(|file| names.contains(file.as_str()));
                found.push(file.unwrap_or_else(|| panic!("{}: {path:?}", source.name)));
            }
        }
    }
    found
}
