//! A group's bases on disk.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::base_error::BaseError;
use super::base_info::{BaseFile, BaseInfo};
use super::base_reader::BaseReader;
use super::base_writer::BaseWriter;
use super::format::BaseHeader;
use super::frame_stream::FrameStream;
use super::part_reader::PartReader;
use super::uncached_file::UncachedFile;
use crate::store::checkpoint::position::Position;
use crate::store::group_id::GroupId;
use crate::store::{files, want};

/// Bases kept per group. The log is purged behind the older one.
pub(crate) const BASES_KEPT: usize = 2;
const STREAM_BUFFER_BYTES: usize = 256 * 1024;

pub(super) const BASE_SUFFIX: &str = ".base";
pub(super) const DAMAGED_SUFFIX: &str = ".damaged";
const TEMPORARY_SUFFIX: &str = ".writing";

/// The bases of one group, newest first. Their files have valid headers; the rest is not verified.
///
/// There is one `cut` at a time: the group's lock ensures it.
#[derive(Debug)]
pub(crate) struct BaseDir {
    pub(super) dir: PathBuf,
    group: GroupId,
    cluster_id: Vec<u8>,
    pub(super) list: Mutex<Vec<BaseInfo>>,
    /// A base was set aside, and fewer than [`BASES_KEPT`] exist since then.
    pub(super) lost_one: AtomicBool,
    /// Number of invalid bases found since the open.
    pub(super) rejected: AtomicU64,
}

impl BaseDir {
    /// Reads the headers of the files in `dir`. A file with an invalid header is set aside, and so
    /// is a file of changes whose predecessor is missing.
    pub(crate) fn open(
        bases: &Path,
        group: GroupId,
        cluster_id: &[u8],
    ) -> Result<BaseDir, BaseError> {
        let base_dir = BaseDir {
            dir: bases.join(format!("shard-{group:04}")),
            group,
            cluster_id: cluster_id.to_vec(),
            list: Mutex::default(),
            lost_one: AtomicBool::new(false),
            rejected: AtomicU64::new(0),
        };
        base_dir
            .lost_one
            .store(!base_dir.damaged_files().is_empty(), Ordering::Relaxed);
        *base_dir.list.lock() = base_dir.read_list()?;
        Ok(base_dir)
    }

    /// The bases in the folder, newest first.
    pub(super) fn read_list(&self) -> Result<Vec<BaseInfo>, BaseError> {
        let mut found = Vec::new();
        for name in files::names_in(&self.dir)? {
            let path = self.dir.join(&name);
            if name.ends_with(TEMPORARY_SUFFIX) {
                fs::remove_file(&path)?;
            } else if name.ends_with(BASE_SUFFIX) {
                found.extend(self.find(path)?);
            }
        }
        Ok(self.grouped(found)?)
    }

    pub(super) fn file_name(&self, position: Position) -> String {
        format!("{:020}{BASE_SUFFIX}", position.index)
    }

    pub(crate) fn list(&self) -> Vec<BaseInfo> {
        self.list.lock().clone()
    }

    /// The position up to which the log may be purged; `None` until there are two bases.
    pub(crate) fn older_position(&self) -> Option<Position> {
        self.list
            .lock()
            .get(BASES_KEPT - 1)
            .map(|base| base.position)
    }

    /// Opens a base, after a check that it belongs to this group and cluster.
    pub(crate) fn read(&self, base: &BaseInfo) -> Result<BaseReader<BufReader<File>>, BaseError> {
        self.read_by(base, |file| file)
    }

    /// As [`Self::read`], with `by` wrapped around each file.
    pub(super) fn read_by<R: io::Read>(
        &self,
        base: &BaseInfo,
        by: impl Fn(File) -> R,
    ) -> Result<BaseReader<BufReader<R>>, BaseError> {
        let opened = self.open_listed(base, &base.files)?;
        self.reader(opened, by)
    }

