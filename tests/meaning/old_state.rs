//! Learners stored by an earlier build: this build reads them unchanged.

use std::borrow::Cow;
use std::sync::Arc;

use homeroom_core::entry::encode_tick;
use homeroom_core::learner::{
    Learner, Profile, RequiredParts, Session, StateChange, StatePart, Verdict, Window, WindowQuery,
};
use homeroom_core::shard::{EntryContext, ReadPoint, ShardState};
use homeroom_core::{Event, EventType, Settings, WindowShape};

/// Records of [`lived_in`], stored at passivation by builds that did not count bytes, in blocks of
/// [`BLOCK_EVENTS`]. Each is `number (8 bytes) length (4) bytes`, big-endian. The number is the
/// start of the block, ms; the lowest number marks the head.
const BEFORE: &[u8] = include_bytes!("../fixtures/learner-v4.bin");
/// The same, with a head that lists the evicted blocks.
const PASSIVATED_BEFORE: &[u8] = include_bytes!("../fixtures/learner-v5.bin");
/// The same, stored by the current build.
const PASSIVATED: &[u8] = include_bytes!("../fixtures/learner-v7.bin");

/// Postcard's encoding of a map without entries.
const NOTHING: u8 = 0;

const START_MS: i64 = 1_750_003_200_000;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// Texts as sources write them: short, long, and a UUID.
fn event(place: usize, event_type: &str, at_ms: i64) -> Event<'static> {
    let ids = [
        format!("7f0c1a52-9f3e-4d65-8a3b-0c1d2e{place:06x}"),
        format!("derived:{:032x}", place * 7919),
        format!("e{place}"),
        format!("7F0C1A52-9F3E-4D65-8A3B-0C1D2E{place:06X}"),
        format!("https://school.example/statements/{place}/é"),
    ];
    let video = event_type.starts_with("video");
    let session = if place.is_multiple_of(7) {
        "3d2f7c9e-5b1a-4f0e-9c8d-7a6b5c4d3e2f"
    } else {
        "morning"
    };
    let id = format!("{}{}", ids[place % 5], "x".repeat(place / 5 % 3));
    let (known_as, source) = (
        EventType::from_name(event_type),
        if video { "player" } else { "lms" },
    );
    Event {
        session_id: (event_type != "enrolled").then_some(Cow::Borrowed(session)),
        course_id: (place % 4 != 3).then(|| Cow::Owned(format!("course-{}", place % 2))),
        object_id: video.then_some(Cow::Borrowed("https://school.example/videos/1")),
        length_ms: (video && place.is_multiple_of(3)).then_some(120_000),
        metadata: vec![("ip".into(), "10.0.0.1".into()), ("n".into(), "é".into())],
        ..Event::bare("ada", id, at_ms, known_as, source)
    }
}

fn scored(place: usize, event_type: &str, at_ms: i64, score_millionths: u32) -> Event<'static> {
    Event {
        attempt_id: (!place.is_multiple_of(3)).then(|| Cow::Owned(format!("try-{}", place % 4))),
        score_millionths: Some(score_millionths),
        skill_id: place
            .is_multiple_of(2)
            .then_some(Cow::Borrowed("fractions")),
        object_id: Some(Cow::Borrowed("quiz-7/item-3")),
        ..event(place, event_type, at_ms)
    }
}

/// All that a learner can hold: three hours of events, some late, one pane with several types, two
/// events at one time.
fn history() -> Vec<Event<'static>> {
    let types = [
        "page_view",
        "video_played",
        "click",
        "video_paused",
        "note_taken",
        "video_played",
        "video_ended",
        "enrolled",
        "question_answered",
        "score_updated",
        "quiz_submitted",
        "session_start",
    ];
    let mut events = Vec::new();
    for place in 0..72 {
        let minutes = i64::try_from(place).expect("a small number") * 2;
        let late_ms = if place % 11 == 5 { 3 * MINUTE_MS } else { 0 };
        let at_ms = START_MS + minutes * MINUTE_MS - late_ms;
        let score = u32::try_from(place * 37 % 101 * 10_000).expect("a score");
        events.push(match types[place % types.len()] {
            it @ ("question_answered" | "score_updated" | "quiz_submitted") => {
                scored(place, it, at_ms, score)
            }
            it => event(place, it, at_ms),
        });
    }
    let end_ms = events[71].timestamp_ms;
    for place in 72..76 {
        events.push(event(place, "video_seeked", end_ms + 3));
    }
    let measured = Event {
        watched_ms: Some(u64::MAX),
        ..event(76, "tagged", end_ms + 4)
    };
    let long = Event {
        metadata: vec![("long".into(), "m".repeat(2_000).into())],
        ..event(77, "session_end", end_ms + 5)
    };
    events.extend([measured, long]);
    events
}

