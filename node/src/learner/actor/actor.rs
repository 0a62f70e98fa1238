//! The actor of one active learner.

use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::{
    learner_ref::{LearnerRef, Next},
    message::LearnerMessage,
};

/// Holds a [`Learner`](homeroom_core::learner::Learner) and does to it what the shard says, message by message. Messages that find it
/// at rest are handled [where they are sent](LearnerRef::send); its own task handles those that had to wait.
pub struct LearnerActor;

impl Actor for LearnerActor {
    type Msg = LearnerMessage;
    type State = LearnerRef;
    type Arguments = LearnerRef;

    async fn pre_start(
        &self,
        myself: ActorRef<LearnerMessage>,
        learner: LearnerRef,
    ) -> Result<LearnerRef, ActorProcessingErr> {
        learner.take_in(myself);
        Ok(learner)
    }

    async fn handle(
        &self,
        myself: ActorRef<LearnerMessage>,
        message: LearnerMessage,
        learner: &mut LearnerRef,
    ) -> Result<(), ActorProcessingErr> {
        if learner.handle_left(message) == Next::Stops {
            myself.stop(None);
        }
        Ok(())
    }
}
