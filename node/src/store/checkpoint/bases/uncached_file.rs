//! A file that is written from front to back without filling the page cache.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroU64;
use std::path::Path;

use rustix::fs::Advice;

/// Bytes that are made durable at a time: no fdatasync of the log waits behind more.
const PIECE_BYTES: u64 = 2 << 20;

/// A new file that is read much later, if ever. Written bytes go to the disk in pieces and then out
/// of the page cache, where they would displace pages that are in use.
pub struct UncachedFile {
    file: File,
    written: u64,
    /// Everything before this offset is durable.
    settled: u64,
}

impl UncachedFile {
    /// Creates the file, or truncates it.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::create(path)?,
            written: 0,
            settled: 0,
        })
    }

    /// Makes the file durable, with its length.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        self.forget();
        Ok(())
    }

    fn settle(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.forget();
        Ok(())
    }

    /// Drops the durable bytes from the page cache. A hint: an error affects speed only.
    fn forget(&mut self) {
        if let Some(bytes) = NonZeroU64::new(self.written - self.settled) {
            let _ = rustix::fs::fadvise(&self.file, self.settled, Some(bytes), Advice::DontNeed);
        }
        self.settled = self.written;
    }
}

impl Write for UncachedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.written += written as u64;
        if self.written - self.settled >= PIECE_BYTES {
            self.settle()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_was_written_is_there_in_its_order() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("file");
        let numbers = (0..1_500_000_u32).flat_map(u32::to_le_bytes);
        let bytes: Vec<u8> = numbers.collect();
        assert!(bytes.len() as u64 > 2 * PIECE_BYTES);
        let mut file = UncachedFile::create(&path).expect("a file");
        // Pieces end within writes as well as with them.
        for part in bytes.chunks(PIECE_BYTES as usize / 3) {
            file.write_all(part).expect("room");
            assert!(file.written - file.settled < PIECE_BYTES);
        }
        file.finish().expect("durable");
        assert!(std::fs::read(&path).expect("the file") == bytes);
    }
}