const BLOCK_EVENTS: usize = 16;

fn lived_in() -> Learner {
    let settings = Arc::new(Settings::default());
    let mut learner = Learner::new("ada");
    for (index, event) in (1..).zip(history()) {
        apply(&mut learner, &event, index, &settings);
    }
    learner
}

fn apply(learner: &mut Learner, event: &Event<'_>, index: u64, settings: &Arc<Settings>) {
    let newest_ms = learner.last_event_ms().max(event.timestamp_ms);
    let context = EntryContext {
        block_events: BLOCK_EVENTS,
        index,
        log_time_ms: newest_ms + 500,
        watermark_ms: newest_ms - 10_000,
        floor_ms: newest_ms - 2 * HOUR_MS,
        settings: Arc::clone(settings),
    };
    learner.prune(&context);
    let mut encoded = Vec::new();
    event.encode_into(&mut encoded);
    let applied = learner.apply(&context, event, &encoded);
    let applied = applied.expect("no block is evicted");
    assert!(
        matches!(applied.verdict, Verdict::Accepted { .. }),
        "{event:?}: {applied:?}"
    );
}

fn records(mut rest: &'static [u8]) -> Vec<(i64, &'static [u8])> {
    let mut records = Vec::new();
    while let Some((number, after)) = rest.split_first_chunk::<8>() {
        let (length, after) = after.split_first_chunk::<4>().expect("a length");
        let length = usize::try_from(u32::from_be_bytes(*length)).expect("a length");
        let (bytes, after) = after.split_at(length);
        records.push((i64::from_be_bytes(*number), bytes));
        rest = after;
    }
    records
}

