//! Reads and verifies a base from the streams of its files.

use std::io::Read;

use super::base_error::BaseError;
use super::format::BaseHeader;
use super::part_reader::PartReader;
use crate::store::checkpoint::digest::Digest;

/// Key and payload of a record, borrowed from a [`BaseReader`].
pub type BaseRecord<'a> = (&'a [u8], &'a [u8]);

/// Yields the records of a base in key order. Holds one frame of each file in memory.
///
/// A record is returned once its own frame is verified. Whether the whole base is valid is known
/// only once `next` has returned `None`; until then, do not rely on its records.
pub struct BaseReader<R> {
    /// The whole state, then the changes, in order; not empty. The last record with a key wins.
    parts: Vec<PartReader<R>>,
    found: Digest,
    /// The key returned or skipped last. Files that are still at this key advance next.
    last_key: Vec<u8>,
    begun: bool,
}

impl<R: Read> BaseReader<R> {
    /// Reads headers and metas: first the file with the whole state, then the changes. Pass
    /// buffered streams.
    ///
    /// # Errors
    /// When a file can't be read, or does not continue the one before it.
    pub fn open(streams: impl IntoIterator<Item = R>) -> Result<BaseReader<R>, BaseError> {
        let parts = streams.into_iter().map(PartReader::open);
        let parts: Vec<PartReader<R>> = parts.collect::<Result<_, _>>()?;
        let mut before = None;
        for part in &parts {
            if part.header().since != before {
                return Err(BaseError::Malformed(
                    "its files do not go on from each other",
                ));
            }
            before = Some(part.header().position);
        }
        if parts.is_empty() {
            return Err(BaseError::Malformed("it has no file"));
        }
        Ok(BaseReader {
            parts,
            found: Digest::default(),
            last_key: Vec::new(),
            begun: false,
        })
    }

    /// The header of its newest file.
    pub fn header(&self) -> &BaseHeader {
        self.newest().header()
    }

    /// The caller's meta bytes.
    pub fn meta(&self) -> &[u8] {
        self.newest().meta()
    }

    /// The headers of its files, in order.
    pub(super) fn headers(&self) -> impl Iterator<Item = &BaseHeader> {
        self.parts.iter().map(PartReader::header)
    }

    /// The next record's key and payload; `None` once the whole base is verified.
    #[expect(
        clippy::should_implement_trait,
        reason = "lends from the reader's frames"
    )]
    pub fn next(&mut self) -> Result<Option<BaseRecord<'_>>, BaseError> {
        loop {
            self.advance()?;
            let Some(at) = self.foremost() else {
                let promised = self.header().digest;
                return BaseError::check_digest(promised, self.found).map(|()| None);
            };
            self.last_key.clear();
            self.last_key
                .extend_from_slice(self.parts[at].key().unwrap_or_default());
            if self.parts[at].payload().is_some() {
                self.found.add(self.parts[at].hash());
                let part = &self.parts[at];
                return Ok(part.key().zip(part.payload()));
            }
        }
    }

    /// Reads to the end. `Ok` if and only if the base is valid.
    pub fn verify(mut self) -> Result<BaseHeader, BaseError> {
        while self.next()?.is_some() {}
        Ok(self.newest().header().clone())
    }

    /// Advances the files that are at the last key.
    fn advance(&mut self) -> Result<(), BaseError> {
        let begun = std::mem::replace(&mut self.begun, true);
        for part in &mut self.parts {
            if !begun || part.key() == Some(&self.last_key) {
                part.advance()?;
            }
        }
        Ok(())
    }

    /// The newest of the files that are at the smallest key.
    fn foremost(&self) -> Option<usize> {
        let keys = self.parts.iter().enumerate().rev();
        let keys = keys.filter_map(|(at, part)| part.key().map(|key| (key, at)));
        // Of equal keys `min_by` takes the first, which is of the newest file.
        keys.min_by(|a, b| a.0.cmp(b.0)).map(|(_, at)| at)
    }

    fn newest(&self) -> &PartReader<R> {
        self.parts.last().expect("a base has a file")
    }
}
