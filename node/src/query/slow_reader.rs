//! Streams whose reader may stop reading.

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use futures::{Stream, StreamExt, stream};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;

use crate::status;

/// The stream of a streaming method.
pub type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A reader that takes no answer for this long, while one waits for it, is cut off.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// Passes answers on as they are read: the next one is asked for once the last one is taken. When
/// the reader takes none for long, the stream and all that it holds are dropped, and the reader
/// gets an error.
pub fn bounded<T: Send + 'static>(
    answers: impl Stream<Item = Result<T, Status>> + Send + 'static,
) -> Answers<T> {
    let (sender, receiver) = mpsc::channel(1);
    let pump = AbortOnDropHandle::new(tokio::spawn(async move {
        let mut answers = pin!(answers);
        loop {
            let Ok(place) = timeout(READ_WITHIN, sender.reserve()).await else {
                return false;
            };
            let Ok(place) = place else { return true };
            match answers.next().await {
                Some(answer) => place.send(answer),
                None => return true,
            }
        }
    }));
    let state = (receiver, Some(pump));
    Box::pin(stream::unfold(state, |(mut receiver, mut pump)| async {
        if let Some(answer) = receiver.recv().await {
            return Some((answer, (receiver, pump)));
        }
        // All answers are read, so the task has ended.
        let end = match pump.take()?.await {
            Ok(true) => return None,
            Ok(false) => status::unavailable("SLOW_READER", "no answer was read for 30 s"),
            // The answers did not end by themselves.
            Err(_) => status::unavailable("STOPPING", "the node is stopping"),
        };
        Some((Err(end), (receiver, pump)))
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tonic::Code;

    use super::*;

    fn numbers(held: Arc<()>) -> impl Stream<Item = Result<u32, Status>> + Send + 'static {
        stream::iter(0..5).map(move |number| {
            let _held = &held;
            Ok(number)
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_reads_gets_every_answer_however_late_it_reads_each() {
        let mut answers = bounded(numbers(Arc::new(())));
        for expected in 0..5 {
            tokio::time::sleep(READ_WITHIN * 9 / 10).await;
            let answer = answers.next().await.expect("an answer").expect("no error");
            assert_eq!(answer, expected);
        }
        assert!(answers.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_reading_is_cut_off_and_keeps_nothing_alive() {
        let held = Arc::new(());
        let mut answers = bounded(numbers(Arc::clone(&held)));
        assert_eq!(
            answers.next().await.expect("an answer").expect("no error"),
            0
        );
        tokio::time::sleep(READ_WITHIN * 2).await;
        assert_eq!(Arc::strong_count(&held), 1, "the stream is gone");
        // What was waiting, then the reason.
        assert_eq!(
            answers.next().await.expect("an answer").expect("no error"),
            1
        );
        let error = answers.next().await.expect("an end").unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert!(answers.next().await.is_none());
    }

    #[tokio::test]
    async fn a_reader_that_goes_ends_the_stream() {
        let held = Arc::new(());
        let silent = Arc::clone(&held);
        let never = stream::pending::<Result<u32, Status>>().inspect(move |_| {
            let _held = &silent;
        });
        drop(bounded(never));
        while Arc::strong_count(&held) > 1 {
            tokio::task::yield_now().await;
        }
    }
}
