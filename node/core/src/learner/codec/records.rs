//! A learner as records: a head with the newest block and all that is always needed, and one record
//! for each earlier block.
//!
//! So a learner in a lesson is written as one small record, however long its history is.

use std::ops::Range;

use crate::{
    learner::{
        attempts::Attempts,
        history::{BlockContent, Corrections, Courses, LastInteractions, Sessions},
        kept::Kept,
        playback::Part,
        state::Learner,
    },
    wire::{self, DecodeError, Put, Reader},
};

/// Version of blocks, and of heads that do not list the evicted blocks.
const STATE_VERSION: u8 = 6;
/// Version of the heads of passivated learners with earlier blocks: these list the evicted blocks.
const PASSIVATED_VERSION: u8 = 7;
/// The oldest version that can be read: as [`STATE_VERSION`], but without what events count.
const UNSIZED_VERSION: u8 = 4;
/// As [`PASSIVATED_VERSION`], but without what events count.
const UNSIZED_PASSIVATED_VERSION: u8 = 5;

/// Initial capacity for a head, bytes. Enough for most.
const HEAD_BYTES: usize = 2_048;

/// Identifies a record of a learner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatePart {
    /// Everything but the blocks before the newest.
    Head,
    /// A block before the newest, by its start, ms.
    Block(i64),
}

/// A record to write, or to delete (`None`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// The record.
    pub part: StatePart,
    /// The new bytes.
    pub bytes: Option<Vec<u8>>,
}

/// The records besides the head that restoring a learner needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequiredParts {
    /// All records.
    All,
    /// The blocks that start at these times, ms, if they still exist.
    Blocks(Vec<i64>),
}

impl Learner {
    /// Whether the state differs from the stored one.
    pub fn has_changes(&self) -> bool {
        self.unsaved
    }

    /// Returns the records to write, and counts them as stored from now on.
    ///
    /// If the learner is `leaving` memory, the head is always written, with all that restoring
    /// needs: a summary of each evicted block, and what outlives the retention. Expired blocks can
    /// then be deleted without reading them.
    pub fn take_changes(&mut self, leaving: bool) -> Vec<StateChange> {
        let is_due = std::mem::take(&mut self.unsaved) || leaving;
        let (blocks, gone) = self.blocks.take_changes();
        let mut changes = Vec::with_capacity(1 + blocks.len() + gone.len());
        changes.extend(
            gone.into_iter()
                .map(StatePart::Block)
                .map(|part| StateChange { part, bytes: None }),
        );
        let mut sizes = Vec::with_capacity(blocks.len());
        let (spans, contents): (Vec<Range<i64>>, Vec<&BlockContent>) = blocks.into_iter().unzip();
        let viewings = self.playbacks.within(&spans);
        for ((span, content), viewings) in spans.iter().zip(contents).zip(viewings) {
            let from_ms = span.start;
            let bytes = encode_block(&self.attempts, &viewings, span, content);
            sizes.push((from_ms, bytes.len()));
            changes.push(StateChange {
                part: StatePart::Block(from_ms),
                bytes: Some(bytes),
            });
        }
        for (from_ms, size) in sizes {
            self.blocks.note_stored(from_ms, size);
        }
        let head = is_due.then(|| match leaving && self.blocks.apart() > 0 {
            true => self.encode_passivated(),
            false => self.encode_head(),
        });
        changes.extend(head.map(|bytes| StateChange {
            part: StatePart::Head,
            bytes: Some(bytes),
        }));
        changes
    }

    /// The records that restoring needs besides this head.
    ///
    /// # Errors
    /// When the head is damaged or of an unknown version.
    pub fn required_parts(head: &[u8]) -> Result<RequiredParts, DecodeError> {
        let (version, mut body) = versioned(head)?;
        let required = match version {
            version if is_passivated(version) => read_times(&mut body).map(RequiredParts::Blocks),
            _ => body.size().map(|apart| match apart {
                0 => RequiredParts::Blocks(Vec::new()),
                _ => RequiredParts::All,
            }),
        };
        required.ok_or(DecodeError::Damaged)
    }

