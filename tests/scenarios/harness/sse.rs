//! Server-sent events, read from a plain socket.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::home::Home;
use super::wait::PATIENCE;

/// An open watch.
pub struct Events {
    lines: BufReader<TcpStream>,
    /// The status line and the headers.
    pub head: String,
}

impl Events {
    /// Requests a path. HTTP/1.0 makes the body plain bytes that end with the connection.
    pub fn open(home: &Home, path: &str) -> Events {
        let url = home.url("");
        let address = url.trim_start_matches("http://");
        let mut socket = TcpStream::connect(address).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
        socket.write_all(request.as_bytes()).expect("a request");
        let mut events = Events {
            lines: BufReader::new(socket),
            head: String::new(),
        };
        while let Some(line) = events.line().filter(|line| !line.is_empty()) {
            events.head.push_str(&line.to_lowercase());
            events.head.push('\n');
        }
        events
    }

    /// The next event's name and data; `None` at the end.
    pub fn next(&mut self) -> Option<(String, Value)> {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("event", value)) => value.clone_into(&mut name),
                Some(("data", value)) => data.push_str(value),
                // A comment begins with a colon.
                Some(_) => {}
                None if !data.is_empty() => {
                    let data = serde_json::from_str(&data);
                    return Some((name, data.expect("an event's data is JSON")));
                }
                None => {}
            }
        }
    }

    /// The first event that meets a condition.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self.next();
            let (_, data) = event.unwrap_or_else(|| panic!("the watch ended before {what}"));
            if holds(&data) {
                return data;
            }
        }
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).expect("a line in time");
        (read > 0).then(|| line.trim_end().to_owned())
    }
}
