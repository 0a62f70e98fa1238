//! Upper bound of the growth of a learner's records.

/// Upper bound of what an event adds to the records, without its texts, bytes.
const EVENT_BYTES: u64 = 96;
/// This many of the newest events are stored whole.
const KEPT_WHOLE: u64 = 10;
/// Further copies of each text of an event, at most. An event's id is stored in its session, in a
/// viewing and in an attempt; other texts in fewer places.
const OTHER_PLACES: u64 = 3;

/// Events since a learner was saved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Growth {
    events: u64,
    /// Sum of their encoded sizes.
    bytes: u64,
    /// Encoded size of the largest.
    largest_bytes: u64,
}

impl Growth {
    /// Adds an event of this encoded size.
    pub fn add(&mut self, bytes: u64) {
        self.events += 1;
        self.bytes += bytes;
        self.largest_bytes = self.largest_bytes.max(bytes);
    }

    /// Upper bound of what they add to the next records, bytes.
    pub fn bytes(&self) -> u64 {
        let whole = self.bytes.min(KEPT_WHOLE * self.largest_bytes);
        OTHER_PLACES * self.bytes + whole + EVENT_BYTES * self.events
    }
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

    use fastrand::Rng;
    use homeroom_core::{
        Event, EventType,
        learner::{StateChange, StatePart},
        shard::EntryContext,
    };
    use parking_lot::Mutex;
    use tokio::sync::mpsc;

    use crate::learner::{BlockSource, LoadError, ResidentLearner, Save, Stored};

    const LEARNERS: usize = 60;
    const EVENTS: u64 = 100;
    const BEGUN_MS: i64 = 1_700_000_000_000;

    /// An event with texts of up to a few hundred bytes, either from a few values or new ones.
    fn any_event(number: u64, rng: &mut Rng) -> Event<'static> {
        let longest = [4, 40, 300][rng.usize(..3)];
        let things = [3, u64::MAX][rng.usize(..2)];
        let types = [
            EventType::VideoPlayed,
            EventType::VideoPaused,
            EventType::QuestionAnswered,
            EventType::QuizSubmitted,
            EventType::Other("drawn".into()),
            EventType::Click,
        ];
        let event_type = rng.choice(types).expect("one of them");
        let mut text = || Some(long(rng.u64(..things), rng.usize(1..longest)));
        let [session_id, course_id, object_id, attempt_id, skill_id] = [(); 5].map(|()| text());
        let id = long(number, rng.usize(1..longest));
        let at_ms = BEGUN_MS + (number * 2_000).cast_signed() - rng.i64(..120_000);
        Event {
            session_id,
            course_id,
            object_id,
            attempt_id: attempt_id.filter(|_| rng.bool()),
            skill_id,
            score_millionths: rng.bool().then_some(500_000),
            watched_ms: (rng.u8(..8) == 0).then_some(7),
            length_ms: (rng.u8(..8) == 0).then(|| rng.u64(..600_000)),
            metadata: vec![("note".into(), "n".repeat(rng.usize(..longest)).into())],
            ..Event::bare("ada", id, at_ms, event_type, "lms")
        }
    }

    /// An event whose texts are all stored in as many places as possible.
    fn worst_event(number: u64) -> Event<'static> {
        let at_ms = BEGUN_MS + (number * 2_000).cast_signed();
        let id = long(number, 1_000);
        Event {
            session_id: Some(long(number, 1_000)),
            object_id: Some(long(number, 1_000)),
            score_millionths: Some(1),
            length_ms: Some(1),
            ..Event::bare("ada", id, at_ms, EventType::QuizSubmitted, "lms")
        }
    }

    fn long(number: u64, length: usize) -> Cow<'static, str> {
        format!("{number:x}{}", "x".repeat(length)).into()
    }

    fn context(index: u64, block_events: usize) -> EntryContext {
        let at_ms = BEGUN_MS + (index * 2_000).cast_signed();
        EntryContext {
            index,
            block_events,
            log_time_ms: at_ms,
            watermark_ms: at_ms - 60_000,
            floor_ms: 0,
            settings: Arc::default(),
        }
    }

    /// The bytes saved last of each block.
    #[derive(Default)]
    struct Blocks(Mutex<BTreeMap<i64, Vec<u8>>>);

    impl BlockSource for Blocks {
        fn block(&self, _user_id: &str, from_ms: i64) -> Result<Vec<u8>, LoadError> {
            Ok(self.0.lock()[&from_ms].clone())
        }
    }

    impl Blocks {
        /// Saves a learner. Returns the size, bytes.
        fn save(&self, resident: &mut ResidentLearner, as_of: u64) -> u64 {
            let (reply, mut saved) = mpsc::channel(1);
            let standings = false;
            resident.save(&Save {
                standings,
                as_of,
                reply,
            });
            let saved = saved.try_recv().expect("an answer");
            let mut written = 0;
            for StateChange { part, bytes } in saved.changes {
                let bytes = bytes.unwrap_or_default();
                written += bytes.len() as u64;
                if let StatePart::Block(from_ms) = part {
                    self.0.lock().insert(from_ms, bytes);
                }
            }
            written
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_saved_was_never_said_to_be_less() {
        let seed = std::env::var("HOMEROOM_SEED").ok();
        let seed = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a number"));
        println!(
            "replay with: HOMEROOM_SEED={seed} cargo test -p homeroom-node --lib learner::actor::growth"
        );
        let mut rng = Rng::with_seed(seed);
        for learner in 0..LEARNERS {
            let blocks = Arc::new(Blocks::default());
            let mut resident =
                ResidentLearner::of(Stored::nothing_of("ada"), Arc::clone(&blocks) as _);
            // Late, so that most of the record is growth. Otherwise what leaves the head would hide
            // a bound that is too low.
            let first_save = rng.u64(..80);
            let mut durable_index = 0;
            for number in 0..EVENTS {
                let mut encoded = Vec::new();
                let event = match learner % 2 {
                    0 => any_event(number, &mut rng),
                    _ => worst_event(number),
                };
                event.encode_into(&mut encoded);
                let events = std::iter::once(&encoded[..]);
                let applied = resident.apply("ada", &context(number, 64), events, durable_index);
                let said = applied.expect("all can be read").unsaved_bytes;
                if number == first_save || number > first_save && rng.u8(..20) == 0 {
                    let bytes = blocks.save(&mut resident, number);
                    assert!(bytes <= said, "event {number}: {bytes}, said {said}");
                }
                if rng.u8(..4) == 0 {
                    durable_index = number;
                }
            }
        }
    }
}
