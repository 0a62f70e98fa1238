//! Keys of a shard's records: `hash (8 bytes) kind (1) …`. Learners are ordered by their hashes,
//! after all packs.

use homeroom_core::{learner::StatePart, learner_hash};

const PACK: u8 = 0;
const LEARNER: u8 = 1;
const DEAD_LETTER: u8 = 2;
const STANDING: u8 = 3;
const HEAD: u8 = 0;
const BLOCK: u8 = 2;

/// The record that a key belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordKey<'k> {
    /// A part of a learner.
    Learner {
        /// The learner's id.
        user_id: &'k str,
        /// Which part.
        part: StatePart,
        /// Which piece of the part: large parts are stored in several.
        piece: u16,
    },
    /// Heads of several learners, by the pack's number.
    Pack(u32),
    /// A dead letter, by its number.
    DeadLetter(u64),
    /// A learner's standing in a course.
    Standing {
        /// The course's id.
        course_id: &'k str,
        /// The learner's id.
        user_id: &'k str,
    },
}

/// Prefix of the keys of all standings, after practically all learners. The standings in a course
/// are contiguous, whatever the hashes of its learners.
const STANDINGS: [u8; 9] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, STANDING];

/// Prefix of the keys of all standings in a course: `… 3 length course-id`.
pub fn standings_prefix(course_id: &str) -> Vec<u8> {
    let length = u16::try_from(course_id.len()).unwrap_or(u16::MAX);
    [&STANDINGS[..], &length.to_be_bytes(), course_id.as_bytes()].concat()
}

/// Key of a learner's standing in a course.
pub fn standing_key(course_id: &str, user_id: &str) -> Vec<u8> {
    let mut key = standings_prefix(course_id);
    key.extend_from_slice(user_id.as_bytes());
    key
}

/// Start of a scan of the standings in all courses.
pub fn standings_from() -> Vec<u8> {
    STANDINGS.to_vec()
}

/// Start of a scan of the standings in the next course. No id is longer than its length field
/// allows, and none contains this byte.
pub fn standings_after(course_id: &str) -> Vec<u8> {
    let mut key = standings_prefix(course_id);
    key.push(0xff);
    key
}

/// Start of a scan of the standings in the courses whose ids have a length and are at or after an
/// id, bytes.
pub fn standings_at(length: u16, course_id: &[u8]) -> Vec<u8> {
    let within = course_id.len().min(usize::from(length));
    let course_id = &course_id[..within];
    [&STANDINGS[..], &length.to_be_bytes(), course_id].concat()
}

/// Start of a scan of the learners' records after all records of one learner.
pub fn learners_after(user_id: &str) -> Vec<u8> {
    let mut key = learner_prefix(user_id);
    // After every part of the learner.
    key.push(0xff);
    key
}

/// Prefix of all keys of a learner: `hash 1 length user-id`.
pub fn learner_prefix(user_id: &str) -> Vec<u8> {
    let length = u16::try_from(user_id.len()).unwrap_or(u16::MAX);
    let mut key = Vec::with_capacity(user_id.len() + 20);
    key.extend_from_slice(&learner_hash(user_id).to_be_bytes());
    key.push(LEARNER);
    key.extend_from_slice(&length.to_be_bytes());
    key.extend_from_slice(user_id.as_bytes());
    key
}

/// Key of a piece of a learner's part: the prefix, the part, the piece. Blocks are ordered by time.
pub fn learner_key(user_id: &str, part: StatePart, piece: u16) -> Vec<u8> {
    let mut key = learner_prefix(user_id);
    match part {
        StatePart::Head => key.push(HEAD),
        StatePart::Block(from_ms) => {
            key.push(BLOCK);
            key.extend_from_slice(&ordered(from_ms));
        }
    }
    key.extend_from_slice(&piece.to_be_bytes());
    key
}

/// Prefix of the keys of all packs, before all other records.
const PACKS: [u8; 9] = [0, 0, 0, 0, 0, 0, 0, 0, PACK];

/// Key of a pack of heads.
pub fn pack_key(number: u32) -> Vec<u8> {
    [&PACKS[..], &number.to_be_bytes()].concat()
}

/// Key of a dead letter.
pub fn dead_letter_key(number: u64) -> Vec<u8> {
    let mut key = number.to_be_bytes().to_vec();
    key.push(DEAD_LETTER);
    key
}

