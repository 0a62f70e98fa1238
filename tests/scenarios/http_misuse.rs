//! Misuse over HTTP: each mistake is answered clearly, and no acknowledged event is harmed.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::harness::wait::{PATIENCE, until};
use crate::harness::{Home, Node, check, http};
use crate::refusal_cases::{native, statement};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const LINES: (&str, &str) = ("Content-Type", "application/x-ndjson");
const GZIP: (&str, &str) = ("Content-Encoding", "gzip");
const PATHS: [&str; 2] = ["/v1/events", "/xAPI/statements"];
/// Bytes of the largest body that the node accepts.
const BODY_BYTES_MAX: usize = 256 * 1_024;
/// Bytes by which a few bodies of the largest size may grow the node's memory.
const BODIES_BYTES: u64 = 64 << 20;

/// A node with one acknowledged event of each endpoint.
struct Misused {
    home: Home,
    node: Node,
    /// Dead letters that the node must count at the end.
    refused: u64,
}

impl Misused {
    fn start() -> Misused {
        let home = Home::new(&["--shards", "2"])
            .with("ingest.request_bytes_max", "256KiB")
            .with("ingest.body_within", "700ms");
        let node = home.start();
        for (path, body) in [(PATHS[0], native()), (PATHS[1], statement())] {
            let answer = http::post(&home.url(path), &[JSON], body.to_string().as_bytes());
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        Misused {
            home,
            node,
            refused: 0,
        }
    }

    /// Posts to both endpoints a body that neither can accept.
    fn refused(&self, headers: &[(&str, &str)], body: &[u8], expected: (u16, &str)) {
        for path in PATHS {
            let answer = http::post(&self.home.url(path), headers, body);
            let (status, code) = answer.error();
            assert_eq!((status, code.as_str()), expected, "{path}: {headers:?}");
        }
    }

    /// The same for a body that is kept as a dead letter.
    fn kept(&mut self, headers: &[(&str, &str)], body: &[u8], expected: (u16, &str)) {
        self.refused(headers, body, expected);
        self.refused += 2;
    }

    /// Every acknowledged event is still there once, all dead letters are counted, and the node
    /// stops cleanly.
    fn end(self) {
        for (path, body) in [(PATHS[0], native()), (PATHS[1], statement())] {
            let answer = http::post(&self.home.url(path), &[JSON], body.to_string().as_bytes());
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        let sources = check::conserved(&self.home.cli());
        let sum = |name: &str| {
            sources
                .iter()
                .filter_map(|source| source[name].as_u64())
                .sum::<u64>()
        };
        let counted = ["accepted", "duplicate", "deadLettered"].map(sum);
        assert_eq!(counted, [2, 2, self.refused], "{sources:?}");
        assert!(self.node.stop().success());
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).expect("packed");
    packer.finish().expect("packed")
}

#[test]
fn bodies_that_are_no_json_are_kept_and_refused() {
    let mut misused = Misused::start();
    let malformed = (400, "malformed");
    misused.kept(&[JSON], b"no json", malformed);
    misused.kept(&[JSON], b"[{\"userId\":\"ada\"},", malformed);
    misused.kept(&[JSON], b"{\"userId\":\"\xff\xfe\"}", malformed);
    misused.kept(&[JSON], b"{\"userId\":\"a\0b\"}", malformed);
    misused.kept(&[JSON], b"\0\0\0\0", malformed);
    misused.kept(&[JSON, GZIP], &packed(b"{\"packed\":"), malformed);
    misused.kept(&[JSON], "[".repeat(10_000).as_bytes(), malformed);
    misused.end();
}

#[test]
fn bodies_that_can_not_be_read_are_refused() {
    let misused = Misused::start();
    let whole = packed(native().to_string().as_bytes());
    let unreadable = (400, "body_unreadable");
    misused.refused(&[JSON, GZIP], &whole[..whole.len() / 2], unreadable);
    misused.refused(&[JSON, GZIP], b"not gzip at all", unreadable);
    misused.refused(&[JSON, GZIP], &[&whole[..], b"tail"].concat(), unreadable);
    misused.refused(&[JSON], b"", (400, "empty_body"));
    misused.refused(&[JSON, GZIP], &packed(b" \n"), (400, "empty_body"));
    misused.refused(
        &[JSON, ("Content-Encoding", "br")],
        b"{}",
        (415, "unsupported_encoding"),
    );
    for other in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
    ] {
        misused.refused(&[("Content-Type", other)], b"{}", (415, "unsupported_type"));
    }
    misused.refused(&[], b"{}", (415, "unsupported_type"));
    misused.end();
}

#[test]
fn what_is_too_large_takes_no_memory() {
    let misused = Misused::start();
    let too_large = (413, "too_large");
    misused.refused(&[JSON], &vec![b' '; BODY_BYTES_MAX + 1], too_large);
    let before = misused.node.peak_memory();
    let bomb = packed(&vec![b'['; 200 << 20]);
    assert!(
        bomb.len() < BODY_BYTES_MAX,
        "refused for what it unpacks to"
    );
    for _ in 0..10 {
        misused.refused(&[JSON, GZIP], &bomb, too_large);
    }
    if let (Some(before), Some(after)) = (before, misused.node.peak_memory()) {
        assert!(
            after < before + BODIES_BYTES,
            "{before} bytes, then {after}"
        );
    }
    let many = format!("[{}0]", "0,".repeat(60_000));
    misused.refused(&[JSON], many.as_bytes(), (413, "too_many_events"));
    misused.end();
}

#[test]
fn deep_json_is_refused_for_what_it_is() {
    let mut misused = Misused::start();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let with = |mut sound: Value, id: &str, names: [&str; 2]| {
        sound[names[0]] = id.into();
        sound
            .to_string()
            .replacen('{', &format!("{{\"{}\":{deep},", names[1]), 1)
    };
    let events = [
        (deep.clone(), "SCHEMA_MISMATCH"),
        (format!("{{\"a\":{deep}}}"), "MALFORMED"),
        (with(native(), "deep", ["eventId", "unknown"]), "MALFORMED"),
    ];
    let lines: Vec<&str> = events.iter().map(|(line, _)| line.as_str()).collect();
    let answer = http::post(
        &misused.home.url(PATHS[0]),
        &[LINES],
        lines.join("\n").as_bytes(),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    let outcomes = &answer.json()["outcomes"];
    for (nth, (_, reason)) in events.iter().enumerate() {
        assert_eq!(outcomes[nth]["reason"], *reason, "{}", outcomes[nth]);
    }
    let id = "5f7b1f9e-0000-4000-8000-00000000000d";
    let statements = [deep.clone(), with(statement(), id, ["id", "unknown"])];
    for body in &statements {
        let answer = http::post(&misused.home.url(PATHS[1]), &[JSON], body.as_bytes());
        assert_eq!(answer.error(), (400, "statements_refused".to_owned()));
    }
    misused.refused += (events.len() + statements.len()) as u64;
    misused.end();
}

/// A connection over which `sent` was written.
fn connected(home: &Home, sent: &str) -> TcpStream {
    let address = home.url("");
    let address = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    stream.write_all(sent.as_bytes()).expect("sent");
    stream
}

#[test]
fn a_sender_that_expects_continue_is_answered_at_once() {
    let misused = Misused::start();
    for path in PATHS {
        let large = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 999999999\r\n\
             expect: 100-continue\r\n\r\n"
        );
        let mut answer = String::new();
        let mut stream = connected(&misused.home, &large);
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("too_large"), "{answer}");
    }
    misused.end();
}

