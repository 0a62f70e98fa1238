//! Native events over HTTP mean the same as over any other interface.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use homeroom_client::v1;
use homeroom_client::v1::learner_service_client::LearnerServiceClient;
use homeroom_tests::generator::GeneratorSettings;
use homeroom_tests::oracle::{NaiveModel, Settings};
use serde_json::{Value, json};

use crate::harness::events::connect;
use crate::harness::{Home, Input, Seed, check, http, settings};

/// Lines of one request.
const REQUEST: usize = 400;
const LINES: (&str, &str) = ("Content-Type", "application/x-ndjson");
const JSON: (&str, &str) = ("Content-Type", "application/json");
const GZIP: (&str, &str) = ("Content-Encoding", "gzip");

fn model(lines: &[String], times: usize) -> NaiveModel {
    let mut model = NaiveModel::new(Settings {
        listener: "listener:http".to_owned(),
        ..settings()
    });
    for line in (0..times).flat_map(|_| lines) {
        model.deliver_native(line.as_bytes());
    }
    model
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).expect("packed");
    packer.finish().expect("packed")
}

/// Posts all lines in alternating forms. Returns the number of outcomes of each kind.
fn post_all(home: &Home, lines: &[String]) -> [u64; 5] {
    let url = home.url("/v1/events");
    let mut sums = [0; 5];
    for (nth, request) in lines.chunks(REQUEST).enumerate() {
        let by_line = request.join("\n");
        let answer = match nth % 3 {
            0 => http::post(&url, &[LINES], by_line.as_bytes()),
            1 => http::post(&url, &[LINES, GZIP], &packed(by_line.as_bytes())),
            // The first line of a body decides whether it is one event or lines. Some lines are
            // broken on purpose.
            _ if serde_json::from_str::<Value>(&request[0]).is_ok_and(|json| json.is_object()) => {
                http::post(&url, &[JSON], by_line.as_bytes())
            }
            _ => http::post(&url, &[LINES], by_line.as_bytes()),
        };
        assert_eq!(answer.status, 200, "{}", answer.text());
        let position = answer.header("homeroom-position").to_owned();
        let answer = answer.json();
        assert_eq!(answer["position"], position);
        assert_eq!(
            answer["outcomes"].as_array().map(Vec::len),
            Some(request.len())
        );
        let names = [
            "received",
            "accepted",
            "duplicate",
            "shadowed",
            "deadLettered",
        ];
        for (sum, name) in sums.iter_mut().zip(names) {
            *sum += answer[name].as_u64().expect("a count");
        }
    }
    sums
}

fn expected(model: &NaiveModel) -> [u64; 5] {
    let total = model.counts().total();
    let dead = total.dead_lettered.values().sum();
    [
        total.received,
        total.accepted,
        total.duplicate,
        total.shadowed,
        dead,
    ]
}

#[test]
fn posted_events_mean_what_they_mean_elsewhere() {
    let home = Home::new(&["--shards", "4"]);
    let _node = home.start();
    let seed = Seed::of("posted_events::posted_events_mean_what_they_mean_elsewhere");
    let generated = GeneratorSettings {
        lines: 10_000,
        learners: 200,
        broken: 0.01,
        seed: seed.seed,
        ..GeneratorSettings::default()
    };
    let input = Input::generate(&home, generated);
    let (once, twice) = (model(&input.lines, 1), model(&input.lines, 2));
    assert!(
        expected(&once)[4] > 0,
        "an input without refusals tests half"
    );
    assert_eq!(post_all(&home, &input.lines), expected(&once));
    check::windows(&home.cli(), &once);
    let sums = post_all(&home, &input.lines);
    let (before, after) = (expected(&once), expected(&twice));
    assert_eq!(sums, std::array::from_fn(|at| after[at] - before[at]));
    check::windows(&home.cli(), &once);
    check::ledger(&home.cli(), &twice);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_with_the_position_of_an_answer_sees_the_event() {
    let home = Home::new(&["--shards", "4"]);
    let _node = home.start();
    let mut learners = LearnerServiceClient::new(connect(&home).await);
    for nth in 1..=20_u64 {
        let event = json!({
            "userId": "ada", "sessionId": "s", "timestamp": "2025-03-05T08:00:00Z",
            "eventType": "click", "source": "lms", "objectId": nth.to_string(),
        });
        let url = home.url("/v1/events");
        let answer = http::post(&url, &[JSON], event.to_string().as_bytes());
        let id = answer.json()["outcomes"][0]["eventId"].clone();
        assert!(
            id.as_str().is_some_and(|id| id.starts_with("derived:")),
            "{id}"
        );
        let position = answer.header("homeroom-position").parse();
        let request = v1::GetLearnerRequest {
            user_id: "ada".to_owned(),
            read: Some(v1::ReadOptions {
                position: Some(position.expect("a position")),
                ..v1::ReadOptions::default()
            }),
            ..v1::GetLearnerRequest::default()
        };
        let answer = learners.get_learner(request).await.expect("an answer");
        let profile = answer.into_inner().profile.expect("a profile");
        assert_eq!(profile.events, nth);
    }
}
