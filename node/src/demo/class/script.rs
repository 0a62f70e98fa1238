//! The script of the class: generates the deliveries that are due, a pure function of seed and
//! time.

use std::collections::BTreeMap;

use fastrand::Rng;
use homeroom_proto::v1;

use super::{
    broken,
    events::{self, Source},
    member::{Act, Member},
};

const MINUTE_MS: i64 = 60_000;
/// One delivery in this many is late.
const LATE_ONE_OF: u32 = 250;
/// The delay of a late delivery, ms.
const LATE_MS: std::ops::Range<i64> = 15_000..100_000;
/// Between two broken events, ms: short enough for each kind to occur in the ten minutes before the
/// demo.
const BROKEN_EVERY_MS: i64 = 70_000;
/// How long before the lesson learners were enrolled, ms.
const ENROLLED_BEFORE_MS: std::ops::Range<i64> = 30 * MINUTE_MS..50 * MINUTE_MS;

/// An event on its way from a source to the node.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// When it is published, ms since the epoch.
    pub due_ms: i64,
    /// The source that publishes it.
    pub source: Source,
    /// What is sent.
    pub content: Content,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A well-formed event.
    Event(Box<v1::Event>),
    /// JSON text, possibly malformed.
    Json(Vec<u8>),
}

/// The class, and its deliveries.
#[derive(Debug)]
pub struct Script {
    start_ms: i64,
    rng: Rng,
    members: Vec<Member>,
    /// The next act of each learner, by time.
    acts: BTreeMap<(i64, usize), Act>,
    /// Deliveries that are not due yet, by due time, then number.
    on_its_way: BTreeMap<(i64, u64), Delivery>,
    /// Events so far; the next one's number.
    number: u64,
    /// Broken ones so far.
    broken: u64,
}

impl Script {
    /// A class of the given size whose lesson began at `start_ms` since the epoch.
    pub fn new(seed: u64, learners: usize, start_ms: i64) -> Self {
        let mut script = Self {
            start_ms,
            rng: Rng::with_seed(seed),
            members: (0..learners)
                .map(|index| Member::new(seed, index))
                .collect(),
            acts: BTreeMap::new(),
            on_its_way: BTreeMap::new(),
            number: 0,
            broken: 0,
        };
        let mut enrolments: Vec<(i64, String)> = Vec::with_capacity(learners);
        for member in &script.members {
            let before_ms = script.rng.i64(ENROLLED_BEFORE_MS);
            enrolments.push((start_ms - before_ms, member.name.clone()));
        }
        for (at_ms, name) in enrolments {
            script.publish(at_ms, Source::Lms, events::enrolled(&name, at_ms));
        }
        for index in 0..learners {
            script.go_on(index, start_ms);
        }
        script
    }

    /// The deliveries due up to `to_ms` since the epoch, by due time. Must be called with ascending
    /// times.
    pub fn until(&mut self, to_ms: i64) -> Vec<Delivery> {
        while let Some(act) = self.acts.first_entry() {
            let (at_ms, index) = *act.key();
            if at_ms > to_ms {
                break;
            }
            let act = act.remove();
            self.happen(&act, at_ms, index);
            self.go_on(index, at_ms);
        }
        self.break_some(to_ms);
        let later = self.on_its_way.split_off(&(to_ms.saturating_add(1), 0));
        let due = std::mem::replace(&mut self.on_its_way, later);
        due.into_values().collect()
    }

    fn go_on(&mut self, index: usize, at_ms: i64) {
        let step = self.members[index].next(at_ms - self.start_ms);
        if let Some(step) = step {
            self.acts.insert((at_ms + step.after_ms, index), step.act);
        }
    }

    fn happen(&mut self, act: &Act, at_ms: i64, index: usize) {
        let source = Source::of(act);
        let event = events::of_act(&self.members[index].name, act, at_ms, self.number);
        let is_late = self.rng.u32(..LATE_ONE_OF) == 0;
        let delay_ms = if is_late { LATE_MS } else { source.delay_ms() };
        let due_ms = at_ms + self.rng.i64(delay_ms);
        self.publish(due_ms, source, event);
    }

