//! Small durable operations on files and directories. They wait while there are no file handles.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::want;

/// Makes the creation, renaming and removal of entries in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    want::patiently("a folder", || File::open(dir))?.sync_all()
}

/// Replaces the file at `path`: after a crash it has either its old content or `bytes`.
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = want::patiently("a file", || File::create(&temporary))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_dir(parent(path))
}

/// Removes `path` if it is there.
pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    if_exists(fs::remove_file(path))?;
    sync_dir(parent(path))
}

/// The content of `path`; `None` if there is no such file.
pub(super) fn read_file(path: &Path) -> io::Result<Option<Vec<u8>>> {
    if_exists(want::patiently("a file", || fs::read(path)))
}

/// The names in `dir`, sorted; none if there is no such directory.
pub(super) fn names_in(dir: &Path) -> io::Result<Vec<String>> {
    let Some(entries) = if_exists(want::patiently("a folder", || fs::read_dir(dir)))? else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for entry in entries {
        // A name that isn't UTF-8 isn't one of ours.
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

pub(super) fn if_exists<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}