    /// Restores a learner from its head and all its other records.
    ///
    /// # Errors
    /// When a record is damaged or of an unknown version.
    pub fn restore<'b>(
        user_id: &str,
        head: &[u8],
        parts: impl Iterator<Item = (StatePart, &'b [u8])>,
    ) -> Result<Self, DecodeError> {
        let mut learner = Self::restore_head(user_id, head)?;
        let within_head = learner.within_head();
        for (part, bytes) in parts {
            match part {
                StatePart::Block(from_ms) if Some(from_ms) != within_head => {
                    learner.restore_block(from_ms, bytes)?;
                }
                // Left over from before the block moved into the head.
                StatePart::Head | StatePart::Block(_) => {}
            }
        }
        learner.blocks.settle();
        Ok(learner)
    }

    /// Restores what the head alone contains.
    pub(super) fn restore_head(user_id: &str, head: &[u8]) -> Result<Self, DecodeError> {
        let (version, mut body) = versioned(head)?;
        let sized = is_sized(version);
        let learner = match is_passivated(version) {
            true => Self::read_passivated(user_id, &mut body, sized),
            false => Self::read_head_with_block(user_id, &mut body, sized),
        };
        learner.ok_or(DecodeError::Damaged)
    }

    /// Start of the block that is stored in the head, ms.
    pub(super) fn within_head(&self) -> Option<i64> {
        self.blocks.newest().map(|(from_ms, _)| from_ms)
    }

    /// Adds an evicted block from its record.
    ///
    /// # Errors
    /// When the record is damaged or of an unknown version.
    pub fn restore_block(&mut self, from_ms: i64, bytes: &[u8]) -> Result<(), DecodeError> {
        let (version, mut body) = versioned(bytes)?;
        let mut read = || {
            let content = BlockContent::read(&mut body, is_sized(version))?;
            self.attempts.read(&mut body, from_ms)?;
            (self.playbacks).read(&mut body, from_ms, self.pruned_hour_ms())?;
            self.blocks.insert(from_ms, content);
            self.blocks.note_stored(from_ms, bytes.len());
            Some(())
        };
        read().ok_or(DecodeError::Damaged)
    }