    /// Broken events have a counter of their own. The calls decide when they are generated, and the
    /// ids of other events must not depend on that.
    fn break_some(&mut self, to_ms: i64) {
        loop {
            let count = i64::try_from(self.broken).unwrap_or(i64::MAX);
            let at_ms = self.start_ms + BROKEN_EVERY_MS.saturating_mul(count.saturating_add(1));
            if at_ms > to_ms {
                return;
            }
            let index = self.members.len() * 7 / 10;
            let user_id = &self.members[index].name;
            let payload = broken::payload(self.broken, user_id, at_ms);
            let delivery = Delivery {
                due_ms: at_ms,
                source: broken::source(self.broken),
                content: Content::Json(payload),
            };
            let behind_others = u64::MAX - self.broken;
            self.on_its_way.insert((at_ms, behind_others), delivery);
            self.broken += 1;
        }
    }

    fn publish(&mut self, due_ms: i64, source: Source, event: v1::Event) {
        let delivery = Delivery {
            due_ms,
            source,
            content: Content::Event(Box::new(event)),
        };
        self.on_its_way.insert((due_ms, self.number), delivery);
        self.number += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const START_MS: i64 = 1_772_438_400_000;
    const END_MS: i64 = START_MS + 12 * MINUTE_MS;

    fn lived(seed: u64, step_ms: i64) -> Vec<Delivery> {
        let mut script = Script::new(seed, 60, START_MS);
        let mut lived = script.until(START_MS);
        let mut at_ms = START_MS;
        while at_ms < END_MS {
            at_ms = (at_ms + step_ms).min(END_MS);
            lived.extend(script.until(at_ms));
        }
        lived
    }

    #[test]
    fn the_same_class_lives_the_same_however_often_it_is_looked_at() {
        let at_once = lived(1, END_MS - START_MS);
        assert!(at_once == lived(1, 130), "in small steps");
        assert!(at_once != lived(2, 130), "another seed");
    }

    #[test]
    fn nothing_is_sent_before_it_happened_nor_out_of_turn() {
        let lived = lived(3, 1_000);
        assert!(lived.is_sorted_by_key(|delivery| delivery.due_ms));
        let mut late = 0;
        for delivery in &lived {
            if let Content::Event(event) = &delivery.content {
                let delay_ms = delivery.due_ms - events::event_ms(event);
                assert!(delay_ms >= 0, "{delivery:?}");
                late += usize::from(delay_ms >= LATE_MS.start);
            }
        }
        assert!(late > 0 && late * 50 < lived.len(), "{late} late");
    }

    #[test]
    fn there_is_something_of_everything_after_ten_minutes() {
        let lived = lived(4, 60_000);
        let sources: BTreeSet<Source> = lived.iter().map(|delivery| delivery.source).collect();
        assert_eq!(sources.len(), 3);
        let broken = lived
            .iter()
            .filter(|delivery| matches!(delivery.content, Content::Json(_)));
        assert!(broken.count() as u64 >= broken::WAYS);
        let types: BTreeSet<&str> = lived
            .iter()
            .filter_map(|delivery| match &delivery.content {
                Content::Event(event) => Some(event.event_type.as_str()),
                Content::Json(_) => None,
            })
            .collect();
        for expected in [
            "enrolled",
            "session_start",
            "page_view",
            "click",
            "video_played",
            "video_paused",
            "video_seeked",
            "question_answered",
            "quiz_submitted",
            "score_updated",
        ] {
            assert!(types.contains(expected), "{expected}: {types:?}");
        }
    }

    #[test]
    fn no_two_events_have_one_identity() {
        let lived = lived(5, 60_000);
        let ids: Vec<(&str, &str)> = lived
            .iter()
            .filter_map(|delivery| match &delivery.content {
                Content::Event(event) => Some((event.user_id.as_str(), event.event_id.as_str())),
                Content::Json(_) => None,
            })
            .collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    }
}
