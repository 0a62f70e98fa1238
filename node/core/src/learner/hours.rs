//! The hours of a learner that the retention covers. The newest is stored with the learner, each earlier one apart.

use super::{
    Hour, HourNumber, IdHash, Pane,
    course::CourseSlot,
    id_filter::IdFilter,
    memory::{room_for_one, vec_bytes},
    new_pane::NewPane,
};
use crate::{
    Event,
    time::{HOUR_MS, hour_of, pane_start},
};

/// With fewer identities than this it's quicker to look at them than at a filter.
const FILTERED_LEAST: usize = 9;

/// All hours, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Hours {
    held: Vec<Held>,
    /// Hours that are no longer held and may still be stored.
    gone: Vec<HourNumber>,
    /// How many identities all hours hold.
    identities: usize,
    /// Of the ids of all hours; empty while they are few.
    filter: IdFilter,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    number: HourNumber,
    hour: Hour,
    /// It differs from the stored state.
    unsaved: bool,
}

/// The rest follows from the hours.
impl PartialEq for Hours {
    fn eq(&self, other: &Self) -> bool {
        (&self.held, &self.gone) == (&other.held, &other.gone)
    }
}

impl Eq for Hours {}

impl Hours {
    /// How many identities are held.
    pub fn identities(&self) -> usize {
        self.identities
    }

    /// How many of them are in hours that are stored apart and differ from what is.
    pub fn unsaved_apart(&self) -> usize {
        let unsaved = self.earlier().iter().filter(|held| held.unsaved);
        unsaved.map(|held| held.hour.identities()).sum()
    }

    /// Identities are looked for in all hours that the retention covers, since a second delivery may carry another time: in the
    /// event's own first.
    pub fn content_of(&self, id: IdHash, timestamp_ms: i64, floor_ms: i64) -> Option<u32> {
        if !self.filter.may_hold(id) {
            return None;
        }
        let own_hour = hour_of(timestamp_ms);
        let own = self
            .hour(own_hour)
            .filter(|_| (own_hour + 1) * HOUR_MS > floor_ms);
        own.and_then(|hour| hour.content_of(id)).or_else(|| {
            let floor_hour = hour_of(floor_ms);
            self.held
                .iter()
                .rev()
                .take_while(|held| held.number >= floor_hour)
                .filter(|held| held.number != own_hour)
                .find_map(|held| held.hour.content_of(id))
        })
    }

    /// Claims an identity and counts the event; `times` are the watermark and log time. Gives the pane that it began, if it did.
    pub fn add(
        &mut self,
        event: &Event<'_>,
        claim: (IdHash, u32),
        course: CourseSlot,
        times: (i64, i64),
    ) -> Option<NewPane> {
        let number = hour_of(event.timestamp_ms);
        let at = self.find(number).unwrap_or_else(|at| {
            if let Some(newest_so_far) = self.held.last_mut().filter(|held| held.number < number) {
                // From now on it is stored apart.
                newest_so_far.unsaved = true;
            }
            self.insert_at(at, number, Hour::default());
            at
        });
        let held = &mut self.held[at];
        let place = held.hour.add(event, claim, course, times);
        held.unsaved = true;
        self.identities += 1;
        self.filter.add(claim.0);
        if !self.filter.has_room(self.identities) {
            self.make_filter();
        }
        place.map(|place| self.new_pane(pane_start(event.timestamp_ms), at, place))
    }

    /// The pane at a place of the hour at another, with its neighbours.
    fn new_pane(&self, start_ms: i64, at: usize, place: usize) -> NewPane {
        let starts = |held: &Held, pane: Option<&Pane>| pane.map(|pane| pane.start_ms(held.number));
        let held = &self.held[at];
        let (before, from) = held.hour.panes().split_at(place);
        let before_ms = starts(held, before.last()).or_else(|| {
            let earlier = self.held[..at].last()?;
            starts(earlier, earlier.hour.panes().last())
        });
        let after_ms = starts(held, from.get(1)).or_else(|| {
            let later = self.held.get(at + 1)?;
            starts(later, later.hour.panes().first())
        });
        NewPane {
            start_ms,
            before_ms: before_ms.unwrap_or(i64::MIN),
            after_ms: after_ms.unwrap_or(i64::MAX),
        }
    }

