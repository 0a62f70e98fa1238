//! Windows that closed: the learners concerned are told after the entry, as a chore, and nothing waits for it but checkpoints.

use std::sync::Arc;

use homeroom_core::shard::{EmissionSpan, EntryContext, ReadPoint};
use ractor::ActorRef;
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use super::{chores::Chores, directory::Directory, machine::ShardEvents};
use crate::learner::{Advance, LearnerMessage};

/// What is still to be carried out, and how far it has been.
#[derive(Debug)]
pub struct Closings {
    due: watch::Sender<Option<Due>>,
    /// Windows that end at or before this were emitted, ms of event time.
    carried_out_ms: watch::Receiver<i64>,
    /// Ends with the shard's machine; no checkpoint is made after that.
    _task: AbortOnDropHandle<()>,
}

/// Windows that are to be emitted, and what holds for them.
#[derive(Clone, Debug)]
struct Due {
    span: EmissionSpan,
    at: ReadPoint,
    context: Arc<EntryContext>,
}

struct Task {
    due: watch::Receiver<Option<Due>>,
    carried_out_ms: watch::Sender<i64>,
    directory: Directory,
    chores: Chores,
    events: Arc<dyn ShardEvents>,
}

impl Closings {
    /// Begins where windows up to a time were emitted, ms of event time.
    pub fn from(
        emitted_to_ms: i64,
        directory: Directory,
        chores: Chores,
        events: Arc<dyn ShardEvents>,
    ) -> Self {
        let (due, taken) = watch::channel(None);
        let (carried_out, carried_out_ms) = watch::channel(emitted_to_ms);
        let task = Task {
            due: taken,
            carried_out_ms: carried_out,
            directory,
            chores,
            events,
        };
        Self {
            due,
            carried_out_ms,
            _task: AbortOnDropHandle::new(tokio::spawn(task.run())),
        }
    }

    /// Has these windows emitted. Spans follow each other; those that wait are carried out as one.
    pub fn add(&self, span: EmissionSpan, at: ReadPoint, context: &Arc<EntryContext>) {
        let context = Arc::clone(context);
        self.due.send_replace(Some(Due { span, at, context }));
    }

    /// Windows that end at or before this were emitted, ms of event time.
    pub fn carried_out_ms(&self) -> i64 {
        *self.carried_out_ms.borrow()
    }

    /// Returns once the windows that end at or before a time were emitted, or nobody will.
    pub fn carried_out(&self, to_ms: i64) -> impl Future<Output = ()> + Send + use<> {
        let mut carried_out_ms = self.carried_out_ms.clone();
        async move {
            let _ = carried_out_ms
                .wait_for(|reached_ms| *reached_ms >= to_ms)
                .await;
        }
    }
}

impl Task {
    async fn run(mut self) {
        while self.due.changed().await.is_ok() {
            let due = self.due.borrow_and_update().clone();
            if let Some(due) = due {
                self.carry_out(due).await;
            }
        }
    }

    /// From where it last got to: a span that came meanwhile took the place of those before.
    async fn carry_out(&self, due: Due) {
        let from_ms = *self.carried_out_ms.borrow();
        let span = EmissionSpan {
            from_ms,
            ..due.span
        };
        let sizes_ms = due
            .context
            .settings
            .windows
            .iter()
            .map(|shape| shape.size_ms);
        let largest_ms = sizes_ms.max().unwrap_or_default();
        let actors = self
            .directory
            .with_events_since(from_ms.saturating_sub(largest_ms));
        let mut closed = 0;
        let mut portions = self.chores.portions(actors);
        while let Some(some) = portions.next().await {
            closed += tell(some, span, &due).await;
        }
        self.events.emitted(closed, 0);
        self.carried_out_ms.send_replace(span.to_ms);
    }
}

/// One message for each learner. Answers how many windows they emitted.
async fn tell(actors: &[ActorRef<LearnerMessage>], span: EmissionSpan, due: &Due) -> usize {
    let (reply, mut answers) = mpsc::channel(actors.len());
    for actor in actors {
        let advance = Advance {
            span,
            at: due.at,
            context: Arc::clone(&due.context),
            reply: reply.clone(),
        };
        // One that stops has nothing left to emit: that is when it may.
        let _ = actor.send_message(LearnerMessage::Advance(advance));
    }
    drop(reply);
    let mut closed = 0;
    while let Some(windows) = answers.recv().await {
        closed += windows;
    }
    closed
}
