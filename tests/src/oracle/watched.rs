//! Watched time: stated by the source, else the time from a play to the stop right after it.

use std::collections::BTreeMap;

use super::event::NaiveEvent;
use super::kind::{starts_playback, stops_playback};

/// Largest credit of one stop when no event states the object's length.
const CAP_DEFAULT_MS: i64 = 1_800_000;

/// Watched time of one event, for its pane and course.
#[derive(Debug, Clone, Copy)]
pub struct WatchedCredit<'a> {
    /// The event credited.
    pub event: &'a NaiveEvent,
    /// The credit.
    pub video_ms: i64,
}

/// One player: a session and an object. A missing object is a value of its own.
type Player<'a> = (Option<&'a str>, Option<&'a str>);

/// The credits of one learner's sorted events, oldest first.
pub(crate) fn watched_credits<'a>(events: &[&'a NaiveEvent]) -> Vec<WatchedCredit<'a>> {
    let caps = caps(events);
    let mut previous: BTreeMap<Player<'a>, &'a NaiveEvent> = BTreeMap::new();
    let mut credits = Vec::new();
    for event in events.iter().copied() {
        let player = player(event);
        let is_playback = starts_playback(&event.event_type) || stops_playback(&event.event_type);
        let before = if is_playback {
            previous.insert(player, event)
        } else {
            None
        };
        if let Some(video_ms) = event.watched_ms {
            credits.push(WatchedCredit { event, video_ms });
            continue;
        }
        let played = before.filter(|before| starts_playback(&before.event_type));
        if let (Some(played), true) = (played, stops_playback(&event.event_type)) {
            let cap_ms = caps.get(&player).copied().unwrap_or(CAP_DEFAULT_MS);
            let video_ms = (event.timestamp_ms - played.timestamp_ms).min(cap_ms);
            credits.push(WatchedCredit { event, video_ms });
        }
    }
    credits
}

/// The largest length in the events of each player's object.
fn caps<'a>(events: &[&'a NaiveEvent]) -> BTreeMap<Player<'a>, i64> {
    let mut caps = BTreeMap::new();
    for event in events.iter().copied() {
        if let Some(length_ms) = event.length_ms {
            let cap = caps.entry(player(event)).or_insert(length_ms);
            *cap = length_ms.max(*cap);
        }
    }
    caps
}

fn player(event: &NaiveEvent) -> Player<'_> {
    (event.session_id.as_deref(), event.object_id.as_deref())
}
