//! Judges mutants from one build. `scripts/mutants.sh` calls it; docs/MUTANTS.md explains it.
//!
//! `switch LIST CRATE` rewrites the sources of a copy of the crate so that each mutant is in
//! the code, switched off. `build CRATE` builds the tests of that. `judge CRATE PLACE...` runs
//! the tests that reach a mutant with it switched on, until one fails. `models CRATE` finds a
//! mutant for each model that makes it fail.

mod build;
mod judge;
mod list;
mod switch;
mod tests;

use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["switch", list, root] => build::switch(&list::read(list), Path::new(root)),
        ["judge", root, ref places @ ..] => judge::all(Path::new(root), places),
        ["models", root] => judge::models(Path::new(root)),
        ["build", root] => tests::build(Path::new(root)),
        _ => panic!("what is asked for is in `scripts/mutants.sh`"),
    }
}
