//! The tests of the crate with switches: which there are, what each reaches, one run of one.

use crate::build::{For, cargo};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a test must pass without a mutant before it may judge.
const ROUNDS: usize = 3;
/// Source files, which these read, are not what they expect.
const NO_JUDGES: [&str; 2] = ["tidy", "examples"];
/// What a test may allocate.
const SPACE: u64 = 6 << 30;

pub struct Test {
    pub program: String,
    /// Whether it is a model of loom.
    pub is_model: bool,
    pub name: String,
    /// The shortest of its runs without a mutant; none if one of them failed.
    pub seconds: Option<f64>,
    pub rounds: usize,
    /// By number of a group's first mutant.
    pub reached: Vec<bool>,
}

impl Test {
    /// Program and name.
    pub fn full_name(&self) -> String {
        let program = Path::new(&self.program).file_name().and_then(|name| name.to_str());
        let program = program.and_then(|name| name.rsplit_once('-')).expect("a hash").0;
        format!("{program} {}", self.name)
    }

    /// Whether it comes by the switch of this group's first mutant.
    pub fn reaches(&self, first: usize) -> bool {
        self.reached.get(first) == Some(&true)
    }

    /// Whether `MUTANTS_TESTS` lets it judge.
    pub fn is_wanted(&self) -> bool {
        let wanted = std::env::var("MUTANTS_TESTS").unwrap_or_default();
        let name = self.full_name();
        match wanted.strip_prefix('!') {
            Some(unwanted) => !name.contains(unwanted),
            None => wanted.split(',').any(|part| name.contains(part)),
        }
    }
}

#[derive(PartialEq, Clone, Copy)]
pub enum Outcome {
    Passed,
    Failed,
    Hung,
}

/// What a model says that has not come to its end: that it became larger proves nothing.
const CUT: [&str; 2] = ["too many executions", "maximum number of branches"];

/// What `MUTANTS_FOR` leaves of the time: a run that shares its machine can be cut into pieces.
pub struct Turn(Instant);

impl Turn {
    pub fn new() -> Self {
        let seconds = setting("MUTANTS_FOR", 1e6);
        Self(Instant::now() + Duration::from_secs_f64(seconds))
    }

    pub fn is_over(&self) -> bool {
        Instant::now() > self.0
    }

    /// Says to the script that there is more to do.
    pub fn end(&self) {
        if self.is_over() {
            std::process::exit(75);
        }
    }
}

pub fn setting(name: &str, default: f64) -> f64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

/// The seconds that a test may take that judges.
pub fn slowest() -> f64 {
    setting("MUTANTS_SLOWEST", 1.0)
}

/// Calls `work` for the items, in this order, on `MUTANTS_JOBS` threads, until the turn is over.
pub fn for_each<T: Send>(mut items: Vec<T>, turn: &Turn, work: impl Fn(T) + Sync) {
    items.reverse();
    let items = Mutex::new(items);
    std::thread::scope(|scope| {
        for _ in 0..setting("MUTANTS_JOBS", 2.0) as usize {
            scope.spawn(|| {
                while !turn.is_over() {
                    let Some(item) = items.lock().expect("a queue").pop() else { return };
                    work(item);
                }
            });
        }
    });
}

