//! Damage to a log's files by a crash or a bad disk, and the expected result.

use std::fs;
use std::path::Path;

use fastrand::Rng;
use homeroom_node::store::log::OpenError;

use crate::files::{File, lose_mark, mark_in, set_mark};
use crate::history::History;

/// The damage that was done, and the expected result.
pub struct Harm {
    pub name: &'static str,
    /// Fewest changes that must be left if the log opens.
    pub least: usize,
    /// Which errors of an open are right.
    pub may_refuse: fn(&OpenError) -> bool,
    /// The crash came before the last fdatasync, so the mark is the one before it.
    pub before_sync: bool,
    /// Entries that a read may find damaged, because the segment is not read at an open.
    pub unreadable_max: usize,
    /// The damage may stay in the files though the log opens, to be found later.
    pub stays: bool,
}

type Refusal = fn(&OpenError) -> bool;
const NEVER: Refusal = |_| false;
const DAMAGED: Refusal = |error| matches!(error, OpenError::Damaged { .. });
const MISSING: Refusal = |error| matches!(error, OpenError::MissingSegment { .. });
const MARK: Refusal = |error| matches!(error, OpenError::Mark { .. });

impl Harm {
    /// Damages the files of a log in `dir` with this `history`.
    pub fn draw(rng: &mut Rng, dir: &Path, files: &mut Vec<File>, history: &History) -> Self {
        let newest = files.len() - 1;
        match rng.u32(0..116) {
            100..103 => Self::flipped_mark(rng, dir, history),
            103..106 => Self::lost_mark(rng, dir),
            106..111 if newest > 0 => Self::flipped_footer(rng, &mut files[..newest], history),
            111..114 if newest > 0 => Self::spoilt_footers(rng, &mut files[..newest], history),
            0..30 => Self::torn_tail(rng, &mut files[newest], history),
            30..60 => Self::garbled_tail(rng, &mut files[newest], history),
            60..68 => Self::cut_newest(rng, &mut files[newest], history),
            68..86 => Self::flipped_bit(rng, files, history),
            86..92 if newest > 0 => Self::cut_older(rng, &mut files[..newest], history),
            92..96 if newest > 0 => Self::lost_older(rng, files, history),
            96..98 if newest > 0 => Self::lost_newest(files, history),
            98..100 if newest > 0 => Self::blank_again(rng, &mut files[..newest], history),
            _ => Self {
                name: "no harm",
                least: history.len(),
                may_refuse: NEVER,
                before_sync: false,
                unreadable_max: 0,
                stays: false,
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
            before_sync: true,
            unreadable_max: 0,
            stays: false,
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
            before_sync: true,
            unreadable_max: 0,
            stays: false,
        }
    }

    /// Durable records are lost; only the mark knows of them. What is written behind the mark may
    /// go unnoticed: it acknowledges nothing.
    fn cut_newest(rng: &mut Rng, file: &mut File, history: &History) -> Self {
        let len = rng.usize(..=file.end());
        file.lose_from(len);
        Self {
            name: "cut newest segment",
            least: history.len(),
            may_refuse: DAMAGED,
            before_sync: false,
            unreadable_max: 0,
            stays: false,
        }
    }

    fn flipped_bit(rng: &mut Rng, files: &mut [File], history: &History) -> Self {
        let nth = rng.usize(..files.len());
        let at = rng.usize(..files[nth].bytes.len());
        files[nth].bytes[at] ^= 1 << rng.u32(..8);
        files[nth].save();
        // Only bits between records and behind the mark may flip unnoticed: they have no meaning.
        Self {
            name: "flipped bit",
            least: history.len(),
            may_refuse: DAMAGED,
            before_sync: false,
            unreadable_max: usize::from(nth + 1 < files.len()),
            stays: true,
        }
    }

    /// Any bit of a footer: the segment is read as a whole, or the log refused.
    fn flipped_footer(rng: &mut Rng, older: &mut [File], history: &History) -> Self {
        let file = &mut older[rng.usize(..older.len())];
        let (begin, end) = file.footer().expect("a sealed segment has a footer");
        file.bytes[rng.usize(begin..end)] ^= 1 << rng.u32(..8);
        file.save();
        Self {
            name: "flipped bit in a footer",
            least: history.len(),
            may_refuse: DAMAGED,
            before_sync: false,
            unreadable_max: 0,
            stays: true,
        }
    }

    /// Damage to what only the footers' payloads hold: nothing is lost.
    fn spoilt_footers(rng: &mut Rng, older: &mut [File], history: &History) -> Self {
        for file in older {
            let (begin, end) = file.footer().expect("a sealed segment has a footer");
            let at = rng.usize(begin + 32..end);
            file.bytes[at] ^= rng.u8(1..);
            file.save();
        }
        Self {
            name: "spoilt footers",
            least: history.len(),
            may_refuse: NEVER,
            before_sync: false,
            unreadable_max: 0,
            stays: true,
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
            before_sync: false,
            unreadable_max: 0,
            stays: false,
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
            before_sync: false,
            unreadable_max: 0,
            stays: false,
        }
    }

    fn lost_older(rng: &mut Rng, files: &mut Vec<File>, history: &History) -> Self {
        let file = files.remove(rng.usize(..files.len() - 1));
        fs::remove_file(file.path).expect("a segment");
        Self {
            name: "lost older segment",
            least: history.len(),
            may_refuse: MISSING,
            before_sync: false,
            unreadable_max: 0,
            stays: false,
        }
    }

    /// Nothing was written after this file. It may be missed by nobody only if nothing in it was
    /// acknowledged.
    fn lost_newest(files: &mut Vec<File>, history: &History) -> Self {
        let file = files.pop().expect("at least one segment");
        fs::remove_file(&file.path).expect("a segment");
        Self {
            name: "lost newest segment",
            least: history.len(),
            may_refuse: MISSING,
            before_sync: false,
            unreadable_max: 0,
            stays: false,
        }
    }

    /// One slot is lost: the others vouch for less, and nothing else is damaged.
    fn flipped_mark(rng: &mut Rng, dir: &Path, history: &History) -> Self {
        let mut mark = mark_in(dir).expect("a mark");
        let at = rng.usize(..mark.len());
        mark[at] ^= 1 << rng.u32(..8);
        set_mark(dir, &mark);
        Self {
            name: "flipped bit in the mark",
            least: history.len(),
            may_refuse: NEVER,
            before_sync: false,
            unreadable_max: 0,
            stays: false,
        }
    }

    fn lost_mark(rng: &mut Rng, dir: &Path) -> Self {
        match rng.u8(..3) {
            0 => lose_mark(dir),
            1 => set_mark(dir, &[]),
            _ => set_mark(dir, &[rng.u8(..); 3 * 4096]),
        }
        Self {
            name: "lost mark",
            least: usize::MAX,
            may_refuse: MARK,
            before_sync: false,
            unreadable_max: 0,
            stays: false,
        }
    }
}
