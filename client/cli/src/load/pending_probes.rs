//! The probes that no query has shown yet, and when to poll for each. Does no I/O, and gets the
//! time as an argument.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::{Duration, Instant};

use homeroom_proto::v1;

/// The shortest pause between two polls for one event.
const BETWEEN_POLLS_MIN: Duration = Duration::from_micros(300);
/// A longer pause is this fraction of the measured latency, about 3 %.
const POLLS_PER_TIME: u32 = 32;
/// An acknowledged event that no query shows within this time counts as an error.
const SHOWN_WITHIN: Duration = Duration::from_secs(5);
/// Interactions listed in a profile.
const LISTED: usize = 10;

/// An event that is watched until a query shows it.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub(super) number: u64,
    pub(super) user_id: String,
    pub(super) event_id: String,
    /// Event time, ms since the epoch.
    pub(super) at_ms: i64,
    pub(super) due: Instant,
}

/// A change in a probe's state.
#[derive(Debug)]
pub(super) enum ProbeUpdate {
    /// The event is being sent.
    Sent(Probe),
    /// The batch of this probe has its outcomes.
    Acknowledged(u64),
}

/// The result of a poll.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The profile shows the event, this long after it was due.
    Shown(Duration),
    /// Not yet: poll again.
    NotYet,
    /// The event was acknowledged long ago and is still missing, this long after it was due.
    Missing(Duration),
}

/// The probes that no query has shown yet.
#[derive(Debug, Default)]
pub(super) struct PendingProbes {
    probes: HashMap<u64, PendingProbe>,
    polls: BinaryHeap<Reverse<(Instant, u64)>>,
    /// Moving average of the latency.
    typical: Duration,
}

#[derive(Debug)]
struct PendingProbe {
    probe: Probe,
    acknowledged_at: Option<Instant>,
}

impl PendingProbes {
    pub(super) fn is_empty(&self) -> bool {
        self.probes.is_empty()
    }

    /// Adds a probe; the first poll is due at once.
    pub(super) fn add(&mut self, probe: Probe) {
        self.polls.push(Reverse((probe.due, probe.number)));
        let pending = PendingProbe {
            probe,
            acknowledged_at: None,
        };
        self.probes.insert(pending.probe.number, pending);
    }

    pub(super) fn acknowledged(&mut self, number: u64, now: Instant) {
        if let Some(pending) = self.probes.get_mut(&number) {
            pending.acknowledged_at = Some(now);
        }
    }

    /// When the next poll is due; none while all probes have a poll in flight.
    pub(super) fn next_poll(&self) -> Option<Instant> {
        self.polls.peek().map(|Reverse((at, _))| *at)
    }

    /// The probe whose poll is due.
    pub(super) fn take_poll(&mut self) -> Option<&Probe> {
        let Reverse((_, number)) = self.polls.pop()?;
        self.probes.get(&number).map(|pending| &pending.probe)
    }

    /// Handles the answer to a poll that began at `asked` and ended at `now`.
    pub(super) fn answered(
        &mut self,
        number: u64,
        (asked, now): (Instant, Instant),
        profile: Option<&v1::LearnerProfile>,
    ) -> Verdict {
        let Some(pending) = self.probes.get(&number) else {
            return Verdict::NotYet;
        };
        let waited = now.saturating_duration_since(pending.probe.due);
        let is_shown = profile.is_some_and(|profile| pending.is_shown_by(profile));
        let verdict = match pending.acknowledged_at {
            _ if is_shown => Verdict::Shown(waited),
            Some(at) if asked.saturating_duration_since(at) >= SHOWN_WITHIN => {
                Verdict::Missing(waited)
            }
            _ => Verdict::NotYet,
        };
        if verdict == Verdict::NotYet {
            let pause = (waited.max(self.typical) / POLLS_PER_TIME).max(BETWEEN_POLLS_MIN);
            self.polls.push(Reverse((now.max(asked + pause), number)));
            return verdict;
        }
        self.probes.remove(&number);
        if is_shown {
            self.typical = (self.typical * 7 + waited) / 8;
        }
        verdict
    }

    /// Drops the probes without an acknowledgement, once none can arrive. Returns how long each has
    /// been due.
    pub(super) fn forget_unacknowledged(&mut self, now: Instant) -> Vec<Duration> {
        let is_unacknowledged = |_: &u64, it: &mut PendingProbe| it.acknowledged_at.is_none();
        let forgotten = self.probes.extract_if(is_unacknowledged);
        let waited = forgotten.map(|(_, it)| now.saturating_duration_since(it.probe.due));
        waited.collect()
    }
}

