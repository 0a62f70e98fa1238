//! A received base replaces all bases of a group.
//!
//! The folder of the received base becomes the folder of the group's bases. Between the two renames
//! that it takes, a kill leaves `shard-NNNN.old` without `shard-NNNN`: the next start goes on from
//! there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::base_dir::BaseDir;
use super::base_error::BaseError;
use super::base_info::{BaseFile, BaseInfo};
use super::incoming::{self, TREE_MARK};
use crate::store::checkpoint::bases::BaseHeader;
use crate::store::files;
use crate::store::group_id::GroupId;

impl BaseDir {
    /// Reads received files to the end.
    ///
    /// # Errors
    /// Unless they are a valid base of this group and cluster.
    pub(crate) fn verify_received(&self, files: Vec<BaseFile>) -> Result<BaseInfo, BaseError> {
        let mut reader = self.open_files(&files)?;
        while reader.next()?.is_some() {}
        let headers: Vec<BaseHeader> = reader.headers().cloned().collect();
        let mut described = headers.iter().zip(files);
        let (first, file) = described
            .next()
            .ok_or(BaseError::Malformed("it has no file"))?;
        let mut base = BaseInfo::of(first, file);
        described.for_each(|(header, file)| base.extend(header, file));
        let positions = headers.iter().map(|header| header.position);
        for (file, position) in base.files.iter_mut().zip(positions) {
            file.path = named_by(&file.path, &self.file_name(position))?;
        }
        Ok(base)
    }

    /// Replaces all bases of the group by the verified one in `received`. Durable on return.
    ///
    /// Readers that have files open read on. Those that open a base of before find it gone.
    pub(crate) fn replace_by(&self, received: &Path) -> Result<BaseInfo, BaseError> {
        let mut list = self.list.lock();
        swap(&self.dir, received)?;
        *list = self.read_list()?;
        // Until there are two bases, one is missing.
        self.mark_lost();
        let newest = list.first().cloned();
        newest.ok_or(BaseError::Malformed("the received files are no base"))
    }
}

/// Finishes a replacement that a kill interrupted.
pub(crate) fn finish_replacement(bases: &Path, incoming: &Path, group: GroupId) -> io::Result<()> {
    let dir = bases.join(format!("shard-{group:04}"));
    let old = old_of(&dir);
    if old.try_exists()? && !dir.try_exists()? {
        let mut received = incoming::received(incoming, group)?.into_iter();
        let verified = received.find(|dir| matches!(incoming::tree_built_of(dir), Ok(Some(_))));
        // The received base is there: the old ones are moved away only for a verified one.
        fs::rename(verified.as_ref().unwrap_or(&old), &dir)?;
        files::sync_dir(bases)?;
    }
    end(&dir)
}

fn swap(dir: &Path, received: &Path) -> io::Result<()> {
    let old = old_of(dir);
    files::if_exists(fs::remove_dir_all(&old))?;
    let bases = dir.parent().unwrap_or(dir);
    files::if_exists(fs::rename(dir, &old))?;
    files::sync_dir(bases)?;
    fs::rename(received, dir)?;
    files::sync_dir(bases)?;
    end(dir)
}

/// Removes what a complete replacement leaves.
fn end(dir: &Path) -> io::Result<()> {
    files::if_exists(fs::remove_dir_all(old_of(dir)))?;
    files::if_exists(fs::remove_file(dir.join(TREE_MARK)))?;
    Ok(())
}

fn old_of(dir: &Path) -> PathBuf {
    dir.with_extension("old")
}

fn named_by(path: &Path, name: &str) -> io::Result<PathBuf> {
    let named = path.with_file_name(name);
    fs::rename(path, &named)?;
    Ok(named)
}
