//! All calls into sled go through [`guarded`].
//!
//! sled 0.34 reacts to damage on disk with errors, and sometimes with a panic. Both become a
//! [`SledFault`] here. sled may also wait without end: callers for which that matters limit the
//! wait from another thread (see `watchdog` and `syncer`).

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::store::checkpoint::damage::Damage;

thread_local! {
    static GUARDED_CALLS: Cell<u32> = const { Cell::new(0) };
}

/// Whether a panic on this thread, now, would be caught and turned into [`Damage::Panicked`].
///
/// A panic hook that aborts the process must ignore such panics.
pub fn panic_is_caught_here() -> bool {
    GUARDED_CALLS.get() > 0
}

/// A failed call into sled.
#[derive(Debug)]
pub(crate) enum SledFault {
    Error(sled::Error),
    /// sled's state may be inconsistent: the instance must not be used any more.
    Panic(String),
}

impl SledFault {
    /// Whether the environment failed and not the data: a rebuild would not help.
    pub(crate) fn is_environment(&self) -> bool {
        // EMFILE and ENFILE have no `ErrorKind`, and sled may have copied only the text of the
        // error.
        let out_of_files = |e: &io::Error| e.to_string().contains("Too many open files");
        match self {
            SledFault::Error(sled::Error::Io(e)) => {
                use io::ErrorKind::{OutOfMemory, PermissionDenied, ReadOnlyFilesystem};
                matches!(
                    e.kind(),
                    io::ErrorKind::StorageFull
                        | OutOfMemory
                        | PermissionDenied
                        | ReadOnlyFilesystem
                ) || out_of_files(e)
            }
            _ => false,
        }
    }

    /// Whether another instance holds sled's file lock.
    pub(crate) fn is_lock(&self) -> bool {
        match self {
            SledFault::Error(sled::Error::Io(e)) => {
                e.to_string().contains("could not acquire lock")
            }
            _ => false,
        }
    }

    pub(crate) fn into_damage(self) -> Damage {
        match self {
            SledFault::Error(e) => Damage::Sled(e.to_string()),
            SledFault::Panic(message) => Damage::Panicked(message),
        }
    }
}

/// Calls sled, and turns errors and panics into a [`SledFault`].
pub(crate) fn guarded<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, SledFault> {
    GUARDED_CALLS.set(GUARDED_CALLS.get() + 1);
    // Unwind safety: after a panic the instance goes out of use, so its state is not read any more.
    let outcome = catch_unwind(AssertUnwindSafe(call));
    GUARDED_CALLS.set(GUARDED_CALLS.get() - 1);
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(e)) => Err(SledFault::Error(e)),
        Err(panic) => Err(SledFault::Panic(panic_message(panic.as_ref()))),
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    // Some of sled's messages contain whole trees.
    text.chars().take(400).collect()
}
