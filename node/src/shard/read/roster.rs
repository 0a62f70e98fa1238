//! The members of a course on one shard: active learners from memory, the others from the store.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use homeroom_core::learner::{Standing, StatePart};
use tokio::{
    sync::mpsc,
    task::{spawn_blocking, yield_now},
};

use super::{ReadError, ShardReader};
use crate::{
    learner::{
        LearnerMessage, Look, Read, RecordKey, learner_prefix, learners_after, learners_from,
        parse_key, standings_after, standings_at, standings_from, standings_prefix,
    },
    raft::Replicated,
    shard::residency::Member,
    store::checkpoint::CheckpointStore,
};

/// Learners asked between two yields to other tasks.
const READS_AT_ONCE: usize = 64;

/// Visits the learners in a course, in no order. A course has no bound, so it must not keep all of
/// them.
pub trait RosterVisitor: Send + 'static {
    /// Visits one learner, also one that has unenrolled.
    fn visit(&mut self, user_id: &str, standing: &Standing);
}

impl<R: Replicated> ShardReader<R> {
    /// Visits everyone in some courses once, each course with its own visitor. Includes everything
    /// applied before the call; what is applied during it may be included. Active learners are
    /// searched in one pass for all the courses.
    ///
    /// # Errors
    /// When a stored record can't be read, or the node is stopping.
    pub async fn visit_rosters<V: RosterVisitor>(
        &self,
        courses: Vec<(Box<str>, V)>,
    ) -> Result<Vec<V>, ReadError> {
        // Active learners first. One that stops before the stored ones are read is then found in
        // the store, as it was when it stopped.
        let ids = courses.iter().map(|(course_id, _)| &**course_id).collect();
        let mut members = self.directory.members(&ids);
        let mut begun = Vec::with_capacity(courses.len());
        for (course_id, mut visitor) in courses {
            let mut members = members.remove(&course_id).unwrap_or_default();
            self.ask(&course_id, &mut members).await;
            let mut seen: HashSet<Box<str>> = HashSet::with_capacity(members.len());
            for member in members {
                if let Some(standing) = &member.standing {
                    visitor.visit(&member.user_id, standing);
                    seen.insert(member.user_id);
                }
            }
            begun.push((course_id, visitor, seen));
        }
        let (store, shard) = (self.store(), self.shard);
        blocking(move || {
            let visited = begun.into_iter().map(|(course_id, mut visitor, seen)| {
                visit_stored(&store, shard, &course_id, &seen, &mut visitor).map(|()| visitor)
            });
            visited.collect()
        })
        .await
    }

    /// Visits everyone in a course once, see [`Self::visit_rosters`].
    ///
    /// # Errors
    /// As [`Self::visit_rosters`].
    pub async fn visit_roster<V: RosterVisitor>(
        &self,
        course_id: &str,
        visitor: V,
    ) -> Result<V, ReadError> {
        let visited = self
            .visit_rosters(vec![(course_id.into(), visitor)])
            .await?;
        visited.into_iter().next().ok_or(ReadError::Stopped)
    }

    /// Ids of the first courses of this shard's learners after one, at most `max`. Waits for the
    /// disk.
    ///
    /// # Errors
    /// When a stored record can't be read, or the node is stopping.
    pub async fn course_ids_after(
        &self,
        after: &str,
        max: usize,
    ) -> Result<BTreeSet<Box<str>>, ReadError> {
        let active = self.directory.course_ids_after(after, max);
        let (store, shard, after) = (self.store(), self.shard, after.to_owned());
        blocking(move || stored_course_ids(&store, shard, &after, max, active)).await
    }

