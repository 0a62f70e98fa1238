//! One answer from each of several senders, collected: the last one wakes the receiver, once.
//!
//! Must not know: what the answers are.

use std::{mem, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Takes one sender's answer. Dropped without one, its place stays `None`.
#[derive(Debug)]
pub struct Slot<T> {
    place: usize,
    collected: Option<Arc<Mutex<Collected<T>>>>,
}

/// Receives all answers, in the order of their slots, once the last slot is used or dropped.
pub type Answers<T> = oneshot::Receiver<Vec<Option<T>>>;

#[derive(Debug)]
struct Collected<T> {
    answers: Vec<Option<T>>,
    missing: usize,
    receiver: Option<oneshot::Sender<Vec<Option<T>>>>,
}

/// Slots for a number of senders, and their answers. Without senders nothing is ever received.
pub fn fan_in<T>(senders: usize) -> (impl Iterator<Item = Slot<T>>, Answers<T>) {
    let (receiver, answers) = oneshot::channel();
    let collected = Arc::new(Mutex::new(Collected {
        answers: (0..senders).map(|_| None).collect(),
        missing: senders,
        receiver: Some(receiver),
    }));
    let slot = move |place| Slot {
        place,
        collected: Some(Arc::clone(&collected)),
    };
    ((0..senders).map(slot), answers)
}

impl<T> Slot<T> {
    /// Gives the answer. The receiver may be gone.
    pub fn send(mut self, answer: T) {
        self.settle(Some(answer));
    }

    fn settle(&mut self, answer: Option<T>) {
        let Some(collected) = self.collected.take() else {
            return;
        };
        let mut collected = collected.lock();
        collected.answers[self.place] = answer;
        collected.missing -= 1;
        if collected.missing == 0
            && let Some(receiver) = collected.receiver.take()
        {
            let _ = receiver.send(mem::take(&mut collected.answers));
        }
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        self.settle(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_together_in_their_slots_order() {
        let (slots, mut answers) = fan_in(4);
        let mut slots: Vec<Slot<&str>> = slots.collect();
        slots.pop().expect("four").send("last");
        drop(slots.pop());
        slots.swap_remove(0).send("first");
        assert!(answers.try_recv().is_err());
        slots.pop().expect("four").send("second");
        let answers = answers.try_recv().expect("all are there");
        assert_eq!(answers, [Some("first"), Some("second"), None, Some("last")]);
    }

    #[test]
    fn a_receiver_may_be_gone() {
        let (slots, answers) = fan_in::<()>(1);
        drop(answers);
        slots.for_each(drop);
    }
}
