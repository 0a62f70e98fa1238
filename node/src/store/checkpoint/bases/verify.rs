//! Verification of bases. An invalid base is set aside, and counts as lost until the next cut.

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
    /// The newest base with its meta bytes. A base whose meta can't be read is set aside, and the
    /// next one is tried.
    pub(crate) fn newest(&self) -> Result<Option<(BaseInfo, Vec<u8>)>, BaseError> {
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

    /// Reads all bases to the end, sets invalid ones aside, and returns them.
    pub(crate) fn scrub(
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

    /// Whether a base was set aside and fewer than [`BASES_KEPT`](super::BASES_KEPT) exist since
    /// then. Nothing of the log is purged meanwhile.
    pub(crate) fn has_lost(&self) -> bool {
        self.lost_one.load(Ordering::Relaxed)
    }

    /// Counts a base as lost that is of no use, although its files are valid.
    pub(crate) fn mark_lost(&self) {
        self.lost_one.store(true, Ordering::Relaxed);
    }

    /// Number of bases set aside since the open; a file without a valid header counts as one.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Removes an invalid base from the list, and sets its files aside. Does nothing if it is not
    /// listed any more.
    pub(crate) fn reject(&self, base: &BaseInfo, why: &BaseError) -> io::Result<()> {
        // Locked to the end: an install may put other files at these paths.
        let mut list = self.list.lock();
        let Some(at) = list.iter().position(|it| it.is_of_same_files(base)) else {
            return Ok(());
        };
        self.rejected.fetch_add(1, Ordering::Relaxed);
        // In this order, so that after a kill the remaining files still form a base.
        let gone = list.remove(at);
        let mut newest_first = gone.files.iter().rev();
        newest_first.try_for_each(|file| self.set_aside(&file.path, why))
    }

    /// Renames a file that is not part of a valid base, and logs the reason.
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

    /// Rejects a base that could not be read, and returns why; `None` if a newer base has replaced
    /// it since it was listed.
    ///
    /// # Errors
    /// When the system failed and not the base.
    pub(crate) fn reject_unless_environment(
        &self,
        base: &BaseInfo,
        why: BaseError,
    ) -> Result<Option<BaseError>, BaseError> {
        // Only files of bases that are no longer listed are deleted.
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
