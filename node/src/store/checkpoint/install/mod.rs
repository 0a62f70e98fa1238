//! Installs a base that was received from elsewhere in place of a group's state.
//!
//! The received files wait in a folder of their own. Of them a new tree is built beside the group's
//! tree; once it is durable, one record in sled makes it the group's, and the received files become
//! the group's only base. [`InstallStep`] names what lies between two steps. After a kill anywhere
//! the next open has all of the old state or all of the new one: the new one from
//! [`InstallStep::Switched`] on.
//!
//! Must not know: where a base comes from, the log.

mod import;
mod install_error;
mod install_step;
mod installed_mark;
mod installer;

pub(super) use import::{ImportError, import};
pub use install_error::InstallError;
pub use install_step::InstallStep;
