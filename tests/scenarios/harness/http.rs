//! Plain HTTP requests.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::wait::PATIENCE;

/// Time limit of a request to a node that may be down.
const LOOK_WITHIN: Duration = Duration::from_secs(5);

fn agent(within: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(within))
        .http_status_as_error(false)
        .build()
        .into()
}

/// Status and body; `None` without an answer.
pub fn get(url: &str) -> Option<(u16, String)> {
    let mut answer = agent(LOOK_WITHIN).get(url).call().ok()?;
    let status = answer.status().as_u16();
    Some((
        status,
        answer.body_mut().read_to_string().unwrap_or_default(),
    ))
}

/// An answer of any status.
pub struct Answer {
    pub status: u16,
    headers: ureq::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// A header's value; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("text"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        let json = serde_json::from_slice(&self.body);
        json.unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The status, and the error code that programs distinguish errors by.
    pub fn error(&self) -> (u16, String) {
        let json = self.json();
        let code = json["error"]["code"].as_str();
        let code = code.unwrap_or_else(|| panic!("no code: {json}"));
        (self.status, code.to_owned())
    }
}

/// Sends any request.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).expect("a request");
    let mut answer = agent(PATIENCE)
        .run(request)
        .unwrap_or_else(|error| panic!("{method} {url}: {error}"));
    Answer {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        body: answer.body_mut().read_to_vec().expect("a body"),
    }
}

/// Posts bytes.
pub fn post(url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    send("POST", url, headers, body)
}

/// The `Authorization` value that makes `source` the source of posted statements.
pub fn credential(source: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{source}:")))
}

/// Posts JSON; `source` is the source of what is posted.
pub fn post_json(url: &str, source: Option<&str>, body: &[u8]) -> (u16, String) {
    let credential = credential(source.unwrap_or_default());
    let mut headers = vec![("Content-Type", "application/json")];
    if source.is_some() {
        headers.push(("Authorization", &credential));
    }
    let answer = post(url, &headers, body);
    (answer.status, answer.text())
}
