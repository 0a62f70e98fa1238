//! Random logs of a shard with entries of every kind.

use fastrand::Rng;
use homeroom_core::entry::{encode_batch, encode_dead_letter_update, encode_settings, encode_tick};
use homeroom_core::{AmendedLetter, DeadLetterUpdate, LatePolicy, Reason, Settings, SourcePolicy};
use homeroom_tests::oracle::NaiveEvent;
use homeroom_tests::rig::{Delivery, SOURCES, Unruly, core_event, core_refusal};

use crate::hostile::Hostile;
use crate::residence::lesson;

const HOUR_MS: i64 = 3_600_000;
/// The lower bound of the setting.
const LEARNER_BYTES: u64 = 64 << 10;

/// One entry of a log.
#[derive(Clone, Debug)]
pub struct LogEntry {
    pub bytes: Vec<u8>,
    /// The events of a batch in its order; `None` for a delivery that ingress refused.
    pub deliveries: Vec<Option<NaiveEvent>>,
}

/// A log of entries of every kind, with the events in them.
#[derive(Clone, Debug)]
pub struct RandomLog {
    pub entries: Vec<LogEntry>,
    pub changes_settings: bool,
    log_time_ms: i64,
    settings: Settings,
    refused: u64,
}

impl RandomLog {
    /// A log with this many events or a few more.
    pub fn any(rng: &mut Rng, events: usize) -> Self {
        let mut log = Self {
            entries: Vec::new(),
            changes_settings: false,
            log_time_ms: 0,
            settings: Settings::default(),
            refused: 0,
        };
        let events = events_of_any_kind(rng, events);
        // Most logs keep their settings, so that their content can be compared with the model's.
        let changes = rng.u32(..3) == 0;
        let mut left = &events[..];
        while !left.is_empty() {
            let largest = left.len().min([1, 4, 12][rng.usize(..3)]);
            let (batch, rest) = left.split_at(rng.usize(1..=largest));
            left = rest;
            log.batch(rng, batch);
            match rng.u32(..30) {
                0..4 => log.tick(rng),
                4 => log.dead_letters(rng),
                5..7 if changes => log.settings(rng),
                _ => {}
            }
        }
        log
    }

    /// The entries as the log has them.
    pub fn bytes(&self) -> Vec<Vec<u8>> {
        self.entries.iter().map(|it| it.bytes.clone()).collect()
    }

    fn batch(&mut self, rng: &mut Rng, batch: &[(i64, NaiveEvent)]) {
        let mut deliveries = Vec::new();
        let mut events = Vec::new();
        for (now_ms, event) in batch {
            self.log_time_ms = self.log_time_ms.max(*now_ms);
            if rng.u32(..15) == 0 {
                // Some of them again and again, so that they are known.
                self.refused += rng.u64(..2);
                let bytes = self.refused.to_be_bytes();
                let source = SOURCES[rng.usize(..SOURCES.len())];
                let reason = Reason::ALL[rng.usize(..Reason::ALL.len())];
                deliveries.push(Delivery::Refused(core_refusal(source, reason, &bytes)));
                events.push(None);
            }
            deliveries.push(Delivery::Event(core_event(event)));
            events.push(Some(event.clone()));
        }
        let piece = Delivery::piece(&deliveries);
        let bytes = encode_batch(self.log_time_ms, std::iter::once(&piece));
        self.push(bytes, events);
    }

    fn tick(&mut self, rng: &mut Rng) {
        self.log_time_ms += [0, 1, 7_000, 31_000, 40_000][rng.usize(..5)];
        self.push(encode_tick(self.log_time_ms), Vec::new());
    }

    fn dead_letters(&mut self, rng: &mut Rng) {
        let number = rng.u64(..=self.refused);
        let amended = AmendedLetter {
            number: rng.u64(..=self.refused),
            reason: Reason::SchemaMismatch,
            detail: "refused again".into(),
            user_id: rng.bool().then(|| "ada".into()),
        };
        let work = DeadLetterUpdate {
            removed: vec![number, number + 1],
            amended: vec![amended],
        };
        let bytes = encode_dead_letter_update(self.log_time_ms, &work);
        self.push(bytes, Vec::new());
    }

    fn settings(&mut self, rng: &mut Rng) {
        let authorities = [("click".to_owned(), [SOURCES[0].to_owned()].into())];
        let policy = SourcePolicy {
            ordered: rng.bool(),
            delay_ms: rng.bool().then_some(2_000),
            ..SourcePolicy::default()
        };
        let settings = Settings {
            version: self.settings.version + 1,
            retention_ms: [HOUR_MS, 2 * HOUR_MS, 24 * HOUR_MS][rng.usize(..3)],
            allowed_lateness_ms: [0, 30_000, 600_000][rng.usize(..3)],
            source_delay_ms: [0, 10_000][rng.usize(..2)],
            late_policy: [LatePolicy::Amend, LatePolicy::DeadLetter][rng.usize(..2)],
            authority: authorities.into_iter().take(rng.usize(..2)).collect(),
            sources: [(SOURCES[1].to_owned(), policy)].into(),
            poison_drill_type: (rng.u32(..4) == 0).then(|| "page_view".to_owned()),
            learner_bytes_max: [LEARNER_BYTES, 1 << 20][rng.usize(..2)],
            ..Settings::default()
        };
        self.changes_settings = true;
        // Now and then one that comes too late.
        let is_late = rng.u32(..5) == 0;
        let sent = if is_late { &self.settings } else { &settings };
        let bytes = encode_settings(self.log_time_ms, sent);
        self.settings = settings;
        self.push(bytes, Vec::new());
    }

    fn push(&mut self, bytes: Vec<u8>, deliveries: Vec<Option<NaiveEvent>>) {
        self.entries.push(LogEntry { bytes, deliveries });
    }
}

/// Events with the log time at which each arrives: a lesson, a life that fills its room, or events
/// that collide.
fn events_of_any_kind(rng: &mut Rng, count: usize) -> Vec<(i64, NaiveEvent)> {
    match rng.u32(..4) {
        0 | 1 => lesson(rng).into_iter().take(count).collect(),
        2 => {
            let mut life = Hostile::any(rng);
            let (begin_ms, events) = (life.now_ms(), life.events(rng, count));
            let mut now_ms = begin_ms;
            let arrive = events.into_iter().map(|event| {
                now_ms = now_ms.max(event.timestamp_ms);
                (now_ms, event)
            });
            arrive.collect()
        }
        _ => {
            let mut unruly = Unruly::new(rng, 600_000);
            if rng.bool() {
                unruly = unruly.with_ids(40);
            }
            let mut now_ms = unruly.end_ms() - rng.i64(0..600_000);
            let events = unruly.events(rng, count).into_iter();
            let arrive = events.map(|event| {
                now_ms += rng.i64(0..20_000);
                (now_ms, event)
            });
            arrive.collect()
        }
    }
}
