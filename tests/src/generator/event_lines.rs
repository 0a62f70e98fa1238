//! The stream of lines: which learner acts next, and what is delivered when.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Map, Value};

use super::breakage::broken_line;
use super::catalogue::{Course, courses};
use super::line::{render, respell, source_of, timestamp_text};
use super::scene::Step;
use super::script::Script;
use super::settings::GeneratorSettings;

const HOUR_MS: i64 = 3_600_000;

/// One thing that happens at a moment.
struct Due {
    learner: usize,
    step: Step,
}

/// An endless class, cut off after the wanted number of lines.
pub struct EventLines {
    settings: GeneratorSettings,
    rng: Rng,
    courses: Vec<Course>,
    scripts: Vec<Script>,
    /// What happens, by event time; the number distinguishes equal times.
    agenda: BTreeMap<(i64, u64), Due>,
    /// Lines to deliver, by the time of their delivery.
    outbox: BTreeMap<(i64, u64), String>,
    sequences: BTreeMap<&'static str, u64>,
    numbered: u64,
    delivered: u64,
}

impl EventLines {
    /// The lines for these settings.
    pub fn new(settings: GeneratorSettings) -> EventLines {
        let mut rng = Rng::with_seed(settings.seed);
        let courses = courses(settings.courses, &mut rng);
        let learners = 0..settings.learners.max(1);
        let scripts = learners
            .map(|number| Script::new(number, courses.len(), &mut rng))
            .collect();
        let mut lines = EventLines {
            settings,
            rng,
            courses,
            scripts,
            agenda: BTreeMap::new(),
            outbox: BTreeMap::new(),
            sequences: BTreeMap::new(),
            numbered: 0,
            delivered: 0,
        };
        // Learners join during the first tenth, as in a class.
        for learner in 0..lines.scripts.len() {
            let comes_ms =
                lines.settings.start_ms + lines.rng.i64(0..=lines.settings.span_ms.max(0) / 10);
            lines.schedule(learner, comes_ms);
        }
        lines
    }

    fn chance(&mut self, fraction: f64) -> bool {
        self.rng.f64() < fraction
    }

    fn number(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered
    }

    /// Schedules the learner's next step, with what others do meanwhile.
    fn schedule(&mut self, learner: usize, now_ms: i64) {
        loop {
            let step = self.scripts[learner].next_step(&self.courses, &mut self.rng);
            let at_ms = now_ms + (step.paces * self.settings.pace_ms()) as i64 + step.wait_ms;
            let (aside, number) = (step.aside, self.number());
            self.agenda.insert((at_ms, number), Due { learner, step });
            if !aside {
                return;
            }
        }
    }

    fn act(&mut self, at_ms: i64, due: Due) {
        if !due.step.aside {
            self.schedule(due.learner, at_ms);
        }
        let lag_ms = self.rng.i64(HOUR_MS..5 * HOUR_MS);
        let is_late = self.chance(self.settings.late);
        let is_held = at_ms + lag_ms < self.settings.start_ms + self.settings.span_ms;
        // A line that can't be held back within the file gets an earlier timestamp instead.
        let event_ms = if is_late && !is_held {
            at_ms - lag_ms
        } else {
            at_ms
        };
        let deliver_ms = match (is_late && is_held, self.chance(self.settings.out_of_order)) {
            (true, _) => at_ms + lag_ms,
            (false, true) => at_ms + self.rng.i64(100..8_000),
            (false, false) => at_ms,
        };
        let event = self.event(event_ms, due);
        self.deliver(deliver_ms, event);
    }

    fn event(&mut self, event_ms: i64, due: Due) -> Map<String, Value> {
        let mut event = due.step.payload;
        let event_type = event
            .get("eventType")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let source = source_of(event_type);
        let may_be_nameless = matches!(event_type, "page_view" | "click") && due.step.paces > 0.0;
        let sequence = self.sequences.entry(source).or_default();
        *sequence += 1;
        if source == "assessment" {
            event.insert("producerSequence".into(), (*sequence).into());
        }
        if !(may_be_nameless && self.chance(0.01)) {
            let id = self.rng.u128(..);
            event.insert("eventId".into(), format!("{id:032x}").into());
        }
        let below_ms_ns = i128::from(self.rng.u32(..1_000)) * 1_000;
        event.insert(
            "timestamp".into(),
            timestamp_text(source, event_ms, below_ms_ns).into(),
        );
        event.insert(
            "userId".into(),
            self.scripts[due.learner].user_id.clone().into(),
        );
        event.insert("source".into(), source.into());
        event
    }

    fn deliver(&mut self, deliver_ms: i64, mut event: Map<String, Value>) {
        let line = if self.chance(self.settings.broken) {
            broken_line(event.clone(), &mut self.rng)
        } else {
            if self.chance(self.settings.aliased) {
                respell(&mut event);
            }
            render(&event)
        };
        // A copy is a line of its own, so a fraction of all lines takes a slightly larger fraction
        // of the first ones.
        let duplicates = self.settings.duplicates / (1.0 - self.settings.duplicates).max(0.01);
        if self.chance(duplicates) && self.room() > 1 {
            let copy = self.copy(&line, event);
            let patience_ms = if self.chance(0.1) { 1_200_000 } else { 30_000 };
            let again_ms = deliver_ms + self.rng.i64(1..patience_ms);
            let number = self.number();
            self.outbox.insert((again_ms, number), copy);
        }
        let number = self.number();
        self.outbox.insert((deliver_ms, number), line);
    }

    /// How many more lines fit into the file, besides those already scheduled.
    fn room(&self) -> u64 {
        let promised = self.delivered + self.outbox.len() as u64;
        self.settings.lines.saturating_sub(promised)
    }

    /// The same bytes again, or the same identity with other content.
    fn copy(&mut self, line: &str, mut event: Map<String, Value>) -> String {
        let is_sound = render(&event) == line && event.contains_key("eventId");
        if is_sound && self.chance(self.settings.conflicting) {
            event.insert("retryOf".into(), "the same".into());
            return render(&event);
        }
        line.to_owned()
    }
}

impl Iterator for EventLines {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.delivered >= self.settings.lines {
            return None;
        }
        loop {
            let next_delivery = self.outbox.first_key_value().map(|(moment, _)| *moment);
            let next_act = self.agenda.first_key_value().map(|(moment, _)| *moment);
            // An act may deliver at its own moment, so acts are first.
            // Scheduled lines precede the end: a delayed line is no gap in its source's numbers.
            let is_last = self.room() == 0 || next_act.is_none();
            if next_delivery.is_some() && (is_last || next_delivery < next_act) {
                self.delivered += 1;
                return self.outbox.pop_first().map(|(_, line)| line);
            }
            let ((at_ms, _), due) = self.agenda.pop_first()?;
            self.act(at_ms, due);
        }
    }
}