    /// Opens files of a base while it is listed, extended or not: an install may put other files at
    /// their paths.
    fn open_listed(&self, base: &BaseInfo, of_it: &[BaseFile]) -> io::Result<Vec<File>> {
        want::patiently("a base", || {
            let list = self.list.lock();
            if !list.iter().any(|it| it.files.starts_with(&base.files)) {
                return Err(io::Error::from(io::ErrorKind::NotFound));
            }
            of_it.iter().map(|file| File::open(&file.path)).collect()
        })
    }

    /// Reads files that are not listed.
    pub(crate) fn open_files(
        &self,
        files: &[BaseFile],
    ) -> Result<BaseReader<BufReader<File>>, BaseError> {
        let opened = files.iter().map(|file| File::open(&file.path));
        self.reader(opened.collect::<io::Result<_>>()?, |file| file)
    }

    fn reader<R: io::Read>(
        &self,
        opened: Vec<File>,
        by: impl Fn(File) -> R,
    ) -> Result<BaseReader<BufReader<R>>, BaseError> {
        let buffered = |file| BufReader::with_capacity(STREAM_BUFFER_BYTES, by(file));
        let reader = BaseReader::open(opened.into_iter().map(buffered))?;
        for header in reader.headers() {
            self.check_owner(header)?;
        }
        Ok(reader)
    }

    /// The caller's meta bytes in a base. The records are not read.
    pub(crate) fn meta(&self, base: &BaseInfo) -> Result<Vec<u8>, BaseError> {
        let newest = base.files.last();
        let newest = newest.ok_or(BaseError::Malformed("it has no file"))?;
        let mut opened = self
            .open_listed(base, std::slice::from_ref(newest))?
            .into_iter();
        let newest = opened
            .next()
            .ok_or(BaseError::Malformed("it has no file"))?;
        let newest = PartReader::open(BufReader::new(newest))?;
        self.check_owner(newest.header())?;
        Ok(newest.meta().to_vec())
    }

    /// Writes a file, whose records `fill` adds. A whole state becomes a base of its own; changes
    /// extend the base at `header.since`. The file is durable on return; superfluous files are
    /// deleted.
    pub(crate) fn cut<E: From<BaseError>>(
        &self,
        header: BaseHeader,
        meta: &[u8],
        fill: impl FnOnce(&mut BaseWriter<BufWriter<UncachedFile>>) -> Result<(), E>,
    ) -> Result<BaseInfo, E> {
        let name = self.file_name(header.position);
        let path = self.dir.join(&name);
        let temporary = self.dir.join(name + TEMPORARY_SUFFIX);
        let write = || {
            let mut writer = self.create(&temporary, header.clone(), meta)?;
            fill(&mut writer)?;
            Ok(publish(writer, &temporary, &path)?)
        };
        let bytes = match write() {
            Ok(bytes) => bytes,
            Err(e) => {
                // An unfinished file is useless, and may be what fills the disk. If this fails too,
                // the next start removes the temporary file. A file that already has its final name
                // would compete with the next cut.
                let _ = fs::remove_file(&temporary);
                let _ = fs::remove_file(&path);
                return Err(e);
            }
        };
        let file = BaseFile {
            path: path.clone(),
            bytes,
        };
        let (info, surplus) = self.enlist(&header, file).inspect_err(|_| {
            // The base that it extends was set aside meanwhile.
            let _ = fs::remove_file(&path);
        })?;
        self.delete(surplus);
        Ok(info)
    }

    fn create(
        &self,
        temporary: &Path,
        header: BaseHeader,
        meta: &[u8],
    ) -> Result<BaseWriter<BufWriter<UncachedFile>>, BaseError> {
        fs::create_dir_all(&self.dir)?;
        if let Some(bases) = self.dir.parent() {
            files::sync_dir(bases)?;
        }
        let stream =
            BufWriter::with_capacity(STREAM_BUFFER_BYTES, UncachedFile::create(temporary)?);
        BaseWriter::new(stream, header, meta)
    }

