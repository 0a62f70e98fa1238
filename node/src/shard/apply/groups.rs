//! An entry's deliveries, grouped by learner.

use std::collections::HashMap;

use homeroom_core::{
    DecodeError, Refusal,
    entry::{Record, Records},
};
use smallvec::SmallVec;

/// The encoded events of one learner, in the order of the entry. Most entries contain one per
/// learner, which needs no allocation.
pub type Events<'a> = SmallVec<[&'a [u8]; 1]>;

/// The deliveries of an entry.
#[derive(Default)]
pub struct Groups<'a> {
    /// The learners, in order of their first delivery.
    pub users: Vec<&'a str>,
    /// The events of each learner.
    pub events: Vec<Events<'a>>,
    /// All deliveries in the order of the entry.
    pub order: Vec<Ordered<'a>>,
}

/// A delivery.
pub enum Ordered<'a> {
    /// An event for a learner.
    Event {
        /// The index of its learner.
        group: usize,
        /// Its index among that learner's events.
        place: usize,
        /// Its bytes as received.
        encoded: &'a [u8],
    },
    /// Refused at ingress.
    Refused(Refusal<'a>),
}

impl<'a> Groups<'a> {
    /// Groups records by learner.
    ///
    /// # Errors
    /// When a record can't be decoded.
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
