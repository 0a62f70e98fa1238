//! Bases that prove invalid: found by whoever reads one, put aside, and missed until the next is cut.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;

use super::base_dir::{BaseDir, DAMAGED_SUFFIX};
use super::base_error::BaseError;
use super::base_info::BaseInfo;
use super::base_reader::BaseReader;
use super::throttle::{Throttle, ThrottledFile};
use crate::store::files;

impl BaseDir {
    /// The newest base, with the caller's meta bytes of it. One of which these can't be read is put aside, and the next one taken.
    pub(in crate::store::checkpoint) fn newest(
        &self,
    ) -> Result<Option<(BaseInfo, Vec<u8>)>, BaseError> {
        loop {
            let Some(base) = self.list().into_iter().next() else {
                return Ok(None);
            };
            match self.meta(&base) {
                Ok(meta) => return Ok(Some((base, meta))),
                Err(why) => drop(self.reject_unless_environment(&base, why)?),
            }
        }
    }

    /// Reads all bases to the end, puts invalid ones aside, and says which.
    pub(in crate::store::checkpoint) fn scrub(
        &self,
        throttle: &Throttle,
    ) -> Result<Vec<(BaseInfo, BaseError)>, BaseError> {
        let mut rejected = Vec::new();
        for base in self.list() {
            let reader = self.read_by(&base, |file| ThrottledFile::new(file, throttle));
            if let Err(why) = reader.and_then(BaseReader::verify) {
                rejected.extend(
                    self.reject_unless_environment(&base, why)?
                        .map(|why| (base, why)),
                );
            }
        }
        Ok(rejected)
    }

    /// Whether one was put aside, and there have been less than are kept since: nothing of the log is purged meanwhile.
    pub(in crate::store::checkpoint) fn has_lost(&self) -> bool {
        self.lost_one.load(Ordering::Relaxed)
    }

    /// Has it count as lost that one is of no use, though nothing is wrong with its files.
    pub(in crate::store::checkpoint) fn mark_lost(&self) {
        self.lost_one.store(true, Ordering::Relaxed);
    }

    /// How many were put aside since the open; a file without a valid header counts as one.
    pub(in crate::store::checkpoint) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Takes a base that proved invalid out of the list, and its files aside.
    pub(in crate::store::checkpoint) fn reject(
        &self,
        base: &BaseInfo,
        why: &BaseError,
    ) -> io::Result<()> {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        let gone = {
            let mut list = self.list.lock();
            let at = list.iter().position(|it| it.is_of_same_files(base));
            at.map(|at| list.remove(at))
        };
        // So that what a kill leaves of it still goes on from each other.
        let mut newest_first = gone.as_ref().unwrap_or(base).files.iter().rev();
        newest_first.try_for_each(|file| self.set_aside(&file.path, why))
    }

    /// Gives a file that is no part of a valid base another name, and says why in the log.
    pub(super) fn set_aside(&self, path: &Path, why: &BaseError) -> io::Result<()> {
        tracing::error!(path = %path.display(), %why, "a file of a base is invalid and was put aside");
        self.lost_one.store(true, Ordering::Relaxed);
        let mut aside = path.as_os_str().to_owned();
        aside.push(DAMAGED_SUFFIX);
        match fs::rename(path, aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => files::sync_dir(&self.dir),
        }
    }

    /// Rejects a base that could not be read, and says why; `None` when a newer one has replaced it since it was listed.
    ///
    /// # Errors
    /// When it was not the base that failed.
    fn reject_unless_environment(
        &self,
        base: &BaseInfo,
        why: BaseError,
    ) -> Result<Option<BaseError>, BaseError> {
        // Files are deleted only of what is listed no more.
        if !self.list.lock().iter().any(|it| it.is_of_same_files(base)) {
            return Ok(None);
        }
        let is_missing =
            matches!(&why, BaseError::Io(error) if error.kind() == io::ErrorKind::NotFound);
        if why.is_environment() && !is_missing {
            return Err(why);
        }
        self.reject(base, &why)?;
        Ok(Some(why))
    }
}
