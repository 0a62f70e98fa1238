//! Tests of health, bounds and the end of connections.

use super::*;

#[tokio::test]
async fn health_says_what_readiness_says() {
    let served = quick().await;
    let answers = async |readiness: Readiness| {
        served.readiness.send_replace(readiness);
        let (live, ready) = (
            get(&served, "/healthz").await,
            get(&served, "/readyz").await,
        );
        let text = String::from_utf8(ready.body.to_vec()).expect("text");
        (live.status.as_u16(), ready.status.as_u16(), text)
    };
    let starting = answers(Readiness::not_ready("recovering")).await;
    assert_eq!(starting, (200, 503, "recovering\n".to_owned()));
    let ready = answers(Readiness::Ready).await;
    assert_eq!(ready, (200, 200, "ready\n".to_owned()));
    let impaired = answers(Readiness::ready_without("shard 3 has failed".to_owned())).await;
    assert_eq!(
        impaired,
        (200, 200, "ready\nshard 3 has failed\n".to_owned())
    );
    let failed = answers(Readiness::failed("the disk failed")).await;
    assert_eq!(failed, (503, 503, "the disk failed\n".to_owned()));
}

#[tokio::test]
async fn metrics_are_in_prometheus_form() {
    let served = quick().await;
    post(&served, &[JSON], "[]").await;
    let answer = get(&served, "/metrics").await;
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = String::from_utf8(answer.body.to_vec()).expect("text");
    assert!(text.contains("homeroom_publish_requests_total{transport=\"http\"} 1"));
}

