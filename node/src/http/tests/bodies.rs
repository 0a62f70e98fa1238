//! Tests of the bound on all bodies, while bodies arrive.

use axum::body::Body;
use futures::stream::poll_fn;
use tokio::sync::mpsc;

use super::super::body::BodyLimits;
use super::super::error::HttpError;
use super::*;

const KIB: usize = 1_024;
/// Bound of one body. All together may take twice as much.
const KIB_MAX: usize = 8;
/// Longer than any test waits.
const NEVER: Duration = Duration::from_secs(3_600);

/// Bodies that arrive in chunks of 1 KiB.
struct Arriving {
    limits: Arc<BodyLimits>,
    /// They end with the test.
    receiving: JoinSet<Option<HttpError>>,
    /// Kept, so that no body ends before the test.
    senders: Vec<mpsc::Sender<Result<Bytes, hyper::Error>>>,
}

impl Arriving {
    fn new() -> Self {
        let bytes_max = KIB_MAX * KIB;
        Self {
            limits: Arc::new(BodyLimits::new(bytes_max, 2 * bytes_max as u64, NEVER)),
            receiving: JoinSet::new(),
            senders: Vec::new(),
        }
    }

    /// Starts a further body, of which `kib` KiB are received.
    async fn body(&mut self, kib: usize) {
        let (sender, mut chunks) = mpsc::channel(1);
        let body = Body::from_stream(poll_fn(move |context| chunks.poll_recv(context)));
        let limits = Arc::clone(&self.limits);
        self.receiving
            .spawn(async move { limits.receive(Request::new(body)).await.err() });
        for _ in 0..kib {
            let chunk = Bytes::from(vec![b'['; KIB]);
            sender.send(Ok(chunk)).await.expect("it is being received");
        }
        // The channel holds one chunk: once it has a free place, all earlier chunks are received.
        drop(sender.reserve().await);
        self.senders.push(sender);
    }

    /// The error for a small body that arrives now.
    async fn error_of_small_body(&self) -> Option<HttpError> {
        let small = Request::new(Body::from("{}"));
        self.limits.receive(small).await.err()
    }
}

#[tokio::test]
async fn bodies_that_fill_the_room_hold_it() {
    let mut arriving = Arriving::new();
    arriving.body(KIB_MAX).await;
    assert_eq!(arriving.error_of_small_body().await, None);
    arriving.body(KIB_MAX).await;
    assert_eq!(
        arriving.error_of_small_body().await,
        Some(HttpError::Overloaded)
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_gives_its_room_back_while_it_is_sent() {
    let mut arriving = Arriving::new();
    arriving.body(KIB_MAX + 1).await;
    arriving.body(KIB_MAX + 1).await;
    assert_eq!(arriving.error_of_small_body().await, None);
}

#[tokio::test]
async fn a_body_without_room_gives_back_what_it_had_while_it_is_sent() {
    let mut arriving = Arriving::new();
    arriving.body(KIB_MAX).await;
    arriving.body(KIB_MAX - 2).await;
    arriving.body(3).await;
    assert_eq!(arriving.error_of_small_body().await, None);
}