    /// Reads a file's header; an invalid file is set aside.
    fn find(&self, path: PathBuf) -> Result<Option<(BaseHeader, BaseFile)>, BaseError> {
        let file = want::patiently("a base", || File::open(&path))?;
        let bytes = file.metadata()?.len();
        let header = FrameStream::new(file).read_header().and_then(|header| {
            self.check_owner(&header)?;
            Ok(header)
        });
        match header {
            Ok(header) => return Ok(Some((header, BaseFile { path, bytes }))),
            Err(e) if e.is_environment() => return Err(e),
            Err(why) => {
                self.rejected.fetch_add(1, Ordering::Relaxed);
                self.set_aside(&path, &why)?;
            }
        }
        Ok(None)
    }

    /// The bases that files form, newest first.
    fn grouped(&self, mut found: Vec<(BaseHeader, BaseFile)>) -> io::Result<Vec<BaseInfo>> {
        found.sort_by_key(|(header, _)| header.position.index);
        let mut list: Vec<BaseInfo> = Vec::new();
        for (header, file) in found {
            let Some(since) = header.since else {
                list.push(BaseInfo::of(&header, file));
                continue;
            };
            match list.iter_mut().find(|base| base.position == since) {
                Some(base) => base.extend(&header, file),
                None => {
                    let why = BaseError::Malformed("what it goes on from is not there");
                    self.set_aside(&file.path, &why)?;
                }
            }
        }
        list.sort_by_key(|base| std::cmp::Reverse(base.position.index));
        Ok(list)
    }

    fn check_owner(&self, header: &BaseHeader) -> Result<(), BaseError> {
        if header.cluster_id != self.cluster_id {
            return Err(BaseError::ForeignCluster);
        }
        if header.group != self.group {
            return Err(BaseError::ForeignGroup(header.group));
        }
        Ok(())
    }

    /// Adds a new file to the list. Returns its base, and the files that are superfluous now.
    fn enlist(
        &self,
        header: &BaseHeader,
        file: BaseFile,
    ) -> Result<(BaseInfo, Vec<PathBuf>), BaseError> {
        let mut list = self.list.lock();
        let newest = match header.since {
            None => BaseInfo::of(header, file),
            Some(since) => {
                let at = list.iter().position(|base| base.position == since);
                let at = at.ok_or(BaseError::Malformed("what it goes on from is not there"))?;
                let mut base = list.remove(at);
                base.extend(header, file);
                base
            }
        };
        list.insert(0, newest.clone());
        let kept = list.len().min(BASES_KEPT);
        if kept == BASES_KEPT {
            self.lost_one.store(false, Ordering::Relaxed);
        }
        let surplus = list.split_off(kept).into_iter();
        let files = surplus.flat_map(|base| base.files.into_iter().rev());
        Ok((newest, files.map(|file| file.path).collect()))
    }

    /// Deletes superfluous files. Of one base the newest goes first, so that after a kill the
    /// remaining files still form a base. A file that can't be deleted costs space only.
    fn delete(&self, mut leaving: Vec<PathBuf>) {
        if self.older_position().is_some() {
            leaving.extend(self.damaged_files());
        }
        for path in leaving {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "an old base could not be deleted");
            }
        }
    }

    fn damaged_files(&self) -> Vec<PathBuf> {
        let mut names = files::names_in(&self.dir).unwrap_or_default();
        names.retain(|name| name.ends_with(DAMAGED_SUFFIX));
        names.into_iter().map(|name| self.dir.join(name)).collect()
    }
}

/// Finishes the file and renames it once it is durable. Returns its length in bytes.
fn publish(
    writer: BaseWriter<BufWriter<UncachedFile>>,
    temporary: &Path,
    path: &Path,
) -> Result<u64, BaseError> {
    let (stream, bytes) = writer.finish()?;
    let file = stream
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.finish()?;
    fs::rename(temporary, path)?;
    if let Some(dir) = path.parent() {
        files::sync_dir(dir)?;
    }
    Ok(bytes)
}
