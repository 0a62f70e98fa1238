//! Compares the mark with the records that are read.

use std::path::{Path, PathBuf};

use crate::store::log::entry::SegmentId;
use crate::store::log::error::{DamageKind, DamageProof, MarkFault, OpenError};
use crate::store::log::format::headers::HeaderFault;
use crate::store::log::format::mark::Mark;
use crate::store::log::format::scan::Scanned;
use crate::store::log::mark::mark_file;

/// The mark of the log that is read, or what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct MarkCheck {
    mark: Option<Mark>,
    fault: Option<MarkFault>,
    /// Whether a record says that its log keeps a mark. Earlier builds kept none.
    is_expected: bool,
}

impl MarkCheck {
    /// Reads the mark.
    pub(crate) fn read(dir: &Path) -> Result<Self, OpenError> {
        let path = mark_file::path(dir);
        let io_error = |source| OpenError::Io {
            path: path.clone(),
            source,
        };
        let mut check = Self::default();
        match mark_file::read(dir).map_err(io_error)? {
            Some(Ok(mark)) => check.mark = Some(mark),
            Some(Err(HeaderFault::Damaged)) => check.fault = Some(MarkFault::Damaged),
            Some(Err(HeaderFault::Newer(found))) => {
                return Err(OpenError::NewerMark { path, found });
            }
            None => {}
        }
        Ok(check)
    }

    /// The log's number, as the mark has it.
    pub(crate) fn log(&self) -> Option<u64> {
        self.mark.map(|mark| mark.log)
    }

    /// Sets a mark of another log aside.
    pub(crate) fn of_log(&mut self, log: u64) {
        if self.mark.take_if(|mark| mark.log != log).is_some() {
            self.fault = Some(MarkFault::Foreign);
        }
    }

    /// Whether the mark points into this segment, whose marked record is then to be compared.
    pub(crate) fn is_in(&self, segment: SegmentId) -> bool {
        self.mark.is_some_and(|mark| mark.segment == segment)
    }

    /// A record that says whether its log keeps a mark.
    pub(crate) fn expect(&mut self, has_mark: bool) {
        self.is_expected |= has_mark;
    }

    /// Evidence of the mark that what is at this place was durable.
    pub(crate) fn proof(&self, segment: SegmentId, offset: u32) -> Option<DamageProof> {
        let mark = self.mark?;
        let is_vouched = mark.segment == segment && mark.end > offset;
        is_vouched.then_some(DamageProof::Mark(mark.end))
    }

    /// A valid record: if the mark vouches for its end, it must be the same record.
    pub(crate) fn record(
        &mut self,
        segment: SegmentId,
        record: &Scanned<'_>,
    ) -> Result<(), OpenError> {
        self.expect(record.header.has_mark);
        let Some(mark) = self.mark.filter(|mark| mark.segment == segment) else {
            return Ok(());
        };
        let (offset, end) = (record.offset, record.end());
        let is_other = end == mark.end && record.crc != mark.record_crc;
        if is_other || (offset < mark.end && mark.end < end) {
            let (what, proof) = (DamageKind::OtherRecord, DamageProof::Mark(mark.end));
            return Err(OpenError::Damaged {
                segment,
                offset,
                what,
                proof,
            });
        }
        Ok(())
    }

    /// Checks, once all segments are read, that the marked one is among them, and that a mark that
    /// the log once had is not lost.
    pub(crate) fn finish(&self, dir: &Path, newest: Option<SegmentId>) -> Result<(), OpenError> {
        if let Some(Mark { segment, .. }) = self.mark
            && segment > newest.unwrap_or(0)
        {
            return Err(OpenError::MissingSegment { segment });
        }
        let is_missing = self.mark.is_none() && self.is_expected;
        let Some(fault) = self.fault.or(is_missing.then_some(MarkFault::Missing)) else {
            return Ok(());
        };
        let path = mark_file::path(dir);
        let accept: PathBuf = dir.join(mark_file::ACCEPT);
        if accept.exists() {
            tracing::warn!(
                path = %path.display(),
                "the log's mark {fault}: accepted, the log is taken as it ends"
            );
            return Ok(());
        }
        Err(OpenError::Mark {
            path,
            fault,
            accept,
        })
    }
}
