//! Whether the sled instance may still be used.

use std::io;
use std::sync::OnceLock;

use super::sled_dir::SledDir;
use super::sled_guard::SledFault;
use crate::store::checkpoint::damage::{Damage, Damaged};
use crate::store::group_id::GroupId;

/// Goes out of use at most once, until a restart, which rebuilds from bases if needed.
#[derive(Debug)]
pub(crate) struct Health {
    sled_dir: SledDir,
    out_of_use: OnceLock<String>,
}

impl Health {
    pub(crate) fn new(sled_dir: SledDir) -> Health {
        Health {
            sled_dir,
            out_of_use: OnceLock::new(),
        }
    }

    pub(crate) fn sled_dir(&self) -> &SledDir {
        &self.sled_dir
    }

    pub(crate) fn check(&self, group: GroupId) -> Result<(), Damaged> {
        match self.out_of_use.get() {
            None => Ok(()),
            Some(why) => Err(Damage::OutOfUse(why.clone()).of(group)),
        }
    }

    pub(crate) fn is_out_of_use(&self) -> bool {
        self.out_of_use.get().is_some()
    }

    /// Converts a failed read into damage. A panic takes the instance out of use, an error does
    /// not.
    pub(crate) fn fault(&self, group: GroupId, fault: SledFault) -> Damaged {
        let panicked = matches!(fault, SledFault::Panic(_));
        let damaged = fault.into_damage().of(group);
        if panicked {
            self.condemn(&damaged.to_string());
        }
        damaged
    }

    /// Takes the instance out of use. The next start uses its files as far as they verify. `true`
    /// for the first call.
    pub(crate) fn retire(&self, why: &str) -> bool {
        let first = self.out_of_use.set(why.to_owned()).is_ok();
        if first {
            tracing::error!(why, "the checkpoint store is out of use until a restart");
        }
        first
    }

    /// Takes the instance and its files out of use: the next start rebuilds them from bases.
    pub(crate) fn condemn(&self, why: &str) {
        if self.retire(why)
            && let Err(e) = self.mark_suspect(why)
        {
            tracing::error!(error = %e, "the checkpoint store could not be marked suspect");
        }
    }

    pub(crate) fn mark_suspect(&self, why: &str) -> io::Result<()> {
        self.sled_dir.mark_suspect(why)
    }
}