fn blocks(stored: &'static [u8]) -> (&'static [u8], Vec<(StatePart, &'static [u8])>) {
    let records = records(stored);
    let blocks = records[1..].iter();
    let blocks = blocks.map(|(from_ms, bytes)| (StatePart::Block(*from_ms), *bytes));
    (records[0].1, blocks.collect())
}

/// What reads and later events find of a learner. How much its events count is not stored by
/// earlier builds.
fn content(learner: &Learner) -> (Vec<Window>, Profile, Vec<Session>, usize, u64) {
    let at = ReadPoint {
        watermark_ms: learner.last_event_ms(),
        event_clock_ms: learner.last_event_ms(),
        floor_ms: learner.floor_ms(),
        allowed_lateness_ms: 30_000,
    };
    let windows = learner.windows(&WindowQuery::all(WindowShape::MINUTE), &at);
    let sessions = learner.sessions(at.watermark_ms).collect();
    let counts = (learner.identities(), learner.events());
    (windows, learner.profile(&at), sessions, counts.0, counts.1)
}

#[test]
fn a_learner_passivated_by_an_earlier_build_is_unchanged() {
    let learner = lived_in();
    for (stored, beside) in [
        (BEFORE, RequiredParts::All),
        (PASSIVATED_BEFORE, RequiredParts::Blocks(Vec::new())),
    ] {
        let (head, blocks) = blocks(stored);
        assert_eq!(blocks.len(), 4);
        assert_eq!(Learner::required_parts(head), Ok(beside));
        let whole = Learner::restore("ada", head, blocks.iter().copied()).expect("it can be read");
        assert_eq!(content(&whole), content(&learner));
        let mut expected = whole.clone();
        expected.take_changes(true);
        expected.evict_blocks();
        let partial = Learner::restore_partial("ada", head, blocks.into_iter());
        assert_eq!(partial, Ok(expected), "it is the same learner");
    }
}

/// An earlier build did not count what is kept; the first event does.
#[test]
fn a_learner_of_an_earlier_build_takes_events_and_is_counted() {
    let settings = Arc::new(Settings::default());
    let (head, blocks) = blocks(PASSIVATED_BEFORE);
    let mut learner = Learner::restore("ada", head, blocks.into_iter()).expect("it can be read");
    let next = event(78, "click", learner.last_event_ms() + 1_000);
    apply(&mut learner, &next, 1_000, &settings);
    let (kept, estimate) = (learner.kept_bytes() as u64, learner.kept_estimate());
    assert!(
        kept <= estimate && estimate < 1 << 20,
        "{kept} of {estimate}"
    );
}

#[test]
fn a_learner_comes_back_as_it_was() {
    let mut learner = lived_in();
    learner.take_changes(true);
    let (head, blocks) = blocks(PASSIVATED);
    let whole = Learner::restore("ada", head, blocks.iter().copied());
    assert_eq!(whole.as_ref(), Ok(&learner));
    let partial = Learner::restore_partial("ada", head, blocks.into_iter());
    learner.evict_blocks();
    assert_eq!(partial, Ok(learner));
}

/// Other bytes need another version, so that builds that can't read them return an error.
#[test]
fn what_is_written_is_what_was_written() {
    let mut changes = lived_in().take_changes(true);
    changes.sort_by_key(|change| change.part);
    let (head, blocks) = blocks(PASSIVATED);
    let stored = [(StatePart::Head, head)].into_iter().chain(blocks);
    let mut written: Vec<(StatePart, Vec<u8>)> = Vec::new();
    for StateChange { part, bytes } in changes {
        written.extend(bytes.map(|bytes| (part, bytes)));
    }
    let stored: Vec<(StatePart, Vec<u8>)> = stored.map(|(part, it)| (part, it.to_vec())).collect();
    assert_eq!(written, stored);
}

/// A shard of an earlier build, with changed settings and one refused delivery.
const SHARD: &str = "030980e0fcb70602040101047175697a0104746f6f6c01036c6d7301000101010a01e0d403904e01056472696c6c\
                     00d00f0001036c6d7301000000000100010000d00f000001000000bff583808080808080010000";

/// The version before is the same with settings that have no version; that before it ends without
/// open windows.
#[test]
fn a_shard_of_an_earlier_encoding_is_read_as_it_was() {
    let mut bytes = bytes_of(SHARD);
    let shard = ShardState::restore(&bytes, std::iter::empty()).expect("a shard");
    assert_eq!(shard.settings().version, 9);
    assert_eq!(shard.settings().poison_drill_type.as_deref(), Some("drill"));
    assert_eq!(shard.counters()["lms"].dead_letters(), 1);
    let written = ShardState::restore(&shard.encode(), std::iter::empty());
    assert_eq!(written.as_ref(), Ok(&shard));
    assert_eq!(bytes.pop(), Some(NOTHING));
    bytes[0] = 2;
    let restored = ShardState::restore(&bytes, std::iter::empty());
    assert_eq!(restored.as_ref(), Ok(&shard));
    let cut = ShardState::restore(&bytes[..bytes.len() - 1], std::iter::empty());
    assert!(cut.is_err());
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("a byte");
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// A shard of the build before, which had no entry hash: settings and two events.
const SHARD_WITHOUT_HASH: &str = "041f020180f0b252e0d403a09c0100000002c0a907c0a907e0d403904e0080804001e0a7fadbac6580c4fbdbac650180c4fbdbac6501036c6d73020200000000000180c4fbdbac6580c4fbdbac65000000000000\
                     c0aac189ac650180c4fbdbac65079092fcdbac65e0d40301a0e0fcdbac65e0d40301b0aefddbac65e0d40301c0fcfddbac65e0d40301d0cafedbac65e0d40301e098ffdbac65e0d40301c0ed82dcac65c0a90701";

/// Replicas may be upgraded at different entries, so the hash says which ones it covers.
#[test]
fn a_shard_without_a_hash_begins_it_with_the_next_entry() {
    let restored = || ShardState::restore(&bytes_of(SHARD_WITHOUT_HASH), std::iter::empty());
    let mut shard = restored().expect("a shard");
    assert_eq!(shard.entry_hash().since_index(), None);
    let tick = encode_tick(shard.log_time_ms() + 1_000);
    let mut entry = |index| {
        let context = shard.begin(index, shard.log_time_ms() + 1_000, &tick);
        shard.finish(&context, std::iter::empty());
        shard.close_windows();
        shard.entry_hash()
    };
    let (first, second) = (entry(700), entry(701));
    assert_eq!([first, second].map(|it| it.since_index()), [Some(700); 2]);
    assert_ne!(first.value(), second.value());
    let written = ShardState::restore(&shard.encode(), std::iter::empty());
    assert_eq!(written.as_ref(), Ok(&shard));
}
