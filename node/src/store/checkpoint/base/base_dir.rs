//! A shard's bases on disk.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::base_error::BaseError;
use super::base_reader::BaseReader;
use super::base_writer::BaseWriter;
use super::format::BaseHeader;
use super::frame_stream::FrameStream;
use super::quiet_file::QuietFile;
use crate::store::checkpoint::files;
use crate::store::checkpoint::position::Position;

/// Bases kept per shard. The log is purged behind the oldest of them.
const BASES_KEPT: usize = 2;
const STREAM_BUFFER_BYTES: usize = 256 * 1024;

const BASE_SUFFIX: &str = ".base";
const DAMAGED_SUFFIX: &str = ".damaged";
const TEMPORARY_SUFFIX: &str = ".writing";

/// A base on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseInfo {
    /// The log position of the state in it.
    pub position: Position,
    /// Number of records.
    pub records: u64,
    /// Length of the file.
    pub bytes: u64,
    /// The file.
    pub path: PathBuf,
}

/// The bases of one shard, newest first. Those listed have a valid header, no more is known.
///
/// One `cut` at a time, which the shard's lock sees to.
#[derive(Debug)]
pub(in crate::store::checkpoint) struct BaseDir {
    dir: PathBuf,
    shard: u16,
    cluster_id: Vec<u8>,
    list: Mutex<Vec<BaseInfo>>,
}

impl BaseDir {
    /// Reads the headers of the files in `dir`. A file without a good one is put aside.
    pub(in crate::store::checkpoint) fn open(
        bases: &Path,
        shard: u16,
        cluster_id: &[u8],
    ) -> Result<BaseDir, BaseError> {
        let base_dir = BaseDir {
            dir: bases.join(format!("shard-{shard:04}")),
            shard,
            cluster_id: cluster_id.to_vec(),
            list: Mutex::default(),
        };
        for name in files::names_in(&base_dir.dir)? {
            let path = base_dir.dir.join(&name);
            if name.ends_with(TEMPORARY_SUFFIX) {
                fs::remove_file(&path)?;
            } else if name.ends_with(BASE_SUFFIX) {
                base_dir.list_file(path)?;
            }
        }
        base_dir
            .list
            .lock()
            .sort_by_key(|base| std::cmp::Reverse(base.position.index));
        Ok(base_dir)
    }

    pub(in crate::store::checkpoint) fn list(&self) -> Vec<BaseInfo> {
        self.list.lock().clone()
    }

    /// The position behind which the log is not needed: `None` until there are two bases.
    pub(in crate::store::checkpoint) fn older_position(&self) -> Option<Position> {
        self.list
            .lock()
            .get(BASES_KEPT - 1)
            .map(|base| base.position)
    }

    /// Opens a base that belongs to this shard and cluster.
    pub(in crate::store::checkpoint) fn read(
        &self,
        base: &BaseInfo,
    ) -> Result<BaseReader<impl io::Read + use<>>, BaseError> {
        let stream = BufReader::with_capacity(STREAM_BUFFER_BYTES, File::open(&base.path)?);
        let reader = BaseReader::open(stream)?;
        self.check_owner(reader.header())?;
        Ok(reader)
    }

    /// Writes a base: `fill` puts the records. Durable on return, then older ones are deleted.
    pub(in crate::store::checkpoint) fn cut<E: From<BaseError>>(
        &self,
        header: BaseHeader,
        meta: &[u8],
        fill: impl FnOnce(&mut BaseWriter<BufWriter<QuietFile>>) -> Result<(), E>,
    ) -> Result<BaseInfo, E> {
        let (position, records) = (header.position, header.tally.records);
        let name = format!("{:020}{BASE_SUFFIX}", position.index);
        let path = self.dir.join(&name);
        let temporary = self.dir.join(name + TEMPORARY_SUFFIX);
        let write = || {
            let mut writer = self.create(&temporary, header, meta)?;
            fill(&mut writer)?;
            Ok(publish(writer, &temporary, &path)?)
        };
        let bytes = match write() {
            Ok(bytes) => bytes,
            Err(e) => {
                // An unfinished file is useless, and possibly what fills the disk. If this fails
                // too, the next start removes it.
                let _ = fs::remove_file(&temporary);
                return Err(e);
            }
        };
        let info = BaseInfo {
            position,
            records,
            bytes,
            path,
        };
        self.delete_old(self.enlist(info.clone()));
        Ok(info)
    }

