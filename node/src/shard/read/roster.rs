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
        LearnerMessage, Look, Read, RecordKey, Seen, learners_from, parse_key, standings_after,
        standings_from, standings_prefix,
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
    /// Visits everyone in a course once. Includes everything applied before the call; what is
    /// applied during it may be included.
    ///
    /// # Errors
    /// When a stored record can't be read, or the node is stopping.
    pub async fn visit_roster<V: RosterVisitor>(
        &self,
        course_id: &str,
        mut visitor: V,
    ) -> Result<V, ReadError> {
        // Active learners first. One that stops before the stored ones are read is then found in
        // the store, as it was when it stopped.
        let mut members = self.directory.members(course_id);
        self.ask(course_id, &mut members).await;
        let mut seen: HashSet<Box<str>> = HashSet::with_capacity(members.len());
        for member in members {
            if let Some(standing) = &member.standing {
                visitor.visit(&member.user_id, standing);
                seen.insert(member.user_id);
            }
        }
        let (store, shard, course_id) = (self.store(), self.shard, course_id.to_owned());
        let visited = spawn_blocking(move || {
            visit_stored(&store, shard, &course_id, &seen, &mut visitor).map(|()| visitor)
        });
        match visited.await {
            Ok(Ok(visitor)) => Ok(visitor),
            Ok(Err(error)) => Err(ReadError::Damaged(error)),
            Err(_) => Err(ReadError::Stopped),
        }
    }

    /// Ids of all courses of this shard's learners. Waits for the disk.
    ///
    /// # Errors
    /// When a stored record can't be read, or the node is stopping.
    pub async fn course_ids(&self) -> Result<BTreeSet<Box<str>>, ReadError> {
        let mut ids = self.directory.course_ids();
        let (store, shard) = (self.store(), self.shard);
        match spawn_blocking(move || stored_course_ids(&store, shard)).await {
            Ok(Ok(stored)) => {
                ids.extend(stored);
                Ok(ids)
            }
            Ok(Err(error)) => Err(ReadError::Damaged(error)),
            Err(_) => Err(ReadError::Stopped),
        }
    }

    /// Ids of all learners of the shard, active or stored. Waits for the disk.
    ///
    /// # Errors
    /// When a record can't be read.
    pub async fn user_ids(&self) -> Result<Vec<Box<str>>, ReadError> {
        let mut user_ids = self.directory.user_ids();
        let (store, shard) = (self.store(), self.shard);
        let stored = tokio::task::spawn_blocking(move || stored_user_ids(&store, shard)).await;
        match stored {
            Ok(Ok(stored)) => user_ids.extend(stored),
            Ok(Err(error)) => return Err(ReadError::Damaged(error)),
            Err(_) => return Err(ReadError::Stopped),
        }
        user_ids.sort_unstable();
        user_ids.dedup();
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
            let look: Look = Box::new(move |seen| {
                // Standings need no evicted block.
                let Seen::Whole(learner) = seen else { return };
                if let Some(standing) = learner.standing(&course_id, floor_ms) {
                    // The channel has room for every answer.
                    let _ = reply.try_send((place, Arc::new(standing)));
                }
            });
            let windows = None;
            let read = LearnerMessage::Read(Read { windows, look });
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

/// Steps from the first standing in one course to the first in the next.
fn stored_course_ids(store: &CheckpointStore, shard: u16) -> Result<Vec<Box<str>>, String> {
    let mut ids = Vec::new();
    let mut from = standings_from();
    loop {
        let mut records = store
            .scan(shard, &from)
            .map_err(|error| error.to_string())?;
        let Some(record) = records.next() else {
            return Ok(ids);
        };
        let record = record.map_err(|error| error.to_string())?;
        let Some(RecordKey::Standing { course_id, .. }) = parse_key(record.key()) else {
            return Ok(ids);
        };
        from = standings_after(course_id);
        ids.push(course_id.into());
    }
}

/// Ids of all stored learners. Waits for the disk.
fn stored_user_ids(store: &CheckpointStore, shard: u16) -> Result<Vec<Box<str>>, String> {
    let mut user_ids: Vec<Box<str>> = Vec::new();
    let standings = standings_from();
    for record in store
        .scan(shard, &learners_from())
        .map_err(|error| error.to_string())?
    {
        let record = record.map_err(|error| error.to_string())?;
        if record.key() >= &standings[..] {
            break;
        }
        if let Some(RecordKey::Learner {
            user_id,
            part: StatePart::Head,
            piece: 0,
        }) = parse_key(record.key())
        {
            user_ids.push(user_id.into());
        }
    }
    Ok(user_ids)
}
