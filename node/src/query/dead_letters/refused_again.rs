//! Counts the letters that a re-drive leaves refused.

use std::collections::BTreeMap;

use homeroom_core::{Reason, shard::OTHER_SOURCES};
use homeroom_proto::v1;

use crate::ingress::to_reason;

/// Maximum number of pairs of source and reason. Sources choose their own names, so their number is
/// not bounded.
const GROUPS_MAX: usize = 1_000;

/// Counts by source and reason, each with the detail of its first letter.
#[derive(Default)]
pub(super) struct RefusedAgain {
    groups: BTreeMap<(Box<str>, Reason), (u64, Box<str>)>,
}

impl RefusedAgain {
    pub fn add(&mut self, source: &str, reason: Reason, detail: Box<str>) {
        let mut key = (Box::from(source), reason);
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&key) {
            key.0 = OTHER_SOURCES.into();
        }
        self.groups.entry(key).or_insert((0, detail)).0 += 1;
    }

    pub fn into_messages(self) -> Vec<v1::RefusedAgain> {
        let message =
            |((source, reason), (count, detail)): ((Box<str>, Reason), (u64, Box<str>))| {
                v1::RefusedAgain {
                    source: source.into(),
                    reason: to_reason(reason).into(),
                    count,
                    detail: detail.into(),
                }
            };
        self.groups.into_iter().map(message).collect()
    }
}
