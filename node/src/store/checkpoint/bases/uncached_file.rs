//! A file that is written from front to back and read, if ever, much later: written so that it is in nobody's way.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroU64;
use std::path::Path;

use rustix::fs::Advice;

/// So much is made durable at a time: no fdatasync of the log waits behind more of it.
const PIECE_BYTES: u64 = 2 << 20;

/// A new file. What was written of it goes to the disk piece by piece, and out of the memory in which the system keeps files: there it
/// would only take the place of what somebody reads.
pub struct UncachedFile {
    file: File,
    written: u64,
    /// Up to here it is durable.
    settled: u64,
}

impl UncachedFile {
    /// Creates the file, or empties it.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::create(path)?,
            written: 0,
            settled: 0,
        })
    }

    /// Makes all of it durable, its length too.
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

    /// Of what is durable. A hint: of no consequence but for speed.
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
        // Pieces end within writes, and with them.
        for part in bytes.chunks(PIECE_BYTES as usize / 3) {
            file.write_all(part).expect("room");
            assert!(file.written - file.settled < PIECE_BYTES);
        }
        file.finish().expect("durable");
        assert!(std::fs::read(&path).expect("the file") == bytes);
    }
}
