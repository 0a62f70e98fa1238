//! State of all groups according to the written log, without their entries.
//!
//! The writer and the recovery apply the same records to the same type. So the state in a segment's
//! first record equals the state that a replay of all earlier records gives.

use std::collections::BTreeMap;

use super::group_meta::{GroupMeta, SegmentLen};
use super::record::Control;
use crate::store::log::entry::{GroupId, SegmentId};

/// The state of all groups, and the list of segments, as of some record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    pub(crate) groups: BTreeMap<GroupId, GroupMeta>,
    pub(crate) segments: BTreeMap<SegmentId, SegmentLen>,
}

impl Ledger {
    /// Applies an entry; `false` if it does not follow the records before it.
    pub(crate) fn entry(&mut self, group: GroupId, index: u64) -> bool {
        let meta = self.groups.entry(group).or_default();
        if meta.first == meta.next {
            meta.first = index;
            meta.next = index;
        }
        let follows = index == meta.next;
        meta.next = index + 1;
        follows
    }

    pub(crate) fn control(&mut self, control: &Control) {
        match control {
            Control::Head { segments, groups } => {
                self.segments = segments.iter().copied().collect();
                self.groups = groups.iter().copied().collect();
            }
            Control::Vote { group, vote } => self.group(*group).vote = Some(*vote),
            Control::Committed { group, committed } => self.group(*group).committed = *committed,
            Control::Truncate { group, next } => self.group(*group).truncate(*next),
            Control::Purge { group, upto } => self.group(*group).purge(*upto),
            Control::Remove { group } => {
                self.groups.remove(group);
            }
            Control::Retired { segments } => self
                .segments
                .retain(|segment, _| !segments.contains(segment)),
            Control::Vouch | Control::Closed => {}
        }
    }

    /// The first record of the next segment.
    pub(crate) fn head(&self) -> Control {
        Control::Head {
            segments: self
                .segments
                .iter()
                .map(|(segment, len)| (*segment, *len))
                .collect(),
            groups: self
                .groups
                .iter()
                .map(|(group, meta)| (*group, *meta))
                .collect(),
        }
    }

    fn group(&mut self, group: GroupId) -> &mut GroupMeta {
        self.groups.entry(group).or_default()
    }
}
