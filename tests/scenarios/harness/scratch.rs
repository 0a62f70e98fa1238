//! The files that a node keeps on disk, and damage to them.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use fastrand::Rng;

/// All files below a folder, sorted by name; none when the folder does not exist.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut entries: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    entries.sort();
    let (folders, mut found): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|path| path.is_dir());
    found.extend(folders.iter().flat_map(|folder| files(folder)));
    found
}

/// Bytes in all files below a folder. A file deleted meanwhile counts 0.
pub fn bytes_in(folder: &Path) -> u64 {
    let length = |file: &PathBuf| fs::metadata(file).map_or(0, |metadata| metadata.len());
    files(folder).iter().map(length).sum()
}

/// Changes `count` bytes at random places of the files below a folder. Each byte is equally likely,
/// so that small files, whose damage is detected at once, do not attract most of it.
pub fn flip_bytes(folder: &Path, count: usize, rng: &mut Rng) {
    let mut contents: Vec<(PathBuf, Vec<u8>)> = files(folder)
        .into_iter()
        .map(|path| (path.clone(), fs::read(&path).expect("a file to harm")))
        .collect();
    let total: usize = contents.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(total > 0, "nothing to harm in {}", folder.display());
    for _ in 0..count {
        let chosen = rng.usize(..total);
        let mut bytes = contents.iter_mut().flat_map(|(_, bytes)| bytes);
        *bytes.nth(chosen).expect("within the total") ^= rng.u8(1..);
    }
    for (path, bytes) in contents {
        fs::write(path, bytes).expect("a harmed file");
    }
}

/// Changes one byte of a file in place, so that a concurrent reader never sees another length.
///
/// # Errors
/// When the file does not exist.
pub fn flip_byte(path: &Path, at: u64) -> io::Result<()> {
    let file = fs::OpenOptions::new().read(true).write(true).open(path)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    byte[0] ^= 0x55;
    file.write_all_at(&byte, at)
}