    fn encode_head(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_BYTES);
        out.push(STATE_VERSION);
        out.put_size(self.blocks.apart());
        self.put_head(&mut out, &self.blocks.covered_ms());
        self.put_newest_block(&mut out);
        out
    }

    /// Encodes the head of a passivated learner: the state after eviction, and a summary of each
    /// evicted block.
    fn encode_passivated(&self) -> Vec<u8> {
        let mut passivated = self.clone();
        passivated.evict_blocks();
        let mut out = Vec::with_capacity(HEAD_BYTES);
        out.push(PASSIVATED_VERSION);
        put_times(&mut out, passivated.blocks.resident_apart());
        passivated.put_head(&mut out, &(i64::MAX..i64::MAX));
        passivated.put_newest_block(&mut out);
        passivated.blocks.put_evicted(&mut out);
        out
    }

    /// Writes everything but the blocks, and without the parts that are stored with the earlier
    /// blocks, which cover `apart_ms`.
    fn put_head(&self, out: &mut Vec<u8>, apart_ms: &Range<i64>) {
        let base_ms = self.last_event_ms;
        let resident_ms = apart_ms.end..i64::MAX;
        out.put_number(self.events);
        out.put_signed(base_ms);
        out.put_signed(self.pruned_to_ms);
        self.kept.put(out);
        self.courses.put(out, base_ms);
        self.sessions.put(out, base_ms);
        self.playbacks
            .put(out, base_ms, apart_ms.start, &resident_ms);
        self.attempts.put_outside(out, base_ms, apart_ms);
        self.last_interactions.put(out, base_ms);
        self.corrections.put(out, base_ms);
    }

    fn put_newest_block(&self, out: &mut Vec<u8>) {
        out.put_option(self.blocks.newest(), |out, (from_ms, content)| {
            out.put_signed(from_ms);
            content.put(out);
        });
    }

    fn read_passivated(user_id: &str, from: &mut Reader<'_>, sized: bool) -> Option<Self> {
        let _beside = read_times(from)?;
        let mut learner = Self::read_head(user_id, from, sized)?;
        if let Some((from_ms, content)) = read_newest_block(from, sized)? {
            learner.blocks.insert(from_ms, content);
        }
        learner.blocks.read_evicted(from, sized)?;
        Some(learner)
    }

    fn read_head_with_block(user_id: &str, from: &mut Reader<'_>, sized: bool) -> Option<Self> {
        let _apart = from.size()?;
        let mut learner = Self::read_head(user_id, from, sized)?;
        if let Some((from_ms, content)) = read_newest_block(from, sized)? {
            learner.blocks.insert(from_ms, content);
        }
        Some(learner)
    }

    fn read_head(user_id: &str, from: &mut Reader<'_>, sized: bool) -> Option<Self> {
        let events = from.number()?;
        let base_ms = from.signed()?;
        let mut learner = Self {
            events,
            last_event_ms: base_ms,
            pruned_to_ms: from.signed()?,
            kept: match sized {
                true => Kept::read(from)?,
                false => Kept::NEVER_COUNTED,
            },
            courses: Courses::read(from, base_ms)?,
            sessions: Sessions::read(from, base_ms)?,
            ..Self::new(user_id)
        };
        learner.playbacks.read(from, base_ms, i64::MIN)?;
        learner.attempts.read(from, base_ms)?;
        learner.last_interactions = LastInteractions::read(from, base_ms)?;
        learner.corrections = Corrections::read(from, base_ms)?;
        Some(learner)
    }
}

fn read_newest_block(from: &mut Reader<'_>, sized: bool) -> Option<Option<(i64, BlockContent)>> {
    from.option(|from| Some((from.signed()?, BlockContent::read(from, sized)?)))
}

/// Whether a head of this version lists the evicted blocks.
pub(super) fn is_passivated(version: u8) -> bool {
    matches!(version, UNSIZED_PASSIVATED_VERSION | PASSIVATED_VERSION)
}

/// Whether a record of this version contains what events count.
pub(super) fn is_sized(version: u8) -> bool {
    version >= STATE_VERSION
}

/// Writes times, ms, each relative to the one before.
fn put_times(out: &mut Vec<u8>, times_ms: impl ExactSizeIterator<Item = i64>) {
    out.put_size(times_ms.len());
    let mut before_ms = 0_i64;
    for time_ms in times_ms {
        out.put_signed(time_ms.wrapping_sub(before_ms));
        before_ms = time_ms;
    }
}

fn read_times(from: &mut Reader<'_>) -> Option<Vec<i64>> {
    let (mut times_ms, mut before_ms) = (Vec::new(), 0_i64);
    for _ in 0..from.size()? {
        before_ms = before_ms.wrapping_add(from.signed()?);
        times_ms.push(before_ms);
    }
    Some(times_ms)
}

fn encode_block(
    attempts: &Attempts,
    viewings: &[Part<'_>],
    span: &Range<i64>,
    content: &BlockContent,
) -> Vec<u8> {
    const BLOCK_BYTES: usize = 4_096;
    let mut out = Vec::with_capacity(BLOCK_BYTES);
    out.push(STATE_VERSION);
    content.put(&mut out);
    attempts.put_between(&mut out, span.start, span);
    out.put_size(viewings.len());
    for part in viewings {
        part.put(&mut out, span);
    }
    out
}

pub(super) fn versioned(bytes: &[u8]) -> Result<(u8, Reader<'_>), DecodeError> {
    let (version, body) = wire::versioned(bytes, UNSIZED_VERSION..=PASSIVATED_VERSION)?;
    Ok((version, Reader::new(body)))
}
