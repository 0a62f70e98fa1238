//! The answers to a request's parts, brought together: whoever waits is woken once, by the last of them.

use std::{mem, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::part::{PartApplied, PartError};

/// What became of a part.
pub type PartAnswer = Result<PartApplied, PartError>;

/// Where one part's answer goes. Dropped without an answer it says [`PartError::Stopped`].
#[derive(Debug)]
pub struct Reply {
    place: usize,
    request: Option<Arc<Mutex<Answers>>>,
}

/// All answers to a request's parts, in their order, once the last is there.
pub type Replied = oneshot::Receiver<Vec<PartAnswer>>;

#[derive(Debug)]
struct Answers {
    given: Vec<PartAnswer>,
    missing: usize,
    waiter: Option<oneshot::Sender<Vec<PartAnswer>>>,
}

/// So many replies, and where their answers are to be waited for. Without any nothing ever comes there.
pub fn replies(parts: usize) -> (impl Iterator<Item = Reply>, Replied) {
    let (waiter, replied) = oneshot::channel();
    let request = Arc::new(Mutex::new(Answers {
        given: vec![Err(PartError::Stopped); parts],
        missing: parts,
        waiter: Some(waiter),
    }));
    let reply = move |place| Reply {
        place,
        request: Some(Arc::clone(&request)),
    };
    ((0..parts).map(reply), replied)
}

impl Reply {
    /// Answers for the part. Nobody need be waiting any more.
    pub fn send(mut self, answer: PartAnswer) {
        self.settle(answer);
    }

    fn settle(&mut self, answer: PartAnswer) {
        let Some(request) = self.request.take() else {
            return;
        };
        let mut answers = request.lock();
        answers.given[self.place] = answer;
        answers.missing -= 1;
        if answers.missing == 0
            && let Some(waiter) = answers.waiter.take()
        {
            // Who no longer waits will ask again, and hear that it was here.
            let _ = waiter.send(mem::take(&mut answers.given));
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.settle(Err(PartError::Stopped));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_together_in_their_parts_order() {
        let (replies, mut replied) = replies(3);
        let mut replies: Vec<Reply> = replies.collect();
        let applied = |index| PartApplied {
            index,
            outcomes: Vec::new(),
        };
        replies.pop().expect("three").send(Ok(applied(7)));
        // One that nobody took, one that was refused.
        drop(replies.pop());
        assert!(replied.try_recv().is_err());
        replies
            .pop()
            .expect("three")
            .send(Err(PartError::NotLeader));
        let answers = replied.try_recv().expect("all are there");
        assert_eq!(
            answers,
            [
                Err(PartError::NotLeader),
                Err(PartError::Stopped),
                Ok(applied(7))
            ]
        );
    }

    #[test]
    fn nobody_need_wait() {
        let (replies, replied) = replies(1);
        drop(replied);
        replies.for_each(drop);
    }
}
