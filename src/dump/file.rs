//! Files that are replaced as a whole: a crash leaves the old one or the new one.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process;

/// Names that are tried: others may be writing the same file, and crashes leave some behind.
const TRIES: u32 = 1000;

/// A file that is not in its place yet. Removed if it does not get there.
struct Temporary {
    path: PathBuf,
    in_place: bool,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.in_place {
            // What cannot be removed stays, under a name that nobody takes for a dump.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes a file beside `path` and puts it there when it is whole and on the disk. If anything
/// fails before, the file that was there is as it was.
pub(crate) fn replace<T>(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<T>,
) -> io::Result<T> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    // The same folder: only there a rename is one step.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let (mut file, mut temporary) = (0..TRIES)
        .find_map(|number| {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            hidden.push(format!(".{}-{number}.tmp", process::id()));
            let path = folder.join(hidden);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
                opened => Some(opened.map(|file| (file, Temporary { path, in_place: false }))),
            }
        })
        .ok_or(io::ErrorKind::AlreadyExists)??;
    if let Ok(old) = fs::metadata(path) {
        // Who was kept from reading the old one is kept from reading the new one.
        file.set_permissions(old.permissions())?;
    }
    let result = write(&mut file)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary.path, path)?;
    temporary.in_place = true;
    sync_folder(folder)?;
    Ok(result)
}

/// Makes the new name last.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems do not open folders; they write names in order.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
