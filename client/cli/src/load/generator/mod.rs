//! Generates lifelike events: a pure function of seed and times.
//!
//! The generator shares the node's cores, so its cost per event counts: strings are allocated at
//! their final size and filled digit by digit, without formatting.
//!
//! It must not know publishers, schedules or clocks.

mod arrivals;
mod delay;
mod ids;
mod population;
mod source;
mod sources;
#[cfg(test)]
mod tests;
mod text;

use fastrand::Rng;
use homeroom_proto::v1;

pub(crate) use arrivals::Arrivals;
use delay::delay_ms;
use ids::EventIds;
pub(crate) use population::{Population, learner_id};
pub(crate) use source::Source;
use sources::Attempt;

/// One delivery in this many is a repetition.
const REPEATED_ONE_OF: u32 = 100;
/// One event in this many may be repeated. Keeping a copy of each would cost too much.
const KEPT_ONE_OF: u32 = 8;
/// Copies kept: repetitions are of the newest 500 events or so.
const KEPT: usize = 64;
/// Attempts whose score may still change.
const ATTEMPTS: usize = 32;

/// The identity of a run: its seed, and its start in ms since the epoch. It makes all events of a
/// run unique.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) start_ms: i64,
}

/// The events of one source.
#[derive(Debug)]
pub(crate) struct Generator {
    source: Source,
    rng: Rng,
    population: Population,
    ids: EventIds,
    kept: Vec<v1::Event>,
    attempts: Vec<Attempt>,
}

impl Generator {
    /// The events of `source` in this run, about this population.
    pub(crate) fn new(run: Run, source: Source, population: Population) -> Self {
        let salt = text::mixed(u64::from(source.letter()));
        Self {
            source,
            rng: Rng::with_seed(run.seed ^ salt),
            population,
            ids: EventIds::new(run, source.letter()),
            kept: Vec::with_capacity(KEPT),
            attempts: Vec::with_capacity(ATTEMPTS),
        }
    }

    /// The next `count` events, sent at `at_ms` since the epoch. They happened then or before. Some
    /// are repetitions.
    pub(crate) fn batch(&mut self, count: usize, at_ms: i64) -> Vec<v1::Event> {
        let mut events = Vec::with_capacity(count);
        for _ in 0..count {
            let event = match self.repetition() {
                Some(event) => event,
                None => {
                    let event = self.event(at_ms);
                    self.keep(&event);
                    event
                }
            };
            events.push(event);
        }
        events
    }

    /// An interaction with event time `at_ms`: the newest event of its learner up to then. Must not
    /// be called for the assessment tool, which publishes no interactions.
    pub(crate) fn newest_interaction(&mut self, at_ms: i64) -> v1::Event {
        let mut event = self.bare(at_ms, at_ms);
        let learner = self.population.any(&mut self.rng);
        self.population.put(&mut event, learner, at_ms);
        sources::interaction(self.source, &mut event, learner, &mut self.rng);
        event
    }

    fn event(&mut self, at_ms: i64) -> v1::Event {
        let event_ms = at_ms - delay_ms(&mut self.rng);
        let mut event = self.bare(at_ms, event_ms);
        let learner = self.population.any(&mut self.rng);
        self.population.put(&mut event, learner, event_ms);
        match self.source {
            Source::Lms => sources::lms(&mut event, learner, &mut self.rng),
            Source::Video => sources::video(&mut event, learner, &mut self.rng),
            Source::Assessment => self.assessment(&mut event, learner, event_ms),
        }
        event
    }

    fn assessment(&mut self, event: &mut v1::Event, learner: u32, event_ms: i64) {
        let (rng, attempts) = (&mut self.rng, &mut self.attempts);
        let Some(attempt) = sources::assessment(event, learner, attempts, rng) else {
            return;
        };
        match attempt {
            // The event of a changed score belongs to the learner of the attempt.
            sources::Scored::Changed(learner) => self.population.put(event, learner, event_ms),
            sources::Scored::New(attempt) if self.attempts.len() < ATTEMPTS => {
                self.attempts.push(attempt);
            }
            sources::Scored::New(attempt) => {
                let place = self.rng.usize(..ATTEMPTS);
                self.attempts[place] = attempt;
            }
        }
    }

    /// The fields that all events have, without learner and content.
    fn bare(&mut self, at_ms: i64, event_ms: i64) -> v1::Event {
        debug_assert!(event_ms <= at_ms);
        v1::Event {
            event_id: self.ids.next(),
            timestamp: Some(text::timestamp(event_ms)),
            source: self.source.name().to_owned(),
            ..v1::Event::default()
        }
    }

    fn repetition(&mut self) -> Option<v1::Event> {
        if self.kept.is_empty() || self.rng.u32(..REPEATED_ONE_OF) > 0 {
            return None;
        }
        let place = self.rng.usize(..self.kept.len());
        Some(self.kept[place].clone())
    }

    fn keep(&mut self, event: &v1::Event) {
        if self.rng.u32(..KEPT_ONE_OF) > 0 {
            return;
        }
        if self.kept.len() < KEPT {
            self.kept.push(event.clone());
            return;
        }
        let place = self.rng.usize(..KEPT);
        self.kept[place].clone_from(event);
    }
}
