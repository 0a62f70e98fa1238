//! The seal of a group: set once a checkpoint was refused for its size.
//!
//! What the refused checkpoint captured is in no later one, so there is none until a restart, and
//! the group takes no more entries: its log could not be purged again. Reads go on. A restart
//! applies the log behind the last checkpoint once more, and comes to the same end unless the bound
//! is higher then.

use std::sync::Arc;

use tokio::sync::watch;

/// Whether a group is sealed, and why. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Seal(Arc<watch::Sender<Option<Arc<str>>>>);

impl Default for Seal {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Seal {
    /// Seals the group. The first reason stays.
    pub fn close(&self, why: &str) {
        self.0.send_if_modified(|reason| {
            let is_first = reason.is_none();
            if is_first {
                *reason = Some(why.into());
            }
            is_first
        });
    }

    /// The reason, once it is sealed.
    pub fn reason(&self) -> Option<Arc<str>> {
        self.0.borrow().clone()
    }

    /// Returns once it is sealed.
    pub async fn sealed(&self) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as this.
        let _ = receiver.wait_for(Option::is_some).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_stays() {
        let seal = Seal::default();
        assert_eq!(seal.reason(), None);
        seal.close("the first");
        seal.clone().close("another");
        seal.sealed().await;
        assert_eq!(seal.reason().as_deref(), Some("the first"));
    }
}