/// Sends the head of a request and the beginning of its body.
fn begun(home: &Home, path: &str) -> TcpStream {
    let sent = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{\"userId\":"
    );
    connected(home, &sent)
}

#[test]
fn a_body_that_stops_in_its_middle_is_given_up() {
    let misused = Misused::start();
    for path in PATHS {
        let mut slow = begun(&misused.home, path);
        let asked = Instant::now();
        let mut answer = String::new();
        slow.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("body_timeout"), "{answer}");
        assert!(asked.elapsed() < PATIENCE);

        let mut half_closed = begun(&misused.home, path);
        half_closed.shutdown(Shutdown::Write).expect("closed");
        let mut answer = Vec::new();
        // Answered or cut off: a client that closes in the middle may no longer read.
        let _ = half_closed.read_to_end(&mut answer);
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"),
            "{answer:?}"
        );

        drop(begun(&misused.home, path));
    }
    misused.end();
}

/// Four of the largest bodies fill the queue. Each may take up to ten minutes.
fn home_with_a_small_queue() -> Home {
    Home::new(&["--shards", "1"])
        .with("ingest.request_bytes_max", "256KiB")
        .with("ingest.queue_bytes_max", "1MiB")
        .with("ingest.body_within", "10m")
}

#[test]
fn bodies_that_fill_the_room_make_others_come_again() {
    let home = home_with_a_small_queue();
    let _node = home.start();
    let post = |path: &str, sound: Value| {
        http::post(&home.url(path), &[JSON], sound.to_string().as_bytes())
    };
    let half = || {
        let sent = format!(
            "POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {BODY_BYTES_MAX}\r\n\r\n{}",
            "[".repeat(BODY_BYTES_MAX - 1)
        );
        connected(&home, &sent)
    };
    let mut held: Vec<TcpStream> = (0..4).map(|_| half()).collect();
    for (path, sound) in [(PATHS[0], native()), (PATHS[1], statement())] {
        let answer = until("a node without room", || {
            let answer = post(path, sound.clone());
            if answer.status == 200 {
                // The accepted request may have taken the space of one that was to fill the queue.
                held.push(half());
            }
            Some(answer).filter(|answer| answer.status != 200)
        });
        assert_eq!(answer.error(), (503, "overloaded".to_owned()));
        assert_eq!(answer.header("retry-after"), "1");
    }
    drop(held);
    for (path, sound) in [(PATHS[0], native()), (PATHS[1], statement())] {
        until("a node with room", || {
            (post(path, sound.clone()).status == 200).then_some(())
        });
    }
    check::conserved(&home.cli());
}

