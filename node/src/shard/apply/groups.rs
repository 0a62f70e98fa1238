//! An entry's deliveries, sorted by learner.

use std::collections::HashMap;

use homeroom_core::{
    DecodeError, Refusal,
    entry::{Record, Records},
};
use smallvec::SmallVec;

/// The events of one learner, encoded, in the order of the entry: of the usual entry, which has one for a learner, without memory of
/// their own.
pub type Events<'a> = SmallVec<[&'a [u8]; 1]>;

/// The deliveries of an entry.
#[derive(Default)]
pub struct Groups<'a> {
    /// The learners, in the order in which they come first.
    pub users: Vec<&'a str>,
    /// For each learner its events.
    pub events: Vec<Events<'a>>,
    /// All deliveries in the order of the entry.
    pub order: Vec<Ordered<'a>>,
}

/// A delivery.
pub enum Ordered<'a> {
    /// An event for a learner.
    Event {
        /// Its learner's place.
        group: usize,
        /// Its place among that learner's.
        place: usize,
        /// As it came.
        encoded: &'a [u8],
    },
    /// One that was refused at the door.
    Refused(Refusal<'a>),
}

impl<'a> Groups<'a> {
    /// Sorts records.
    ///
    /// # Errors
    /// When one of them can't be read.
    pub fn of(records: Records<'a>) -> Result<Self, DecodeError> {
        let mut groups = Self {
            order: Vec::with_capacity(records.len()),
            ..Self::default()
        };
        let mut by_user: HashMap<&str, usize, foldhash::fast::RandomState> =
            HashMap::with_capacity_and_hasher(records.len(), Default::default());
        for record in records {
            match record? {
                Record::Event { user_id, event } => {
                    let group = *by_user.entry(user_id).or_insert_with(|| {
                        groups.users.push(user_id);
                        groups.events.push(Events::new());
                        groups.users.len() - 1
                    });
                    let place = groups.events[group].len();
                    groups.events[group].push(event);
                    groups.order.push(Ordered::Event {
                        group,
                        place,
                        encoded: event,
                    });
                }
                Record::Refused(refusal) => groups.order.push(Ordered::Refused(refusal)),
            }
        }
        Ok(groups)
    }
}
