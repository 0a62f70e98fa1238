//! Aggregates the learners of a course, one by one.

use std::{cmp::Reverse, collections::BTreeMap};

use homeroom_core::{
    learner::{HelpReason, Standing, Status},
    shard::ReadPoint,
};
use homeroom_proto::v1;

use super::{page::RosterPage, roster_key::RosterKey};
use crate::{
    query::{
        answer_size::{ANSWER_BYTES_MAX, size_within},
        profile,
    },
    shard::RosterVisitor,
};

/// Sums over a course's learners, and the entries of one page of its roster.
#[derive(Debug)]
pub struct Class {
    at: ReadPoint,
    page: RosterPage,
    /// Whether the course has any learner, enrolled or not.
    pub found: bool,
    on_roster: u64,
    by_status: [u64; 4],
    needing_help: u64,
    last_event_ms: i64,
    /// In millionths: a sum of integers does not depend on the order of its terms.
    engagement: u64,
    /// The first entries that the page may show, and one more, which tells whether there is another
    /// page.
    first: BTreeMap<RosterKey, v1::RosterEntry>,
    /// Size of these entries as messages, bytes.
    first_bytes: usize,
    /// The first entry that was left out because of the size. No entry from here on is shown.
    cut_at: Option<RosterKey>,
}

impl Class {
    /// No learners yet. Their state is read as of `at`.
    pub fn new(at: ReadPoint, page: RosterPage) -> Self {
        Self {
            at,
            page,
            found: false,
            on_roster: 0,
            by_status: [0; 4],
            needing_help: 0,
            last_event_ms: i64::MIN,
            engagement: 0,
            first: BTreeMap::new(),
            first_bytes: 0,
            cut_at: None,
        }
    }

    /// Adds the learners of another shard.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        self.found |= other.found;
        self.on_roster += other.on_roster;
        for (status, learners) in other.by_status.into_iter().enumerate() {
            self.by_status[status] += learners;
        }
        self.needing_help += other.needing_help;
        self.last_event_ms = self.last_event_ms.max(other.last_event_ms);
        self.engagement += other.engagement;
        if let Some(key) = other.cut_at {
            self.cut(key);
        }
        for (key, entry) in other.first {
            if self.cut_at.as_ref().is_none_or(|cut_at| key < *cut_at) {
                self.keep(key, entry);
            }
        }
        self
    }

    /// The course as a whole.
    pub fn summary(&self, course_id: &str) -> v1::Course {
        let [active, watching, idle, away] = self.by_status;
        let present = self.on_roster - away;
        v1::Course {
            course_id: course_id.to_owned(),
            learners: self.on_roster,
            active,
            watching,
            idle,
            away,
            needing_help: self.needing_help,
            last_event_ms: if self.found { self.last_event_ms } else { 0 },
            engagement: (present > 0)
                .then(|| self.engagement as f64 / present as f64 / 1_000_000.0),
        }
    }

    /// The page's entries, and the key after which the next page begins, if there is one.
    pub fn into_roster(self) -> (Vec<v1::RosterEntry>, Option<RosterKey>) {
        let more = self.first.len() > self.page.size || self.cut_at.is_some();
        let mut last = None;
        let mut entries = Vec::with_capacity(self.first.len().min(self.page.size));
        for (key, entry) in self.first.into_iter().take(self.page.size) {
            last = Some(key);
            entries.push(entry);
        }
        (entries, last.filter(|_| more))
    }

    fn keep(&mut self, key: RosterKey, entry: v1::RosterEntry) {
        self.first_bytes += size_within(&entry);
        self.first.insert(key, entry);
        if self.first.len() > self.page.size + 1 {
            self.drop_last();
        }
        while self.first_bytes > ANSWER_BYTES_MAX && self.first.len() > 1 {
            if let Some(key) = self.drop_last() {
                self.cut(key);
            }
        }
    }

    fn drop_last(&mut self) -> Option<RosterKey> {
        let (key, entry) = self.first.pop_last()?;
        self.first_bytes -= size_within(&entry);
        Some(key)
    }

    /// Leaves out all entries from a key on.
    fn cut(&mut self, key: RosterKey) {
        let is_first = self.cut_at.as_ref().is_none_or(|cut_at| key < *cut_at);
        if is_first {
            let left_out = self.first.split_off(&key);
            self.first_bytes -= left_out.values().map(size_within).sum::<usize>();
            self.cut_at = Some(key);
        }
    }

    /// Whether the page can show an entry with this key.
    fn shows(&self, key: &RosterKey) -> bool {
        let room = self.first.len() <= self.page.size && self.cut_at.is_none();
        let after = self.page.after.as_ref();
        (room
            || self
                .first
                .last_key_value()
                .is_some_and(|(last, _)| key < last))
            && after.is_none_or(|after| key > after)
            && !(self.page.needing_help_only && key.reasons == Reverse(0))
    }

    fn entry(
        &self,
        user_id: &str,
        standing: &Standing,
        status: Status,
        reasons: Vec<HelpReason>,
        engagement: f64,
    ) -> v1::RosterEntry {
        v1::RosterEntry {
            user_id: user_id.to_owned(),
            status: profile::status(status).into(),
            engagement,
            accuracy: Some(profile::accuracy(standing.accuracy(&self.at))),
            last_event_ms: standing.last_event_ms,
            enrolled: standing.enrolled,
            reasons: reasons.into_iter().map(profile::reason).collect(),
        }
    }
}

impl RosterVisitor for Class {
    fn visit(&mut self, user_id: &str, standing: &Standing) {
        self.found = true;
        self.last_event_ms = self.last_event_ms.max(standing.last_event_ms);
        if !standing.on_roster() {
            return;
        }
        let status = standing.status(&self.at);
        let reasons = standing.reasons(&self.at);
        let engagement = standing.engagement(&self.at);
        self.on_roster += 1;
        self.by_status[status as usize] += 1;
        self.needing_help += u64::from(!reasons.is_empty());
        if status != Status::Away {
            self.engagement += millionths(engagement);
        }
        let key = RosterKey::of(user_id, &reasons);
        if self.shows(&key) {
            let entry = self.entry(user_id, standing, status, reasons, engagement);
            self.keep(key, entry);
        }
    }
}

/// Millionths of a share from 0 to 1.
pub fn millionths(share: f64) -> u64 {
    (share * 1_000_000.0).round() as u64
}