#[test]
fn paths_and_methods_that_are_not_there_are_named() {
    let misused = Misused::start();
    let url = |path: &str| misused.home.url(path);
    for (method, path, allowed) in [
        ("GET", PATHS[0], "POST"),
        ("DELETE", PATHS[1], "POST,PUT"),
        ("GET", PATHS[1], "POST,PUT"),
        ("POST", "/metrics", "GET,HEAD"),
        ("POST", "/xAPI/about", "GET,HEAD"),
    ] {
        let answer = http::send(method, &url(path), &[], b"");
        assert_eq!(
            answer.error(),
            (405, "method_not_allowed".to_owned()),
            "{path}"
        );
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
    for path in [
        "/",
        "/v1",
        "/v1/event",
        "/xAPI",
        "/xAPI/agents",
        "/v1/events/",
    ] {
        let answer = http::post(&url(path), &[JSON], b"{}");
        assert_eq!(answer.error(), (404, "not_found".to_owned()), "{path}");
    }
    for path in ["/metrics", "/healthz", "/readyz", "/xAPI/about"] {
        let answer = http::send("HEAD", &url(path), &[], b"");
        assert_eq!(
            (answer.status, answer.text()),
            (200, String::new()),
            "{path}"
        );
    }
    let about = http::send("GET", &url("/xAPI/about"), &[], b"");
    assert_eq!(
        about.json()["version"],
        json!(["1.0.0", "1.0.1", "1.0.2", "1.0.3", "2.0.0"])
    );
    misused.end();
}

#[test]
fn what_slow_senders_announce_takes_no_room() {
    let home = home_with_a_small_queue();
    let _node = home.start();
    let announced = format!("content-length: {BODY_BYTES_MAX}\r\n\r\n[");
    let chunked =
        "content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n1\r\n\u{1f}\r\n".to_owned();
    let head = "POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let _held: Vec<TcpStream> = [announced, chunked]
        .into_iter()
        .flat_map(|rest| std::iter::repeat_n(format!("{head}{rest}"), 20))
        .map(|sent| connected(&home, &sent))
        .collect();
    let answer = http::post(
        &home.url(PATHS[0]),
        &[JSON],
        native().to_string().as_bytes(),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
}
