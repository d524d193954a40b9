//! Runs the tests that reach a mutant, with it switched on, until one fails.

use crate::tests::{self, Outcome, Test, Turn, for_each, setting};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Write;
use std::iter;
use std::path::Path;
use std::sync::Mutex;

/// So many tests have a process each.
const ALONE: usize = 12;

struct Mutant {
    id: usize,
    /// Of its group, whose switch is one.
    first: usize,
    name: String,
    file: String,
}

fn mutants(root: &Path) -> Vec<Mutant> {
    let text = fs::read_to_string(root.join("switched.json")).expect("switched.json");
    let list: Value = serde_json::from_str(&text).expect("JSON");
    let number = |value: &Value| value.as_u64().expect("a number") as usize;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let list = list.as_array().expect("an array").iter();
    list.map(|one| Mutant {
        id: number(&one["id"]),
        first: number(&one["first"]),
        name: text(&one["name"]),
        file: text(&one["file"]),
    })
    .collect()
}

/// Judges the mutants of `places`, files or folders, in this order, that have no result; or,
/// with `MUTANTS_AGAIN`, that no test has caught and nobody has explained.
pub fn all(root: &Path, places: &[&str]) {
    let mutants = mutants(root);
    let length = mutants.iter().map(|mutant| mutant.id + 1).max().unwrap_or(1);
    let tests = tests::note(root, length);
    let turn = Turn::new();

    let path = root.parent().expect("a folder").join("results");
    let done = results(&path);
    let again = std::env::var_os("MUTANTS_AGAIN").is_some();
    let explained = fs::read_to_string(root.join("mutants/survivors.txt")).expect("survivors.txt");
    let explained: HashSet<&str> = explained.lines().collect();
    let is_left = |mutant: &&Mutant| match done.get(&mutant.name) {
        Some(outcome) => {
            again && !is_caught(outcome) && !explained.contains(&*without_place(&mutant.name))
        }
        None => !again,
    };
    let mut queued = HashSet::new();
    let mut queue = vec![];
    for place in places {
        let here = mutants.iter().filter(|mutant| mutant.file.starts_with(place));
        queue.extend(here.filter(is_left).filter(|mutant| queued.insert(mutant.id)));
    }
    println!("{} mutants", queue.len());
    let output = File::options().create(true).append(true).open(&path).expect("results");
    let output = Mutex::new(output);
    let catches = Mutex::new(HashMap::new());
    for_each(queue, &turn, |mutant| {
        let line = format!("{}\t{}\n", judge(root, mutant, &tests, &catches), mutant.name);
        output.lock().expect("a file").write_all(line.as_bytes()).expect("results");
    });
    turn.end();
}

/// How many of a file's mutants a test has caught.
type Catches<'a> = Mutex<HashMap<(&'a str, usize), usize>>;

/// The outcome, and what it is owed to.
fn judge<'a>(root: &Path, mutant: &'a Mutant, tests: &[Test], catches: &Catches<'a>) -> String {
    let slowest = tests::slowest();
    let key = |index| (&*mutant.file, index);
    // Those that promise most for their time are first.
    let mut order: Vec<(usize, f64)> = {
        let catches = catches.lock().expect("counts");
        let promise = |(index, test): (usize, &Test)| {
            let seconds = test.seconds.filter(|seconds| *seconds <= slowest)?;
            let caught = catches.get(&key(index)).copied().unwrap_or(0);
            let judges = test.reaches(mutant.first) && test.is_wanted();
            judges.then_some((index, (1 + 3 * caught) as f64 / (seconds + 0.01)))
        };
        tests.iter().enumerate().filter_map(promise).collect()
    };
    order.sort_by(|one, other| other.1.total_cmp(&one.1));
    let id = mutant.id.to_string();
    let mut sometimes = None;
    // The others of a program run together, which costs less than a process each.
    let (first, others) = order.split_at(order.len().min(ALONE));
    let mut batches: Vec<Vec<usize>> = first.iter().map(|(index, _)| vec![*index]).collect();
    let mut of_program: HashMap<&str, usize> = HashMap::new();
    for (index, _) in others {
        let batch = of_program.entry(&*tests[*index].program).or_insert(batches.len());
        if *batch == batches.len() {
            batches.push(vec![]);
        }
        batches[*batch].push(*index);
    }
    for batch in batches {
        let outcome = run(root, batch.iter().map(|index| &tests[*index]), &id);
        let mut failing = None;
        if outcome == Outcome::Failed {
            // Again, lest chance or another process be what was seen.
            let runs = if batch.len() == 1 { 2 } else { 1 };
            let again = batch.iter().flat_map(|index| iter::repeat_n(*index, runs));
            failing = again
                .into_iter()
                .find(|index| run(root, iter::once(&tests[*index]), &id) != Outcome::Passed);
        }
        let by = tests[failing.unwrap_or(batch[0])].full_name();
        match (outcome, failing) {
            (Outcome::Passed, _) => {}
            (Outcome::Hung, _) => return format!("hung\t{by}"),
            (Outcome::Failed, None) => sometimes = Some(by),
            (Outcome::Failed, Some(index)) => {
                *catches.lock().expect("counts").entry(key(index)).or_default() += 1;
                return format!("caught\t{by}");
            }
        }
    }
    match sometimes {
        Some(by) => format!("sometimes\t{by}"),
        None => format!("missed\tof {}", order.len()),
    }
}

