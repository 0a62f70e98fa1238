//! The actor that all learners' actors are linked to.

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};

use crate::node::fatal::stop_process;

/// Sees learners' actors fail. A panic while judging an event is caught in the core; whatever else an actor dies of leaves its
/// learner in doubt.
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
