//! How much room a learner has, and what an event takes of it. MEANING.md, "Room", has the rule.
//!
//! Bytes are counted by the lengths of texts and by constants, not by what is in memory, so that
//! replicas with different parts of a learner in memory judge alike.

use std::borrow::Cow;

use crate::{Event, EventKind, EventType};

/// The most events of one learner within the retention.
pub const IDENTITIES_MAX: usize = 1_000_000;
/// The most that all events of a learner within the retention count, bytes.
pub const BLOCKS_BYTES_MAX: u64 = 64 << 20;
/// The most that the events of one hour of event time count, bytes. A block is stored as a whole.
pub const HOUR_BYTES_MAX: u64 = 8 << 20;
/// The most that the events of one pane count, bytes. A block never splits a pane.
pub const PANE_BYTES_MAX: u32 = 1 << 20;
/// The most playback events of a viewing that a greater length may change.
pub const LENGTHENED_MAX: usize = 4_096;

/// What every event counts in its pane, bytes.
pub const EVENT_BYTES: u32 = 16;
/// What the first event of a type in a course counts in a pane besides, and the type's name, bytes.
/// With it an hour has fewer types than a block has numbers for, 65,522.
const COUNT_BYTES: u32 = 128;
/// What a playback or scored event counts in its pane besides, and its texts, bytes.
const DETAIL_BYTES: u32 = 256;

/// What a course counts among what is kept, besides its texts, bytes.
pub const COURSE_BYTES: usize = 512;
/// What a session counts, besides its texts, bytes.
pub const SESSION_BYTES: usize = 96;
/// What a correction counts, bytes.
pub const CORRECTION_BYTES: usize = 32;
/// What an attempt, or a viewing, counts, besides its texts, bytes.
pub const DETAIL_KEPT_BYTES: usize = 128;
/// What the start of a video counts, besides its event's id, bytes.
pub const START_BYTES: usize = 64;
/// What one of the last interactions counts, besides its texts, bytes.
pub const INTERACTION_BYTES: usize = 64;
/// What the other fields of one of the last interactions count, if it has any, bytes.
pub const METADATA_BYTES: usize = 1_024;
/// The most bytes of one text of an event.
const TEXT_BYTES_MAX: usize = 1_024;
/// An attempt that changes its skill and course may bring back three others, one overall, one by
/// skill, one by course, of at most four texts of 1 KiB, bytes.
const RETURNING_BYTES: usize = 3 * (DETAIL_KEPT_BYTES + 4 * TEXT_BYTES_MAX);

/// The most bytes of one number in a stored standing.
const NUMBER_BYTES: usize = 10;
/// The most numbers of a running video in a stored standing.
const RUNNING_NUMBERS: usize = 3;
/// The most bytes of the other parts of a standing: twenty attempts, each with a skill's name and
/// ten numbers, and six panes.
const STANDING_REST_BYTES: usize = 64 << 10;

/// The most bytes of a stored standing, if this many bytes are kept of its learner: it lists open
/// viewings and their newest starts.
pub const fn standing_bytes_max(kept_bytes: usize) -> usize {
    // A viewing counts more than a start, and takes more in the standing.
    let by_viewings = (kept_bytes / DETAIL_KEPT_BYTES) * RUNNING_NUMBERS * NUMBER_BYTES;
    let by_starts = (kept_bytes / START_BYTES) * NUMBER_BYTES;
    by_viewings + by_starts + STANDING_REST_BYTES
}

/// What an event takes of the room in its pane.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    always: u32,
    if_new: u32,
}

impl Room {
    /// The room of an event.
    pub fn of(event: &Event<'_>) -> Self {
        let mut always = EVENT_BYTES;
        let [session, object] = [&event.session_id, &event.object_id].map(length_of);
        if event.affects_watched_time() {
            always += DETAIL_BYTES + bytes(event.event_id.len() + session + object);
        }
        if event.score_millionths.is_some() {
            let [attempt, skill] = [&event.attempt_id, &event.skill_id].map(length_of);
            always += DETAIL_BYTES + bytes(event.event_id.len() + attempt + object + skill);
        }
        Self {
            always,
            if_new: COUNT_BYTES + bytes(name_of(&event.event_type).len()),
        }
    }

    /// What it counts; `is_new` if it is the first of its type and course in the pane, bytes.
    pub fn bytes(self, is_new: bool) -> u32 {
        self.always + if is_new { self.if_new } else { 0 }
    }
}

/// The most that an event can add to what is kept of its learner, bytes. `changed` is the number
/// of other events whose windows it changes.
pub fn kept_at_most(event: &Event<'_>, changed: usize) -> usize {
    let id = event.event_id.len();
    let [session, course] = [&event.session_id, &event.course_id].map(length_of);
    let object = length_of(&event.object_id);
    let name = name_of(&event.event_type).len();
    let mut most = COURSE_BYTES + course + id;
    most += SESSION_BYTES + session + id;
    most += CORRECTION_BYTES * (changed + 1);
    if event.affects_watched_time() {
        most += DETAIL_KEPT_BYTES + START_BYTES + session + object + 2 * id;
    }
    if event.length_ms.is_some() {
        // A viewing that was over may be shown again, with the id of its newest event.
        most += TEXT_BYTES_MAX;
    }
    if event.event_type.kind() == EventKind::Interaction {
        most += INTERACTION_BYTES + session + object + id + event.source.len() + name;
        most += if event.metadata.is_empty() {
            0
        } else {
            METADATA_BYTES
        };
    }
    if event.score_millionths.is_some() {
        let [attempt, skill] = [&event.attempt_id, &event.skill_id].map(length_of);
        most += DETAIL_KEPT_BYTES + id + attempt + object + skill;
        most += name;
        if event.attempt_id.is_some() {
            most += RETURNING_BYTES;
        }
    }
    most
}

/// The name of a type that is not well-known; others are stored without their names.
pub fn name_of(event_type: &EventType) -> &str {
    match event_type {
        EventType::Other(name) => name,
        _ => "",
    }
}

fn length_of(text: &Option<Cow<'_, str>>) -> usize {
    text.as_ref().map_or(0, |text| text.len())
}

/// An event has at most 64 KiB.
fn bytes(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX / 8)
}
