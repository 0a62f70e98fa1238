//! Fills a group's new tree from its bases.

use super::recover_error::RecoverError;
use super::recovery::Recovered;
use super::watchdog::Progress;
use crate::store::checkpoint::bases::{BaseDir, BaseError, BaseInfo};
use crate::store::checkpoint::install::{ImportError, import};
use crate::store::checkpoint::tree::group_tree::GroupTree;
use crate::store::checkpoint::tree::sled_guard::SledFault;

/// Fills an empty tree from the newest valid base. Invalid bases before it are set aside. The
/// result is not durable yet.
pub(super) fn rebuild(
    (tree, bases): (&GroupTree, &BaseDir),
    why: String,
    part_bytes: usize,
    progress: &Progress,
) -> Result<Recovered, RecoverError> {
    let group = tree.group;
    let mut why = why;
    while let Some(base) = bases.list().into_iter().next() {
        // Verified to the end before any of its records goes into the tree.
        match read_through(bases, &base, progress) {
            Ok(()) => {
                import_base(tree, (bases, &base), part_bytes, progress)?;
                let from = base.position;
                tracing::error!(group, %from, why, "a shard was rebuilt from a base");
                return Ok(Recovered::Rebuilt { from, why });
            }
            // The watchdog has given up: nothing may change any more.
            Err(error) if progress.is_given_up() => return Err(error.into()),
            Err(error) => {
                if let Some(error) = bases.reject_unless_environment(&base, error)? {
                    why.push_str(&format!(
                        "; the base at {} is invalid: {error}",
                        base.position
                    ));
                }
            }
        }
    }
    Ok(Recovered::Empty { why })
}

/// `Ok` if and only if the base is valid.
fn read_through(bases: &BaseDir, base: &BaseInfo, progress: &Progress) -> Result<(), BaseError> {
    let mut reader = bases.read(base)?;
    while reader.next()?.is_some() {
        progress.tick();
    }
    Ok(())
}

fn import_base(
    tree: &GroupTree,
    (bases, base): (&BaseDir, &BaseInfo),
    part_bytes: usize,
    progress: &Progress,
) -> Result<(), RecoverError> {
    let mut reader = bases.read(base)?;
    let imported = import(tree, &mut reader, part_bytes, || {
        progress.tick();
        Ok::<_, RecoverError>(())
    });
    imported.map(drop).map_err(|error| match error {
        ImportError::Base(error) => error.into(),
        ImportError::Sled(fault) => rebuild_failed(fault),
        ImportError::Pause(error) => error,
    })
}

pub(super) fn rebuild_failed(fault: SledFault) -> RecoverError {
    let environment = fault.is_environment();
    let what = fault.into_damage().to_string();
    if environment {
        return RecoverError::Environment(what);
    }
    RecoverError::Rebuild(what)
}