    /// Notes that an event elsewhere changed what the pane at a time holds.
    pub fn touch(&mut self, time_ms: i64, log_time_ms: i64) {
        if let Ok(at) = self.find(hour_of(time_ms)) {
            let held = &mut self.held[at];
            held.hour.touch(pane_start(time_ms), log_time_ms);
            held.unsaved = true;
        }
    }

    /// Forgets hours that end at or before the floor.
    pub fn prune(&mut self, floor_ms: i64) {
        let floor_hour = hour_of(floor_ms);
        let live = self.held.partition_point(|held| held.number < floor_hour);
        for held in self.held.drain(..live) {
            self.gone.push(held.number);
            self.identities -= held.hour.identities();
        }
        self.make_filter();
    }

    /// The panes that begin in `[from_ms, to_ms)`, oldest first, each with its hour and its start.
    pub fn panes_between(
        &self,
        from_ms: i64,
        to_ms: i64,
    ) -> impl Iterator<Item = (&Hour, i64, &Pane)> {
        let (first, last) = (hour_of(from_ms), hour_of(to_ms.max(from_ms)));
        let from = self.held.partition_point(|held| held.number < first);
        self.held[from..]
            .iter()
            .take_while(move |held| held.number <= last)
            .flat_map(move |held| {
                let panes = held.hour.panes_between(held.number, from_ms, to_ms);
                panes.map(|(start_ms, pane)| (&held.hour, start_ms, pane))
            })
    }

    /// The newest hour.
    pub fn newest(&self) -> Option<(HourNumber, &Hour)> {
        let newest = self.held.last()?;
        Some((newest.number, &newest.hour))
    }

    /// How many hours are stored apart.
    pub fn apart(&self) -> usize {
        self.earlier().len()
    }

    /// The hours stored apart that are to be written, and the numbers of those that are to be deleted; from then on all count as
    /// stored.
    pub fn take_changes(&mut self) -> (Vec<(HourNumber, &Hour)>, Vec<HourNumber>) {
        let gone = std::mem::take(&mut self.gone);
        let Some((newest, earlier)) = self.held.split_last_mut() else {
            return (Vec::new(), gone);
        };
        newest.unsaved = false;
        let unsaved = earlier.iter_mut().filter(|held| held.unsaved);
        let changed = unsaved.map(|held| {
            held.unsaved = false;
            (held.number, &held.hour)
        });
        (changed.collect(), gone)
    }

    /// Takes in an hour as it is stored.
    pub fn put_back(&mut self, number: HourNumber, hour: Hour) {
        self.identities += hour.identities();
        match self.find(number) {
            Ok(at) => self.held[at].hour = hour,
            Err(at) => self.insert_at(at, number, hour),
        }
    }

    /// To be called once all stored hours are back.
    pub fn settle(&mut self) {
        self.make_filter();
    }

    /// What it takes beside its own fields.
    pub fn heap_bytes(&self) -> usize {
        let hours = self.held.iter().map(|held| held.hour.heap_bytes());
        vec_bytes(&self.held)
            + hours.sum::<usize>()
            + vec_bytes(&self.gone)
            + self.filter.heap_bytes()
    }

    /// All but the newest.
    fn earlier(&self) -> &[Held] {
        self.held.split_last().map_or(&[], |(_, earlier)| earlier)
    }

    fn insert_at(&mut self, at: usize, number: HourNumber, hour: Hour) {
        room_for_one(&mut self.held);
        let unsaved = false;
        self.held.insert(
            at,
            Held {
                number,
                hour,
                unsaved,
            },
        );
    }

    fn make_filter(&mut self) {
        self.filter = IdFilter::default();
        if self.identities >= FILTERED_LEAST {
            let ids = self.held.iter().flat_map(|held| held.hour.ids());
            self.filter = IdFilter::of(ids, self.identities);
        }
    }

    fn hour(&self, number: HourNumber) -> Option<&Hour> {
        self.find(number).ok().map(|at| &self.held[at].hour)
    }

    fn find(&self, number: HourNumber) -> Result<usize, usize> {
        match self.held.last() {
            Some(last) if last.number < number => Err(self.held.len()),
            Some(last) if last.number == number => Ok(self.held.len() - 1),
            _ => self.held.binary_search_by_key(&number, |held| held.number),
        }
    }
}