impl PendingProbe {
    /// Whether the event is listed. An acknowledged event also counts as shown once ten newer ones
    /// have displaced it.
    fn is_shown_by(&self, profile: &v1::LearnerProfile) -> bool {
        let listed = &profile.last_interactions;
        let probe = (self.probe.at_ms, self.probe.event_id.as_str());
        let of = |at: &v1::Interaction| at.event_id == self.probe.event_id;
        let is_newer = |at: &v1::Interaction| (at.timestamp_ms, at.event_id.as_str()) > probe;
        let is_pushed_out = || listed.len() >= LISTED && listed.iter().all(is_newer);
        listed.iter().any(of) || (self.acknowledged_at.is_some() && is_pushed_out())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(number: u64, due: Instant) -> Probe {
        Probe {
            number,
            user_id: "learner-000001".into(),
            event_id: format!("e{number}"),
            at_ms: 1_000,
            due,
        }
    }

    fn profile(listed: impl IntoIterator<Item = (i64, &'static str)>) -> v1::LearnerProfile {
        let listed = listed
            .into_iter()
            .map(|(timestamp_ms, id)| v1::Interaction {
                event_id: id.into(),
                timestamp_ms,
                ..Default::default()
            });
        v1::LearnerProfile {
            last_interactions: listed.collect(),
            ..Default::default()
        }
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn an_event_is_looked_for_until_it_shows_and_its_time_counts_from_when_it_was_due() {
        let due = Instant::now();
        let mut pending = PendingProbes::default();
        pending.add(probe(1, due));
        assert_eq!(pending.next_poll(), Some(due));
        assert!(pending.take_poll().is_some_and(|probe| probe.number == 1));
        assert_eq!(pending.next_poll(), None, "one poll at a time");
        let others = profile([(2_000, "other")]);
        let verdict = pending.answered(1, (due, due + MS / 10), Some(&others));
        assert_eq!(verdict, Verdict::NotYet);
        assert_eq!(pending.next_poll(), Some(due + BETWEEN_POLLS_MIN));
        pending.take_poll();
        let verdict = pending.answered(
            1,
            (due + 2 * MS, due + 3 * MS),
            Some(&profile([(1_000, "e1")])),
        );
        assert_eq!(verdict, Verdict::Shown(3 * MS));
        assert!(pending.is_empty() && pending.next_poll().is_none());
    }

    #[test]
    fn looks_get_rarer_as_the_time_grows() {
        let due = Instant::now();
        let mut pending = PendingProbes::default();
        pending.add(probe(1, due));
        pending.take_poll();
        let now = due + 320 * MS;
        assert_eq!(pending.answered(1, (now, now), None), Verdict::NotYet);
        assert_eq!(pending.next_poll(), Some(now + 10 * MS));
    }

    #[test]
    fn ten_newer_events_hide_it_which_says_something_only_when_it_was_acknowledged() {
        let due = Instant::now();
        let mut pending = PendingProbes::default();
        pending.add(probe(1, due));
        let newer = profile([(1_001, "x"); LISTED]);
        let at = (due + MS, due + 2 * MS);
        assert_eq!(pending.answered(1, at, Some(&newer)), Verdict::NotYet);
        pending.acknowledged(1, due + MS);
        let older = profile([(999, "x"); LISTED]);
        assert_eq!(pending.answered(1, at, Some(&older)), Verdict::NotYet);
        assert_eq!(
            pending.answered(1, at, Some(&newer)),
            Verdict::Shown(2 * MS)
        );
    }

    #[test]
    fn what_was_acknowledged_has_to_show() {
        let due = Instant::now();
        let mut pending = PendingProbes::default();
        pending.add(probe(1, due));
        pending.add(probe(2, due));
        let late = due + SHOWN_WITHIN + MS;
        assert_eq!(pending.answered(1, (late, late), None), Verdict::NotYet);
        pending.acknowledged(1, due);
        let waited = SHOWN_WITHIN + MS;
        assert_eq!(
            pending.answered(1, (late, late), None),
            Verdict::Missing(waited)
        );
        assert_eq!(pending.forget_unacknowledged(late), [waited]);
        assert!(pending.is_empty());
    }
}