#[tokio::test]
async fn other_paths_and_methods_are_refused_in_the_same_form() {
    let served = quick().await;
    let nowhere = get(&served, "/nowhere").await;
    assert_eq!(nowhere.code(), (404, "not_found".to_owned()));
    let method = get(&served, "/xAPI/statements").await;
    assert_eq!(method.code(), (405, "method_not_allowed".to_owned()));
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let served = quick().await;
    let mut stream = TcpStream::connect(served.address).await.expect("connected");
    let head = "POST /xAPI/statements HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn bodies_are_bounded_all_together() {
    let served = served(Duration::from_secs(3), Duration::ZERO).await;
    let large = format!("\"{}\"", " ".repeat(BODY_BYTES_MAX - 2));
    let mut held = JoinSet::new();
    for _ in 0..2 {
        let request = Request::post("/xAPI/statements")
            .header(JSON.0, JSON.1)
            .header("host", "node");
        let body = Full::new(Bytes::from(large.clone()));
        held.spawn(send(served.address, request.body(body).expect("a request")));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let answer = post(&served, &[JSON], "{}").await;
    assert_eq!(answer.code(), (503, "overloaded".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
}

/// Longer than any test waits.
const NEVER: Duration = Duration::from_secs(3_600);
/// More bytes than the kernel buffers for both sides of a connection. Once they are sent, the
/// server has read all earlier bytes.
const IN_THE_KERNEL: usize = 16 << 20;

/// Sends `bytes` bytes of an endless body, in small chunks.
async fn sent_slowly(served: &Served, bytes: usize) -> TcpStream {
    use tokio::io::AsyncWriteExt;
    let mut stream = TcpStream::connect(served.address).await.expect("connected");
    let head = "POST /v1/events HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("400\r\n{}\r\n", "[".repeat(0x400));
    let body = chunk.repeat(bytes / 0x400);
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(body.as_bytes()).await.expect("sent");
    stream
}

#[tokio::test]
async fn bodies_that_are_too_large_give_their_room_back_while_they_are_sent() {
    let served = served_within(Duration::ZERO, Duration::ZERO, NEVER).await;
    let mut refused = Vec::new();
    for _ in 0..2 {
        refused.push(sent_slowly(&served, BODY_BYTES_MAX + IN_THE_KERNEL).await);
    }
    let answer = post(&served, &[JSON], r#"{"verb":"x"}"#).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_shutdown_lets_requests_end_and_takes_no_new_ones() {
    let mut served = served(Duration::from_millis(600), Duration::from_secs(5)).await;
    let address = served.address;
    let _idle = TcpStream::connect(address).await.expect("connected");
    let stop = served.stop.take().expect("once");
    let mut stopping = JoinSet::new();
    stopping.spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let _ = stop.send(());
    });
    let answer = post(&served, &[JSON], r#"{"id":"last","verb":"x"}"#).await;
    assert_eq!(answer.json(), json!(["last"]));
    let ended = tokio::time::timeout(Duration::from_secs(2), served.server.join_next()).await;
    assert!(ended.is_ok_and(|ended| ended.is_some_and(|result| result.is_ok())));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_beyond_its_time() {
    let mut served = served(Duration::from_secs(60), Duration::from_millis(300)).await;
    let stop = served.stop.take().expect("once");
    let request = Request::post("/xAPI/statements")
        .header(JSON.0, JSON.1)
        .header("host", "node");
    let request = request
        .body(Full::new(Bytes::from("{}")))
        .expect("a request");
    let mut pending = JoinSet::new();
    pending.spawn(send(served.address, request));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let _ = stop.send(());
    let ended = tokio::time::timeout(Duration::from_secs(2), served.server.join_next()).await;
    assert!(ended.is_ok_and(|ended| ended.is_some_and(|result| result.is_ok())));
    assert!(
        pending
            .join_next()
            .await
            .is_some_and(|answer| answer.is_ok_and(|a| a.is_err()))
    );
}

#[tokio::test]
async fn the_longest_silent_connection_makes_room() {
    let served = quick().await;
    let mut silent = Vec::new();
    // Twice the bound: each beyond it closes the one that was opened first.
    for _ in 0..8 {
        silent.push(TcpStream::connect(served.address).await.expect("connected"));
    }
    assert_eq!(get(&served, "/healthz").await.status, StatusCode::OK);
    let mut byte = [0];
    for gone in &mut silent[..5] {
        let read = tokio::io::AsyncReadExt::read(gone, &mut byte).await;
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
    let closed = &served.metrics.render();
    let made_room = "homeroom_connections_closed_total{listener=\"http\",reason=\"made_room\"} 5";
    assert!(closed.contains(made_room), "{closed}");
}

#[tokio::test]
async fn a_connection_in_use_stays_while_silent_ones_go() {
    let served = served(Duration::from_millis(500), Duration::ZERO).await;
    let mut posting = std::pin::pin!(post(&served, &[JSON], r#"{"id":"x","verb":"x"}"#));
    let flood = async {
        let mut silent = std::collections::VecDeque::new();
        loop {
            let next = TcpStream::connect(served.address).await;
            silent.push_back(next.expect("connected"));
            // Twice the bound.
            if silent.len() > 8 {
                silent.pop_front();
            }
            tokio::task::yield_now().await;
        }
    };
    let answer = tokio::select! {
        answer = &mut posting => answer,
        () = flood => unreachable!("it is endless"),
    };
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_head_that_dribbles_is_given_up() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let served = quick().await;
    let stream = TcpStream::connect(served.address).await.expect("connected");
    let (mut answers, mut requests) = stream.into_split();
    let dribble = async {
        requests
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: node\r\nx: ")
            .await?;
        loop {
            requests.write_all(b"x").await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut rest = Vec::new();
    let closed = tokio::select! {
        closed = answers.read_to_end(&mut rest) => closed.map(|_| ()),
        refused = dribble => refused,
    };
    // Closed in order, or reset: it only has to end, without an answer.
    assert!(
        closed.is_ok()
            || closed
                .is_err_and(|error: std::io::Error| error.kind() != std::io::ErrorKind::TimedOut)
    );
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
    let silent = "homeroom_connections_closed_total{listener=\"http\",reason=\"silent\"} 1";
    assert!(served.metrics.render().contains(silent));
}