/// Start of a scan of learners' records, after all packs.
pub fn learners_from() -> Vec<u8> {
    [&[0; 8][..], &[LEARNER]].concat()
}

/// Parses a key; `None` for one that this build does not write.
pub fn parse_key(key: &[u8]) -> Option<RecordKey<'_>> {
    let (hash, rest) = key.split_at_checked(8)?;
    match rest.split_first()? {
        (&PACK, number) => Some(RecordKey::Pack(u32::from_be_bytes(number.try_into().ok()?))),
        (&DEAD_LETTER, []) => Some(RecordKey::DeadLetter(u64::from_be_bytes(
            hash.try_into().ok()?,
        ))),
        (&STANDING, rest) => {
            let (length, rest) = rest.split_at_checked(2)?;
            let length = usize::from(u16::from_be_bytes(length.try_into().ok()?));
            let (course_id, user_id) = rest.split_at_checked(length)?;
            Some(RecordKey::Standing {
                course_id: std::str::from_utf8(course_id).ok()?,
                user_id: std::str::from_utf8(user_id).ok()?,
            })
        }
        (&LEARNER, rest) => {
            let (length, rest) = rest.split_at_checked(2)?;
            let length = usize::from(u16::from_be_bytes(length.try_into().ok()?));
            let (user_id, part) = rest.split_at_checked(length)?;
            let (part, piece) = part.split_at_checked(part.len().checked_sub(2)?)?;
            Some(RecordKey::Learner {
                user_id: std::str::from_utf8(user_id).ok()?,
                part: parse_part(part)?,
                piece: u16::from_be_bytes(piece.try_into().ok()?),
            })
        }
        _ => None,
    }
}

fn parse_part(part: &[u8]) -> Option<StatePart> {
    match part.split_first()? {
        (&HEAD, []) => Some(StatePart::Head),
        (&BLOCK, from_ms) => parse_ordered(from_ms).map(StatePart::Block),
        _ => None,
    }
}

const SIGN: u64 = 1 << 63;

/// Bytes that compare like the numbers, negative ones first.
fn ordered(number: i64) -> [u8; 8] {
    (number.cast_unsigned() ^ SIGN).to_be_bytes()
}

fn parse_ordered(bytes: &[u8]) -> Option<i64> {
    let number = u64::from_be_bytes(bytes.try_into().ok()?);
    Some((number ^ SIGN).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_say_what_they_were_made_of() {
        let user_id = "anna\u{1}";
        for part in [
            StatePart::Head,
            StatePart::Block(-3),
            StatePart::Block(1_634_400_005_000),
        ] {
            let key = learner_key(user_id, part, 7);
            let piece = 7;
            assert_eq!(
                parse_key(&key),
                Some(RecordKey::Learner {
                    user_id,
                    part,
                    piece
                })
            );
            assert!(key.starts_with(&learner_prefix(user_id)));
        }
        assert_eq!(
            parse_key(&dead_letter_key(7)),
            Some(RecordKey::DeadLetter(7))
        );
        assert_eq!(parse_key(&pack_key(7)), Some(RecordKey::Pack(7)));
        assert_eq!(parse_key(b"short"), None);
    }

    #[test]
    fn packs_lie_before_all_other_records() {
        let last = pack_key(u32::MAX);
        assert!(pack_key(1) < last && last < dead_letter_key(0));
        assert!(last < learners_from() && learners_from() < dead_letter_key(0));
    }

    #[test]
    fn standings_of_a_course_lie_side_by_side() {
        let key = standing_key("algebra", "anna");
        assert_eq!(
            parse_key(&key),
            Some(RecordKey::Standing {
                course_id: "algebra",
                user_id: "anna"
            })
        );
        assert!(key.starts_with(&standings_prefix("algebra")));
        assert!(key >= standings_from());
        assert!(key < standings_after("algebra"));
        for other in ["alg", "algebrb", "algebra 2"] {
            let other = standing_key(other, "");
            assert!(!other.starts_with(&standings_prefix("algebra")));
            assert!(other < key || other >= standings_after("algebra"));
        }
    }

    #[test]
    fn blocks_lie_in_the_order_of_time_and_pieces_in_theirs() {
        let keys = [(-2, 0), (-1, 0), (-1, 1), (0, 0), (1, 0)]
            .map(|(number, piece)| learner_key("b", StatePart::Block(number), piece));
        assert!(keys.is_sorted());
    }
}