/// Runs tests of one program, one after the other, with an environment variable that names
/// a mutant, or a file for what is reached.
pub fn run(root: &Path, tests: &[&Test], variable: &str, value: &str) -> Outcome {
    // One that was not run yet may take as long as one that judges.
    let most = slowest().max(2.0);
    let seconds: f64 =
        tests.iter().map(|test| test.seconds.map_or(0.0, |seconds| seconds.min(most))).sum();
    let cpu = (3.0 + 5.0 * seconds) as u64;
    let mut command = Command::new(&tests[0].program);
    command
        .current_dir(root)
        .args(["--exact", "--test-threads=1"])
        .args(tests.iter().map(|test| &test.name))
        .env(variable, value)
        .env("EPOCHKV_PATIENCE", "3")
        .env("CARGO_MANIFEST_DIR", root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    let is_model = tests[0].is_model;
    let said = said(root);
    if is_model {
        let file = File::create(&said).expect("a file");
        // Models run on threads of their own, whose panics are told at once.
        command.stderr(file.try_clone().expect("a file")).stdout(file);
    }
    // SAFETY: only system calls.
    unsafe {
        command.pre_exec(move || {
            for (what, most) in
                [(libc::RLIMIT_CPU, cpu), (libc::RLIMIT_CORE, 0), (libc::RLIMIT_AS, SPACE)]
            {
                let limit = libc::rlimit { rlim_cur: most, rlim_max: most + 1 };
                libc::setrlimit(what, &limit);
            }
            Ok(())
        });
    }
    let mut child = command.spawn().expect("a test");
    let last = Instant::now() + Duration::from_secs_f64(30.0 + 20.0 * seconds);
    let mut pause = Duration::from_micros(500);
    while Instant::now() < last {
        if let Some(status) = child.try_wait().expect("a child") {
            return match outcome(status) {
                Outcome::Hung if is_model => Outcome::Passed,
                Outcome::Failed if is_model && is_cut(&said) => Outcome::Passed,
                outcome => outcome,
            };
        }
        std::thread::sleep(pause);
        pause = (pause * 5 / 4).min(Duration::from_millis(20));
    }
    end(&mut child);
    if is_model { Outcome::Passed } else { Outcome::Hung }
}

/// What the last model that this thread ran has said.
fn said(root: &Path) -> PathBuf {
    root.join("reached").join(format!("said-{:?}", std::thread::current().id()))
}

/// Where the last model that this thread ran has first panicked, and why.
pub fn panic_of_model(root: &Path) -> Option<(String, String)> {
    let said = fs::read_to_string(said(root)).expect("what it said");
    let (_, rest) = said.split_once("panicked at ")?;
    let (place, message) = rest.split_once(":\n")?;
    Some((place.to_owned(), message.lines().next()?.to_owned()))
}

fn is_cut(said: &Path) -> bool {
    let said = fs::read_to_string(said).expect("what it said");
    CUT.iter().any(|words| said.contains(words))
}

fn outcome(status: ExitStatus) -> Outcome {
    match status.signal() {
        _ if status.success() => Outcome::Passed,
        Some(libc::SIGXCPU) => Outcome::Hung,
        _ => Outcome::Failed,
    }
}

fn end(child: &mut Child) {
    // SAFETY: the group is the child's own, and it has not been waited for.
    unsafe { libc::kill(-(child.id() as i32), libc::SIGKILL) };
    child.wait().expect("a child");
}

/// Builds all tests but `NO_JUDGES`, and all models, and lists them.
pub fn build(root: &Path) {
    let out = left_out(root);
    let mut list = vec![];
    let programs = [For::Tests, For::Models].map(|kind| {
        let of_kind = programs(root, kind);
        of_kind.into_iter().map(move |program| (program, kind == For::Models))
    });
    for (program, is_model) in programs.into_iter().flatten() {
        let output = Command::new(&program).args(["--list", "--format", "terse"]).output();
        let text = String::from_utf8(output.expect("a list of tests").stdout).expect("UTF-8");
        for name in text.lines().filter_map(|line| line.strip_suffix(": test")) {
            if !out.iter().any(|part| name.contains(part)) {
                list.push(json!({"program": program, "is_model": is_model, "name": name, "seconds": 1e6, "rounds": 0}));
            }
        }
    }
    println!("{} tests", list.len());
    fs::write(root.join("tests.json"), json!(list).to_string()).expect("tests.json");
    let folder = root.join("reached");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
}

/// The programs with the tests, or with the models.
fn programs(root: &Path, kind: For) -> Vec<String> {
    let mut cargo = cargo(root, kind);
    cargo.args(["test", "--no-run", "--message-format", "json-render-diagnostics"]);
    match kind {
        For::Tests => {
            cargo.args(["--profile", "mutants", "--all-features", "--lib"]);
            for entry in fs::read_dir(root.join("tests")).expect("tests") {
                let path = entry.expect("tests").path();
                let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
                let is_file = path.extension().is_some_and(|kind| kind == "rs");
                if (is_file || path.join("main.rs").exists()) && !NO_JUDGES.contains(&name) {
                    cargo.arg(format!("--test={name}"));
                }
            }
        }
        For::Models => {
            cargo.args(["--release", "--test=loom_*"]);
        }
    }
    let output = cargo.stderr(Stdio::inherit()).output().expect("cargo");
    assert!(output.status.success(), "the tests do not build");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["profile"]["test"] == true)
        .filter_map(|line| line["executable"].as_str().map(str::to_owned))
        .collect()
}

