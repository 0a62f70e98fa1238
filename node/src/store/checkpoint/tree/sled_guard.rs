//! The one door through which sled is called.
//!
//! sled 0.34 answers damage on disk with errors, and in places with a panic. Both become a
//! [`SledFault`] here. What sled may also do is wait for ever; whoever calls from a place where
//! that matters bounds the wait from another thread (see `watchdog` and `syncer`).

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::store::checkpoint::damage::Damage;

thread_local! {
    static GUARDED_CALLS: Cell<u32> = const { Cell::new(0) };
}

/// Whether a panic on this thread, now, would be caught and turned into [`Damage::Panicked`].
///
/// For a process that aborts in its panic hook: such a hook must leave these panics alone.
pub fn panic_is_caught_here() -> bool {
    GUARDED_CALLS.get() > 0
}

/// How a call into sled failed.
#[derive(Debug)]
pub(crate) enum SledFault {
    Error(sled::Error),
    /// sled's own state may be inconsistent from here on: the instance must not be used again.
    Panic(String),
}

impl SledFault {
    /// The environment's fault rather than the data's: rebuilding would not help.
    pub(crate) fn is_environment(&self) -> bool {
        // EMFILE and ENFILE have no `ErrorKind`, and sled may have copied the error without its
        // number, keeping the text only.
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

    /// sled's file lock is held by another instance.
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

/// Calls into sled; errors and panics come back as a [`SledFault`].
pub(crate) fn guarded<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, SledFault> {
    GUARDED_CALLS.set(GUARDED_CALLS.get() + 1);
    // Unwind safety: after a panic the instance is taken out of use, so nothing sees what the
    // panic may have left half done.
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
    // sled prints whole trees into some of its messages.
    text.chars().take(400).collect()
}
