//! The directory of sled, and the marks of its condition.
//!
//! ```text
//! sled/                 sled's own files: db, conf, snap.*, blobs/
//! sled/UNFINISHED       a rebuild is in progress: no tree here is valid; the text says why
//! sled/SUSPECT          damage was found: quarantine at the next open; the text says why
//! sled/OPENING          number of consecutive opens that did not finish
//! sled.discard          about to be deleted
//! quarantine/<n>        damaged directories, the newest two
//! ```
//!
//! The marks are inside the directory, so that one rename moves them together with the files that
//! they describe.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::store::files;

const UNFINISHED: &str = "UNFINISHED";
const SUSPECT: &str = "SUSPECT";
const OPENING: &str = "OPENING";

/// Quarantined directories kept for an analysis.
const QUARANTINES_MAX: usize = 2;

/// Consecutive unfinished opens after which the directory counts as the cause. Operators may kill a
/// slow start once or twice, hence more than two.
const OPENS_UNENDED_MAX: u32 = 3;

/// Longest text of a mark.
const MARK_CHARS_MAX: usize = 2000;

/// Condition of the directory at a start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Absent,
    /// A rebuild, for this reason, did not finish.
    Unfinished(String),
    /// To be quarantined without opening it, for this reason.
    Condemned(String),
    Usable,
}

#[derive(Debug, Clone)]
pub(crate) struct SledDir {
    root: PathBuf,
}

impl SledDir {
    pub(crate) fn new(root: &Path) -> SledDir {
        SledDir {
            root: root.to_path_buf(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.root.join("sled")
    }

    pub(crate) fn quarantine_path(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    pub(crate) fn condition(&self) -> io::Result<Condition> {
        // Checked first: a rebuild may be interrupted before sled creates its file.
        if let Some(why) = self.read_mark(UNFINISHED)? {
            return Ok(Condition::Unfinished(why));
        }
        if !self.path().join("db").try_exists()? {
            return Ok(Condition::Absent);
        }
        if let Some(why) = self.read_mark(SUSPECT)? {
            return Ok(Condition::Condemned(why));
        }
        let unended = self.opens_unended()?;
        if unended >= OPENS_UNENDED_MAX {
            let why = format!("the last {unended} opens of sled never came to an end");
            return Ok(Condition::Condemned(why));
        }
        Ok(Condition::Usable)
    }

    /// Counts an open that may not finish (crash, hang, out of memory).
    pub(crate) fn open_begins(&self) -> io::Result<()> {
        let count = self.opens_unended()? + 1;
        self.write_mark(OPENING, &count.to_string())
    }

    /// Records that sled is open and verified.
    pub(crate) fn open_ended(&self) -> io::Result<()> {
        files::remove_file(&self.path().join(OPENING))
    }

    /// Creates a new, empty directory that is not valid until `rebuild_ended`.
    pub(crate) fn rebuild_begins(&self, why: &str) -> io::Result<()> {
        self.discard()?;
        fs::create_dir_all(self.path())?;
        self.write_mark(UNFINISHED, why)?;
        files::sync_dir(&self.root)
    }

    /// Records that everything in the directory is complete and durable.
    pub(crate) fn rebuild_ended(&self) -> io::Result<()> {
        files::remove_file(&self.path().join(UNFINISHED))
    }

    pub(crate) fn mark_suspect(&self, why: &str) -> io::Result<()> {
        self.write_mark(SUSPECT, why)
    }

    /// Moves the directory to quarantine, and returns its new path.
    pub(crate) fn quarantine(&self) -> io::Result<PathBuf> {
        let dir = self.quarantine_path();
        fs::create_dir_all(&dir)?;
        let mut kept = self.quarantines()?;
        let number = kept.last().map_or(1, |newest| newest + 1);
        let target = dir.join(number.to_string());
        fs::rename(self.path(), &target)?;
        files::sync_dir(&dir)?;
        files::sync_dir(&self.root)?;
        kept.push(number);
        let surplus = kept.len().saturating_sub(QUARANTINES_MAX);
        for number in &kept[..surplus] {
            fs::remove_dir_all(dir.join(number.to_string()))?;
        }
        Ok(target)
    }

    /// Removes the directory, and the rest of an earlier removal.
    pub(crate) fn discard(&self) -> io::Result<()> {
        let leaving = self.root.join("sled.discard");
        files::if_exists(fs::remove_dir_all(&leaving))?;
        // Renamed first: an interrupted removal must not leave a directory that looks valid.
        if files::if_exists(fs::rename(self.path(), &leaving))?.is_some() {
            files::sync_dir(&self.root)?;
            fs::remove_dir_all(&leaving)?;
        }
        Ok(())
    }

    /// The numbers under `quarantine/`, ascending.
    fn quarantines(&self) -> io::Result<Vec<u64>> {
        let names = files::names_in(&self.quarantine_path())?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn opens_unended(&self) -> io::Result<u32> {
        let mark = self.read_mark(OPENING)?;
        Ok(mark.and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    fn read_mark(&self, name: &str) -> io::Result<Option<String>> {
        let mark = files::read_file(&self.path().join(name))?;
        Ok(mark.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn write_mark(&self, name: &str, text: &str) -> io::Result<()> {
        let text: String = text.chars().take(MARK_CHARS_MAX).collect();
        files::write_file(&self.path().join(name), text.as_bytes())
    }
}