    /// Takes a base that proved invalid out of the list, and its file aside.
    pub(in crate::store::checkpoint) fn reject(
        &self,
        base: &BaseInfo,
        why: &BaseError,
    ) -> io::Result<()> {
        self.list.lock().retain(|listed| listed.path != base.path);
        self.put_aside(&base.path, why)
    }

    /// Reads all bases to the end, puts invalid ones aside, and says which.
    pub(in crate::store::checkpoint) fn scrub(
        &self,
    ) -> Result<Vec<(BaseInfo, BaseError)>, BaseError> {
        let mut rejected = Vec::new();
        for base in self.list() {
            match self.read(&base).and_then(BaseReader::verify) {
                Ok(_) => {}
                // Replaced by a newer one since it was listed.
                Err(BaseError::Io(e)) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) if e.is_environment() => return Err(e),
                Err(e) => {
                    self.reject(&base, &e)?;
                    rejected.push((base, e));
                }
            }
        }
        Ok(rejected)
    }

    fn create(
        &self,
        temporary: &Path,
        header: BaseHeader,
        meta: &[u8],
    ) -> Result<BaseWriter<BufWriter<QuietFile>>, BaseError> {
        fs::create_dir_all(&self.dir)?;
        if let Some(bases) = self.dir.parent() {
            files::sync_dir(bases)?;
        }
        let stream = BufWriter::with_capacity(STREAM_BUFFER_BYTES, QuietFile::create(temporary)?);
        BaseWriter::new(stream, header, meta)
    }

    fn list_file(&self, path: PathBuf) -> Result<(), BaseError> {
        let file = File::open(&path)?;
        let bytes = file.metadata()?.len();
        let header = FrameStream::new(file).read_header().and_then(|header| {
            self.check_owner(&header)?;
            Ok(header)
        });
        match header {
            Ok(header) => self.list.lock().push(BaseInfo {
                position: header.position,
                records: header.tally.records,
                bytes,
                path,
            }),
            Err(e) if e.is_environment() => return Err(e),
            Err(why) => self.put_aside(&path, &why)?,
        }
        Ok(())
    }

    fn check_owner(&self, header: &BaseHeader) -> Result<(), BaseError> {
        if header.cluster_id != self.cluster_id {
            return Err(BaseError::ForeignCluster);
        }
        if header.shard != self.shard {
            return Err(BaseError::ForeignShard(header.shard));
        }
        Ok(())
    }

    fn put_aside(&self, path: &Path, why: &BaseError) -> io::Result<()> {
        tracing::error!(path = %path.display(), %why, "a base is invalid and was put aside");
        let mut aside = path.as_os_str().to_owned();
        aside.push(DAMAGED_SUFFIX);
        fs::rename(path, aside)?;
        files::sync_dir(&self.dir)
    }

    /// Puts the newest base into the list. Says which ones leave it.
    fn enlist(&self, newest: BaseInfo) -> Vec<BaseInfo> {
        let mut list = self.list.lock();
        list.retain(|base| base.path != newest.path);
        list.insert(0, newest);
        let kept = list.len().min(BASES_KEPT);
        list.split_off(kept)
    }

    /// Deletes files that are needed no more. One that can't be deleted costs space, nothing else.
    fn delete_old(&self, surplus: Vec<BaseInfo>) {
        let mut leaving: Vec<PathBuf> = surplus.into_iter().map(|base| base.path).collect();
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

/// Ends the base, and gives it its name once it is durable. Says its length.
fn publish(
    writer: BaseWriter<BufWriter<QuietFile>>,
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
