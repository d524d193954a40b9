//! Dumps in files: whole or not there, whatever happens.

use super::{assert_same, dump_of, sample, store, store_at};
use epochkv::{Kv, LoadErrorKind};
use std::fs;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A folder of one test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("epochkv-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("store.dump")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_is_what_a_writer_gets() {
    let folder = Folder::new("file");
    let kv = sample();
    let dumped = kv.dump_file(folder.file()).unwrap();
    assert_eq!(fs::read(folder.file()).unwrap(), dump_of(&kv));
    assert_eq!(fs::metadata(folder.file()).unwrap().len(), dumped.bytes);
    let (other, _) = store_at(Duration::from_secs(5));
    assert_eq!(other.load_file(folder.file()).unwrap().stored, 11);
    assert_same(&kv, &other);
    kv.set("more", 1).unwrap();
    kv.dump_file(folder.file()).unwrap();
    assert_eq!(other.load_file(folder.file()).unwrap().stored, 12);
    assert_eq!(folder.names(), ["store.dump"]);
}

#[test]
fn a_file_ends_where_the_dump_does() {
    let folder = Folder::new("end");
    let mut bytes = dump_of(&sample());
    bytes.push(0);
    fs::write(folder.file(), &bytes).unwrap();
    let kv = store();
    let error = kv.load_file(folder.file()).unwrap_err();
    assert_eq!((error.kind(), error.position()), (LoadErrorKind::Damaged, bytes.len() as u64 - 1));
    assert!(kv.is_empty());
    assert_eq!(kv.load_file(folder.0.join("no such file")).unwrap_err().kind(), LoadErrorKind::Io);
    assert_eq!(kv.load_file(&folder.0).unwrap_err().kind(), LoadErrorKind::Io);
}

#[test]
fn a_dump_that_fails_midway_leaves_the_old_file() {
    let folder = Folder::new("midway");
    let kv = store();
    (0..5000).for_each(|n| kv.set(&format!("key:{n}"), n).unwrap());
    kv.dump_file(folder.file()).unwrap();
    let old = fs::read(folder.file()).unwrap();
    kv.set("new", 1).unwrap();
    let mut meanwhile = Vec::new();
    let panics = || {
        kv.dump_file_with(folder.file(), |so_far| {
            assert!(so_far.entries < 3000, "midway");
            meanwhile = folder.names();
        })
    };
    assert!(panic::catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert!(meanwhile.len() == 2 && meanwhile[0].starts_with(".store.dump."), "{meanwhile:?}");
    assert_eq!(folder.names(), ["store.dump"]);
    assert!(fs::read(folder.file()).unwrap() == old);
}

#[test]
fn places_where_no_file_can_be_are_errors() {
    let folder = Folder::new("places");
    let kv = sample();
    for path in ["", "/", ".."] {
        assert!(kv.dump_file(path).is_err(), "{path}");
    }
    let missing = kv.dump_file(folder.0.join("missing/store.dump")).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    // A folder is not replaced by a file, and nothing stays beside it.
    fs::create_dir(folder.file()).unwrap();
    assert!(kv.dump_file(folder.file()).is_err());
    assert_eq!(folder.names(), ["store.dump"]);
}

#[test]
fn what_a_crash_has_left_is_in_nobodys_way() {
    let folder = Folder::new("left");
    for number in 0..3 {
        let name = format!(".store.dump.{}-{number}.tmp", std::process::id());
        fs::write(folder.0.join(name), "half a dump").unwrap();
    }
    sample().dump_file(folder.file()).unwrap();
    assert_eq!(folder.names().len(), 4);
    assert_eq!(store().load_file(folder.file()).unwrap().read, 11);
}

#[cfg(unix)]
#[test]
fn the_permissions_of_the_old_file_stay() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("permissions");
    let mode = || fs::metadata(folder.file()).unwrap().permissions().mode() & 0o777;
    sample().dump_file(folder.file()).unwrap();
    for bits in [0o600, 0o640] {
        fs::set_permissions(folder.file(), fs::Permissions::from_mode(bits)).unwrap();
        sample().dump_file(folder.file()).unwrap();
        assert_eq!(mode(), bits);
    }
}

#[test]
fn several_may_write_one_file_at_once() {
    let folder = Folder::new("several");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20).for_each(|_| _ = sample().dump_file(folder.file()).unwrap()));
        }
    });
    assert_eq!(folder.names(), ["store.dump"]);
    assert_eq!(store().load_file(folder.file()).unwrap().read, 11);
}

/// Where the killed process writes, and that it is one.
const VICTIM: &str = "EPOCHKV_DUMP_VICTIM";

fn victim(path: &Path) -> Child {
    let test = "files::a_process_that_is_killed_leaves_a_whole_file";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact"]).env(VICTIM, path).stdout(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn a_process_that_is_killed_leaves_a_whole_file() {
    if let Some(path) = std::env::var_os(VICTIM) {
        let kv = store();
        (0..20_000).for_each(|n| kv.set(&format!("key:{n}"), n).unwrap());
        loop {
            kv.dump_file(&path).unwrap();
        }
    }
    let folder = Folder::new("killed");
    for round in 0..8 {
        let mut victim = victim(&folder.file());
        while !folder.file().exists() {
            assert!(victim.try_wait().unwrap().is_none(), "it ended by itself");
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(7 * round));
        victim.kill().unwrap();
        victim.wait().unwrap();
        let loaded = Kv::new().load_file(folder.file()).unwrap();
        assert_eq!(loaded.stored, 20_000);
    }
}