/// Runs tests of one program with the mutant on.
fn run<'t>(root: &Path, tests: impl Iterator<Item = &'t Test>, id: &str) -> Outcome {
    tests::run(root, &tests.collect::<Vec<_>>(), "MUTANT", id)
}

/// What models are about.
const MODELLED: [&str; 7] =
    ["src/table", "src/reclaim", "src/record", "src/kv", "src/sweep", "src/time", "src/counter"];

/// Whether each model can fail: finds a mutant that it notices, among at most `MODELS_TRY` that
/// it comes by. Those that most models have noticed are first, then those that the fewest models
/// come by. It counts if the model or loom has noticed, not if the mutant itself has panicked or
/// has refused what the model began with. A model that is known to fail, by name in the files
/// `models` and `models.known` beside the copy, is not asked again.
pub fn models(root: &Path) {
    let mutants = mutants(root);
    let length = mutants.iter().map(|mutant| mutant.id + 1).max().unwrap_or(1);
    let tests = tests::note(root, length);
    let turn = Turn::new();
    let path = root.parent().expect("a folder").join("models");
    let mut known = fs::read_to_string(&path).unwrap_or_default();
    known += &fs::read_to_string(path.with_extension("known")).unwrap_or_default();
    let known: HashSet<&str> =
        known.lines().filter_map(|line| line.strip_prefix("seen\t")?.split('\t').next()).collect();

    let models: Vec<&Test> =
        tests.iter().filter(|test| test.is_model && test.is_wanted()).collect();
    let reached_by =
        |mutant: &Mutant| models.iter().filter(|model| model.reaches(mutant.first)).count();
    let is_modelled =
        |mutant: &&Mutant| MODELLED.iter().any(|place| mutant.file.starts_with(place));
    let mut order: Vec<&Mutant> = mutants.iter().filter(is_modelled).collect();
    order.sort_by_cached_key(|mutant| reached_by(mutant));
    let most = setting("MODELS_TRY", 300.0) as usize;
    let unseen = |model: &&Test| !known.contains(&*model.full_name());
    let queue: Vec<&Test> = models.iter().copied().filter(unseen).collect();
    println!("{} models, {} of them not seen to fail yet", models.len(), queue.len());
    let output = File::options().create(true).append(true).open(&path).expect("models");
    let output = Mutex::new(output);
    let noticed: Mutex<HashMap<usize, usize>> = Mutex::new(HashMap::new());
    for_each(queue, &turn, |model| {
        let mut tried: Vec<&Mutant> =
            order.iter().copied().filter(|mutant| model.reaches(mutant.first)).collect();
        let times = |id| noticed.lock().expect("counts").get(&id).copied().unwrap_or(0);
        tried.sort_by_cached_key(|mutant| Reverse(times(mutant.id)));
        let seen = tried.into_iter().take(most).find_map(|mutant| {
            let outcome = run(root, iter::once(model), &mutant.id.to_string());
            let panic = (outcome == Outcome::Failed).then(|| tests::panic_of_model(root))??;
            let (place, message) = panic;
            if place.starts_with("src/") || message.contains("Error") {
                return None;
            }
            *noticed.lock().expect("counts").entry(mutant.id).or_default() += 1;
            Some((mutant, place))
        });
        let line = match seen {
            Some((mutant, place)) => {
                format!("seen\t{}\t{}\t{place}\n", model.full_name(), mutant.name)
            }
            None => format!("unseen\t{}\n", model.full_name()),
        };
        output.lock().expect("a file").write_all(line.as_bytes()).expect("models");
    });
    turn.end();
}

/// File and change, which `survivors.txt` has, because lines move.
fn without_place(name: &str) -> String {
    let mut parts = name.splitn(4, ':');
    let (file, change) = (parts.next(), parts.nth(2));
    format!("{}:{}", file.expect("a file"), change.expect("a change"))
}

fn is_caught(outcome: &str) -> bool {
    outcome == "caught" || outcome == "hung"
}

/// Outcomes by name of mutant. One that was caught once is caught, whatever other tests say.
fn results(path: &Path) -> HashMap<String, String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let outcome = |line: &str| {
        let (outcome, rest) = line.split_once('\t')?;
        Some((rest.split_once('\t')?.1.to_owned(), outcome.to_owned()))
    };
    let mut results = HashMap::new();
    for (name, outcome) in text.lines().filter_map(outcome) {
        let known: &mut String = results.entry(name).or_default();
        if !is_caught(known) {
            *known = outcome;
        }
    }
    results
}
