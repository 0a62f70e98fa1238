//! The steps of an install.

/// A step of an install that has ended, in order. Tests kill the process at each of them.
///
/// Until [`Self::Switched`] the group has its old state, also after a kill, and everything may be
/// undone. From then on it has the new one, also after a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InstallStep {
    /// The received files are a valid base of this group and cluster, ahead of the group, and they
    /// are durable. Next: a new tree is built of them.
    Verified,
    /// Another part of the new tree was built and flushed: so often as there are parts of
    /// [`import_part_bytes`](crate::store::checkpoint::CheckpointOptions::import_part_bytes).
    Built,
    /// The new tree is complete and durable. Next: it becomes the group's.
    Synced,
    /// The new tree is durably the group's, and so is its position. The bases are still the old
    /// ones, so the log must not be purged yet; a kill here is made good by the next open. Next:
    /// the received files become the group's only base.
    Switched,
    /// The received files are durably the group's only base. Next: the old tree is removed.
    BaseReplaced,
    /// The old tree is removed; if it is still read, by a later cut of a base. The log may be
    /// purged up to the new position.
    OldRemoved,
}