/// Parts of names of tests that are left out: `.config/nextest.toml` says why.
fn left_out(root: &Path) -> Vec<String> {
    let text = fs::read_to_string(root.join(".config/nextest.toml")).expect("its configuration");
    let names = text.split("test(").skip(1);
    names.map(|rest| rest.split(')').next().expect("a name").to_owned()).collect()
}

/// Runs every test with no mutant on, for its time and what it reaches.
pub fn note(root: &Path, length: usize) -> Vec<Test> {
    let turn = Turn::new();
    let path = root.join("tests.json");
    let list = fs::read_to_string(&path).expect("tests.json");
    let list: Vec<Value> = serde_json::from_str(&list).expect("an array");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let tests: Vec<Mutex<Test>> = list
        .iter()
        .map(|one| Test {
            program: text(&one["program"]),
            is_model: one["is_model"] == true,
            name: text(&one["name"]),
            seconds: one["seconds"].as_f64(),
            rounds: one["rounds"].as_u64().expect("a number") as usize,
            reached: vec![],
        })
        .map(Mutex::new)
        .collect();
    let file = |index: usize| root.join("reached").join(index.to_string());
    let slowest = slowest();
    for round in 0..ROUNDS {
        // One that is too slow to judge is run once, to know that.
        let behind = |index: &usize| {
            let test = tests[*index].lock().expect("a test");
            test.is_wanted()
                && test.rounds <= round
                && (round == 0 || test.seconds.is_some_and(|it| it <= slowest))
        };
        for_each((0..tests.len()).filter(behind).collect(), &turn, |index| {
            let test = &mut *tests[index].lock().expect("a test");
            let reached = file(index);
            if round == 0 {
                let file = File::create(&reached).expect("a file");
                file.set_len(length as u64).expect("a file");
            }
            let start = Instant::now();
            test.rounds = round + 1;
            match run(root, &[&*test], "MUTANTS_REACHED", reached.to_str().expect("UTF-8")) {
                Outcome::Passed => {
                    let took = start.elapsed().as_secs_f64();
                    test.seconds = test.seconds.map(|least| least.min(took));
                }
                outcome => {
                    let why = if outcome == Outcome::Hung { "too slow" } else { "fails" };
                    println!("{why} without a mutant: {}", test.name);
                    test.seconds = None;
                }
            }
        });
    }
    let mut tests: Vec<Test> =
        tests.into_iter().map(|test| test.into_inner().expect("a test")).collect();
    let list: Vec<Value> = tests
        .iter()
        .map(|it| json!({"program": it.program, "is_model": it.is_model, "name": it.name, "seconds": it.seconds, "rounds": it.rounds}))
        .collect();
    // At once: another run may be reading it.
    let new = root.join(format!("tests.json.{}", std::process::id()));
    fs::write(&new, json!(list).to_string()).expect("tests.json");
    fs::rename(&new, &path).expect("tests.json");
    turn.end();
    for (index, test) in tests.iter_mut().enumerate() {
        // Of those that were never asked for nothing is known.
        let bytes = fs::read(file(index)).unwrap_or_default();
        test.reached = bytes.iter().map(|byte| *byte != 0).collect();
    }
    tests
}
