//! The trait of what a group replicates.

use std::{io, ops::RangeInclusive};

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::watch;

use super::types::Applied;
use crate::store::checkpoint::{COMMIT_BYTES_MAX, Change};

/// What a group replicates. The group calls it for one entry at a time, in the order of the log.
pub trait Replicated: Send + 'static {
    /// Versions of state records that this build can read. It writes the last one.
    const STATE_VERSIONS: RangeInclusive<u8>;

    /// Takes over what the store has at an index, in place of everything it had: at the start, and
    /// when a base was installed. `state` is the group's own record; `None` when nothing is stored.
    ///
    /// # Errors
    /// When the state can't be read. The replica ends.
    fn restore(
        &mut self,
        index: u64,
        state: Option<Vec<u8>>,
    ) -> impl Future<Output = io::Result<()>> + Send;

    /// Applies the entry at an index.
    ///
    /// # Errors
    /// When it can't be applied here, for a reason that other replicas may not have. The replica
    /// ends.
    fn apply(
        &mut self,
        index: u64,
        payload: Bytes,
    ) -> impl Future<Output = Result<Applied, String>> + Send;

    /// Captures what differs from the last capture, between two entries.
    fn capture(&mut self, index: u64) -> Capture;

    /// The last capture is durable.
    fn captured(&mut self);

    /// Names what a record belongs to, for people.
    fn owner_of(key: &[u8]) -> Option<String>;

    /// Upper bound of the size of the next capture, bytes. Receivers are notified when it reaches
    /// [`UNSAVED_BYTES_DUE`] and when a capture has begun, not at every entry.
    fn unsaved_bytes(&self) -> watch::Receiver<u64>;
}

/// A checkpoint is due at this size, however recent the last one is. A larger one would block
/// readers of the store for longer.
pub const UNSAVED_BYTES_DUE: u64 = 192 << 20;
/// Beyond this size no entry is applied, live or in a replay, until a checkpoint has begun: a
/// checkpoint is one atomic batch of the store, which is bounded. The rest of that bound is for the
/// entry that exceeds this size, which may touch some 20,000 learners for the first time since they
/// were saved, and for other records of the checkpoint. Should it not suffice, the group is sealed.
pub(super) const UNSAVED_BYTES_MAX: u64 = 256 << 20;
const _: () = assert!(UNSAVED_BYTES_MAX <= COMMIT_BYTES_MAX as u64 / 4);

/// The state at an entry boundary.
pub struct Capture {
    /// The group's own record.
    pub state: Vec<u8>,
    /// Changed records; may be collected while further entries are applied.
    pub changes: BoxFuture<'static, Vec<Change>>,
}
