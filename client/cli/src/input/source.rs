//! Files and standard input, plain or gzipped.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use flate2::read::MultiGzDecoder;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const COMPRESSED_BUFFER_BYTES: usize = 64 << 10;

/// The progress of reading, for another thread.
#[derive(Clone, Debug, Default)]
pub struct SourceProgress {
    bytes_read: Arc<AtomicU64>,
    bytes_total: Option<u64>,
}

impl SourceProgress {
    /// Bytes read from the file, before decompression.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// The file's size; none for a pipe.
    pub fn bytes_total(&self) -> Option<u64> {
        self.bytes_total
    }
}

/// An opened file or standard input, not yet read.
#[derive(Debug)]
pub struct Source {
    file: File,
    progress: SourceProgress,
}

impl Source {
    /// Opens a file.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::from_file(File::open(path)?)
    }

    /// Standard input, unbuffered.
    pub fn stdin() -> io::Result<Self> {
        use std::os::fd::AsFd;
        let descriptor = io::stdin().as_fd().try_clone_to_owned()?;
        Self::from_file(File::from(descriptor))
    }

    fn from_file(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        let bytes_total = metadata.is_file().then_some(metadata.len());
        let progress = SourceProgress {
            bytes_total,
            ..SourceProgress::default()
        };
        Ok(Self { file, progress })
    }

    /// The progress of reading.
    pub fn progress(&self) -> SourceProgress {
        self.progress.clone()
    }

    /// The content. Gzip is detected by its first bytes, not by the file's name.
    pub fn into_reader(self) -> io::Result<Box<dyn Read + Send>> {
        decompressed(Counting {
            inner: self.file,
            bytes_read: self.progress.bytes_read,
        })
    }
}

pub(super) fn decompressed(
    mut from: impl Read + Send + 'static,
) -> io::Result<Box<dyn Read + Send>> {
    let mut head = Vec::with_capacity(GZIP_MAGIC.len());
    from.by_ref()
        .take(GZIP_MAGIC.len() as u64)
        .read_to_end(&mut head)?;
    let is_gzip = head == GZIP_MAGIC;
    let whole = Cursor::new(head).chain(from);
    if !is_gzip {
        return Ok(Box::new(whole));
    }
    let buffered = BufReader::with_capacity(COMPRESSED_BUFFER_BYTES, whole);
    Ok(Box::new(MultiGzDecoder::new(buffered)))
}

struct Counting<R> {
    inner: R,
    bytes_read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(to)?;
        self.bytes_read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
