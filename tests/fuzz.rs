//! Replays the inputs that fuzzing has kept, through the same code. `docs/FUZZING.md`
//! says how they came about.

use std::fs;
use std::path::Path;

// The tests within what is fuzzed use it.
#[path = "common/property.rs"]
mod property;
#[path = "../fuzz/src/lib.rs"]
mod targets;

/// All inputs together; minimized, so that replaying them costs next to nothing.
const MAX_FILES: usize = 600;
const MAX_BYTES: usize = 200 << 10;

/// The kept inputs of a target, with their names.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let entries = fs::read_dir(&folder).expect("the target has seeds");
    let mut seeds: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("a seed can be read"))
        })
        .collect();
    seeds.sort();
    seeds
}

fn replay(target: &str, run: fn(&[u8])) {
    let seeds = seeds(target);
    assert!(!seeds.is_empty());
    for (name, input) in seeds {
        println!("{target}/{name}");
        run(&input);
    }
}

#[test]
fn operations() {
    replay("operations", targets::operations::run);
}

#[test]
fn glob() {
    replay("glob", targets::glob::run);
}

#[cfg(feature = "dump")]
#[test]
fn load() {
    replay("load", targets::load::run);
}

#[test]
fn values() {
    replay("values", targets::values::run);
}

#[test]
fn resp() {
    replay("resp", targets::resp::run);
}

#[test]
fn threads() {
    replay("threads", targets::threads::run);
}

#[test]
fn every_target_has_a_test_and_few_seeds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let entries = fs::read_dir(folder).expect("there are targets");
    let mut targets: Vec<_> =
        entries.map(|entry| entry.expect("an entry").path().with_extension("")).collect();
    targets.sort();
    let targets: Vec<_> =
        targets.iter().map(|path| path.file_name().expect("a name").to_string_lossy()).collect();
    assert_eq!(targets, ["glob", "load", "operations", "resp", "threads", "values"]);
    let seeds: Vec<_> = targets.iter().flat_map(|target| seeds(target)).collect();
    let bytes: usize = seeds.iter().map(|(_, input)| input.len()).sum();
    assert!(seeds.len() <= MAX_FILES && bytes <= MAX_BYTES, "{} files, {bytes} bytes", seeds.len());
}

/// Inputs from nowhere: a change that breaks a target's own code shows here, without a fuzzer.
#[test]
fn any_input_means_something() {
    let mut word = 1_u64;
    for length in (0..400).step_by(7) {
        let bytes = || {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (word >> 56) as u8
        };
        let input: Vec<u8> = std::iter::repeat_with(bytes).take(length).collect();
        targets::operations::run(&input);
        targets::glob::run(&input);
        targets::values::run(&input);
        targets::resp::run(&input);
        targets::threads::run(&input);
        #[cfg(feature = "dump")]
        targets::load::run(&input);
    }
}
