//! Damage to a log's files by a crash or a bad disk, and the expected result.

use std::fs;

use fastrand::Rng;
use homeroom_node::store::log::OpenError;

use crate::files::File;
use crate::history::History;

/// The damage that was done, and the expected result.
pub struct Harm {
    pub name: &'static str,
    /// Fewest changes that must be left if the log opens.
    pub least: usize,
    /// Which errors of an open are right.
    pub may_refuse: fn(&OpenError) -> bool,
}

type Refusal = fn(&OpenError) -> bool;
const NEVER: Refusal = |_| false;
const DAMAGED: Refusal = |error| matches!(error, OpenError::Damaged { .. });
const DAMAGED_OR_MISSING: Refusal = |error| DAMAGED(error) || MISSING(error);
const MISSING: Refusal = |error| matches!(error, OpenError::MissingSegment { .. });

impl Harm {
    /// Damages the files of a log with this `history`.
    pub fn draw(rng: &mut Rng, files: &mut Vec<File>, history: &History) -> Self {
        let newest = files.len() - 1;
        match rng.u32(0..100) {
            0..30 => Self::torn_tail(rng, &mut files[newest], history),
            30..60 => Self::garbled_tail(rng, &mut files[newest], history),
            60..68 => Self::cut_newest(rng, &mut files[newest], history),
            68..86 => Self::flipped_bit(rng, files, history),
            86..92 if newest > 0 => Self::cut_older(rng, &mut files[..newest], history),
            92..96 if newest > 0 => Self::lost_older(rng, files, history),
            96..98 if newest > 0 => Self::lost_newest(files, history),
            98.. if newest > 0 => Self::blank_again(rng, &mut files[..newest], history),
            _ => Self {
                name: "no harm",
                least: history.len(),
                may_refuse: NEVER,
            },
        }
    }

    /// A crash: the file ends within the bytes that were not durable.
    fn torn_tail(rng: &mut Rng, file: &mut File, history: &History) -> Self {
        let (start, _) = file.last_batch();
        let end = file.end();
        file.lose_from(rng.usize(start..=end));
        let least = history.acknowledged(file.segment(), start);
        Self {
            name: "torn tail",
            least,
            may_refuse: NEVER,
        }
    }

    /// A crash: each sector that was not durable may be written, missing or garbage.
    fn garbled_tail(rng: &mut Rng, file: &mut File, history: &History) -> Self {
        let (start, end) = file.last_batch();
        file.lose_from(end);
        let (grain, kept_percent) = ([1, 8, 512][rng.usize(..3)], rng.u32(..100));
        let garbage = rng.bool();
        for sector in file.bytes[start..end].chunks_mut(grain) {
            if rng.u32(..100) >= kept_percent {
                sector
                    .iter_mut()
                    .for_each(|byte| *byte = if garbage { rng.u8(..) } else { 0 });
            }
        }
        file.save();
        let least = history.acknowledged(file.segment(), start);
        Self {
            name: "garbled tail",
            least,
            may_refuse: NEVER,
        }
    }

    /// Durable records are lost, together with all evidence of them, so an earlier state is right.
    /// Only if the record of a segment's deletion is lost does that segment seem to be missing.
    fn cut_newest(rng: &mut Rng, file: &mut File, history: &History) -> Self {
        let len = rng.usize(..=file.end());
        file.lose_from(len);
        let least = history.acknowledged(file.segment(), len);
        Self {
            name: "cut newest segment",
            least,
            may_refuse: MISSING,
        }
    }

    fn flipped_bit(rng: &mut Rng, files: &mut [File], history: &History) -> Self {
        let newest = files.len() - 1;
        let (start, _) = files[newest].last_batch();
        let durable = history.acknowledged(files[newest].segment(), start);
        let nth = rng.usize(..files.len());
        let at = rng.usize(..files[nth].bytes.len());
        files[nth].bytes[at] ^= 1 << rng.u32(..8);
        files[nth].save();
        if nth == newest && at >= start {
            return Self {
                name: "flipped bit in tail",
                least: durable,
                may_refuse: DAMAGED,
            };
        }
        // Only bits between records may flip unnoticed, because they have no meaning. In a full
        // segment no record proves the durability of the last batch. If that batch is cut, its
        // records of deleted segments are lost too.
        let least = history.len();
        let may_refuse = if nth == newest {
            DAMAGED_OR_MISSING
        } else {
            DAMAGED
        };
        Self {
            name: "flipped bit",
            least,
            may_refuse,
        }
    }

    fn cut_older(rng: &mut Rng, older: &mut [File], history: &History) -> Self {
        let file = &mut older[rng.usize(..older.len())];
        // In half of the cases between two records, where the file itself shows no damage.
        let boundaries = file
            .records()
            .into_iter()
            .map(|record| record.offset)
            .collect::<Vec<_>>();
        let at = if rng.bool() {
            boundaries[rng.usize(..boundaries.len())]
        } else {
            rng.usize(..file.bytes.len())
        };
        file.resize(at);
        Self {
            name: "cut older segment",
            least: history.len(),
            may_refuse: DAMAGED,
        }
    }

    /// A crash: a full segment was cut to its content, but the cut was not durable.
    fn blank_again(rng: &mut Rng, older: &mut [File], history: &History) -> Self {
        let file = &mut older[rng.usize(..older.len())];
        let len = file.bytes.len() + rng.usize(..9_000);
        file.bytes.resize(len, 0);
        file.save();
        Self {
            name: "blank end of an older segment",
            least: history.len(),
            may_refuse: NEVER,
        }
    }

    fn lost_older(rng: &mut Rng, files: &mut Vec<File>, history: &History) -> Self {
        let file = files.remove(rng.usize(..files.len() - 1));
        fs::remove_file(file.path).expect("a segment");
        Self {
            name: "lost older segment",
            least: history.len(),
            may_refuse: MISSING,
        }
    }

    /// The content of this file is lost without notice, because nothing was written after it; but
    /// no more than that.
    fn lost_newest(files: &mut Vec<File>, history: &History) -> Self {
        let file = files.pop().expect("at least one segment");
        fs::remove_file(&file.path).expect("a segment");
        let least = history.acknowledged(file.segment(), 0);
        Self {
            name: "lost newest segment",
            least,
            may_refuse: MISSING,
        }
    }
}
