//! The supervisor of all learners' actors.

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};

use crate::node::fatal::stop_process;

/// Stops the process when an actor fails. The core catches panics while it judges an event; after
/// any other failure the state of the learner is uncertain.
pub struct Supervisor;

impl Actor for Supervisor {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(actor, error) = event {
            stop_process(&format!(
                "the learner actor {} failed: {error}",
                actor.get_id()
            ));
        }
        Ok(())
    }
}
