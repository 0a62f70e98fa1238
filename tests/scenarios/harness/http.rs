//! Plain HTTP requests.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::wait::PATIENCE;

/// A look at a node that may not be up must not last.
const LOOK_WITHIN: Duration = Duration::from_secs(5);

fn agent(within: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(within))
        .http_status_as_error(false)
        .build()
        .into()
}

/// Status and body; none when nobody answers.
pub fn get(url: &str) -> Option<(u16, String)> {
    let mut answer = agent(LOOK_WITHIN).get(url).call().ok()?;
    let status = answer.status().as_u16();
    Some((
        status,
        answer.body_mut().read_to_string().unwrap_or_default(),
    ))
}

/// Status, the position that the answer has reached, and body, asked for at a position.
pub fn get_at(url: &str, position: &str) -> (u16, String, String) {
    let request = agent(PATIENCE)
        .get(url)
        .header("Homeroom-Position", position);
    let mut answer = request
        .call()
        .unwrap_or_else(|error| panic!("{url}: {error}"));
    let reached = answer.headers().get("homeroom-position");
    let reached = reached.and_then(|value| value.to_str().ok());
    let reached = reached.unwrap_or_default().to_owned();
    let status = answer.status().as_u16();
    (
        status,
        reached,
        answer.body_mut().read_to_string().expect("a body"),
    )
}

/// Posts JSON under a name that is the source of what is posted.
pub fn post_json(url: &str, source: Option<&str>, body: &[u8]) -> (u16, String) {
    let mut request = agent(PATIENCE)
        .post(url)
        .header("Content-Type", "application/json");
    if let Some(source) = source {
        request = request.header(
            "Authorization",
            format!("Basic {}", STANDARD.encode(format!("{source}:"))),
        );
    }
    let mut answer = request
        .send(body)
        .unwrap_or_else(|error| panic!("{url}: {error}"));
    let status = answer.status().as_u16();
    (status, answer.body_mut().read_to_string().expect("a body"))
}