    /// Ids of the first learners of the shard after one, active or stored, at most `max`, in the
    /// order of their records. Waits for the disk.
    ///
    /// # Errors
    /// When a record can't be read.
    pub async fn user_ids_after(
        &self,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Box<str>>, ReadError> {
        // Active learners first, as for a roster.
        let mut user_ids = self.directory.user_ids_after(after, max);
        let (store, shard) = (self.store(), self.shard);
        let after = after.map(str::to_owned);
        let stored = blocking(move || stored_user_ids(&store, shard, after.as_deref(), max));
        user_ids.extend(stored.await?);
        user_ids.sort_by_cached_key(|user_id| learner_prefix(user_id));
        user_ids.dedup();
        // Behind the last of a full list there may be learners that the other list has not.
        user_ids.truncate(max);
        Ok(user_ids)
    }

    /// Computes the unknown standings of members and caches them. A member that stops meanwhile
    /// keeps none.
    async fn ask(&self, course_id: &str, members: &mut [Member]) {
        let floor_ms = self.view().at.floor_ms;
        let (reply, mut answers) = mpsc::channel(members.len().max(1));
        let unknown = (members.iter().enumerate()).filter(|(_, it)| it.standing.is_none());
        for (asked, (place, member)) in unknown.enumerate() {
            let (reply, course_id) = (reply.clone(), course_id.to_owned());
            // Standings need no evicted block.
            let look: Look = Box::new(move |learner| {
                if let Some(standing) = learner.standing(&course_id, floor_ms) {
                    // The channel has room for every answer.
                    let _ = reply.try_send((place, Arc::new(standing)));
                }
            });
            let read = LearnerMessage::Read(Read { look });
            let _ = member.learner.send(read);
            if asked % READS_AT_ONCE == READS_AT_ONCE - 1 {
                yield_now().await;
            }
        }
        drop(reply);
        let mut asked = Vec::new();
        while let Some((place, standing)) = answers.recv().await {
            members[place].standing = Some(standing);
            asked.push(place);
        }
        let known = asked.into_iter().filter_map(|place| {
            let member = &members[place];
            Some((member, Arc::clone(member.standing.as_ref()?)))
        });
        self.directory.keep_standings(course_id, known);
    }
}

fn visit_stored(
    store: &CheckpointStore,
    shard: u16,
    course_id: &str,
    seen: &HashSet<Box<str>>,
    visitor: &mut impl RosterVisitor,
) -> Result<(), String> {
    let prefix = standings_prefix(course_id);
    let records = store.scan(shard, &prefix);
    for record in records.map_err(|error| error.to_string())? {
        let record = record.map_err(|error| error.to_string())?;
        if !record.key().starts_with(&prefix) {
            break;
        }
        let Some(RecordKey::Standing { user_id, .. }) = parse_key(record.key()) else {
            continue;
        };
        if !seen.contains(user_id) {
            let standing = Standing::decode(record.payload());
            let standing =
                standing.map_err(|error| format!("{user_id:?} in {course_id:?}: {error}"))?;
            visitor.visit(user_id, &standing);
        }
    }
    Ok(())
}

/// Runs work that waits for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, ReadError> {
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(ReadError::Damaged),
        Err(_) => Err(ReadError::Stopped),
    }
}

/// Adds stored courses to the first `max` ids after one. Records are ordered by the length of the
/// id, so of each length it steps from the first standing in one course to the first in the next.
fn stored_course_ids(
    store: &CheckpointStore,
    shard: u16,
    after: &str,
    max: usize,
    mut first: BTreeSet<Box<str>>,
) -> Result<BTreeSet<Box<str>>, String> {
    let mut from = standings_from();
    let mut present = None;
    loop {
        let mut records = store
            .scan(shard, &from)
            .map_err(|error| error.to_string())?;
        let Some(record) = records.next() else {
            return Ok(first);
        };
        let record = record.map_err(|error| error.to_string())?;
        let Some(RecordKey::Standing { course_id, .. }) = parse_key(record.key()) else {
            return Ok(first);
        };
        let length = u16::try_from(course_id.len()).unwrap_or(u16::MAX);
        if present != Some(length) {
            present = Some(length);
            from = standings_at(length, after.as_bytes());
            continue;
        }
        let last = first.last().filter(|_| first.len() >= max);
        if last.is_some_and(|last| course_id > &**last) {
            // The others of this length are not among the first, either.
            let Some(longer) = length.checked_add(1) else {
                return Ok(first);
            };
            from = standings_at(longer, b"");
            continue;
        }
        if course_id > after {
            first.insert(course_id.into());
        }
        if first.len() > max {
            first.pop_last();
        }
        from = standings_after(course_id);
    }
}

/// Ids of the first stored learners after one. Steps from head to head. Waits for the disk.
fn stored_user_ids(
    store: &CheckpointStore,
    shard: u16,
    after: Option<&str>,
    max: usize,
) -> Result<Vec<Box<str>>, String> {
    let standings = standings_from();
    let mut user_ids: Vec<Box<str>> = Vec::new();
    let mut from = after.map_or_else(learners_from, learners_after);
    while user_ids.len() < max {
        let records = store
            .scan(shard, &from)
            .map_err(|error| error.to_string())?;
        let mut next = None;
        for record in records {
            let record = record.map_err(|error| error.to_string())?;
            if record.key() >= &standings[..] {
                break;
            }
            // Dead letters lie between learners.
            if let Some(RecordKey::Learner { user_id, part, .. }) = parse_key(record.key()) {
                next = Some((part, Box::<str>::from(user_id)));
                break;
            }
        }
        let Some((part, user_id)) = next else {
            break;
        };
        from = learners_after(&user_id);
        if part == StatePart::Head {
            user_ids.push(user_id);
        }
    }
    Ok(user_ids)
}
