//! When messages are handled, and in which order.

use std::sync::mpsc;

use tokio::task::JoinSet;

use super::*;
use crate::learner::{Look, NoBlocks, Read, Stored};

async fn ada() -> LearnerRef {
    let resident = ResidentLearner::of(Stored::nothing_of("ada"), Arc::new(NoBlocks));
    LearnerRef::unsupervised(resident).await
}

/// A look that reports that it was handled.
fn saying<T: Send + 'static>(what: T, to: &mpsc::Sender<T>) -> LearnerMessage {
    let to = to.clone();
    let look: Look = Box::new(move |_| {
        let _ = to.send(what);
    });
    LearnerMessage::Read(Read { look })
}

// On one thread the actor's task runs only where a test waits.

#[tokio::test]
async fn at_rest_a_message_is_handled_when_it_is_sent() {
    let ada = ada().await;
    let (said, heard) = mpsc::channel();
    assert!(ada.is_at_rest());
    ada.send(saying(1, &said)).expect("active");
    assert_eq!(heard.try_recv(), Ok(1));
}

#[tokio::test]
async fn while_somebody_is_inside_messages_wait_and_later_ones_behind_them() {
    let ada = ada().await;
    let (said, heard) = mpsc::channel();
    let inside = ada.try_lock().expect("at rest");
    ada.send(saying(1, &said)).expect("active");
    drop(inside);
    assert!(!ada.is_at_rest() && ada.try_lock().is_none());
    ada.send(saying(2, &said)).expect("active");
    assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Empty));
    drop(said);
    tokio::task::yield_now().await;
    assert_eq!(heard.iter().collect::<Vec<_>>(), [1, 2]);
    assert!(ada.is_at_rest());
}

#[tokio::test]
async fn who_comes_after_the_end_finds_nobody() {
    let ada = ada().await;
    let (said, heard) = mpsc::channel();
    ada.enqueue(saying(1, &said)).expect("active");
    ada.enqueue(LearnerMessage::Retire).expect("active");
    assert!(ada.try_lock().is_none());
    let _ = ada.send(saying(2, &said));
    drop(said);
    // Ends when the message sent too late is dropped.
    let heard = tokio::task::spawn_blocking(move || heard.iter().collect::<Vec<_>>());
    assert_eq!(heard.await.expect("no panic"), [1]);
    assert!(ada.try_lock().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_senders_messages_stay_in_order_on_whatever_way_they_came() {
    const SENDERS: usize = 8;
    const MESSAGES: usize = 2_000;
    let ada = ada().await;
    let (said, heard) = mpsc::channel();
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (ada, said) = (ada.clone(), said.clone());
        senders.spawn(async move {
            for number in 0..MESSAGES {
                let message = saying((sender, number), &said);
                let sent = match (sender + number) % 7 {
                    0 => ada.enqueue(message),
                    _ => ada.send(message),
                };
                sent.expect("active");
                if number % 64 == sender {
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    senders.join_all().await;
    drop(said);
    let heard = tokio::task::spawn_blocking(move || heard.iter().collect::<Vec<_>>());
    let mut next = [0; SENDERS];
    for (sender, number) in heard.await.expect("no panic") {
        assert_eq!(number, next[sender], "sender {sender}");
        next[sender] += 1;
    }
    assert_eq!(next, [MESSAGES; SENDERS]);
}
