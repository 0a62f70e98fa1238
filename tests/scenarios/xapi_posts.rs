//! The xAPI endpoint, as the standard requires of an LRS that accepts statements.

use serde_json::{Value, json};

use crate::harness::events::client;
use crate::harness::{Home, check, http};
use crate::refusal_cases::statement;

const JSON: (&str, &str) = ("Content-Type", "application/json");
const VERSION: (&str, &str) = ("X-Experience-API-Version", "1.0.3");

fn id(nth: u32) -> String {
    format!("5f7b1f9e-0000-4000-8000-{nth:012}")
}

fn numbered(nth: u32) -> Value {
    let mut statement = statement();
    statement["id"] = id(nth).into();
    statement
}

fn post(home: &Home, body: &Value) -> http::Answer {
    let url = home.url("/xAPI/statements");
    http::post(&url, &[JSON, VERSION], body.to_string().as_bytes())
}

fn put(home: &Home, id: &str, body: &Value) -> http::Answer {
    let url = home.url(&format!("/xAPI/statements?statementId={id}"));
    http::send("PUT", &url, &[JSON, VERSION], body.to_string().as_bytes())
}

/// Accepted, duplicate, conflicting and dead-lettered statements, of all received.
fn counts(home: &Home) -> [u64; 4] {
    let sources = check::conserved(&home.cli());
    assert_eq!(sources.len(), 1);
    ["accepted", "duplicate", "conflicting", "deadLettered"]
        .map(|name| sources[0][name].as_u64().expect("a count"))
}

#[test]
fn a_known_statement_is_taken_again_and_counted_once() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let batch = json!([numbered(1), numbered(2)]);
    for _ in 0..2 {
        let answer = post(&home, &batch);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json(), json!([id(1), id(2)]));
        assert_eq!(answer.header("x-experience-api-version"), "1.0.3");
        assert!(!answer.header("homeroom-position").is_empty());
        let answer = put(&home, &id(2), &numbered(2));
        assert_eq!((answer.status, answer.text()), (204, String::new()));
    }
    assert_eq!(counts(&home), [2, 4, 0, 0]);
    let mut nameless = numbered(3);
    nameless["id"] = Value::Null;
    assert_eq!(put(&home, &id(3), &nameless).status, 204);
    assert_eq!(post(&home, &numbered(3)).status, 200);
    assert_eq!(counts(&home), [3, 5, 0, 0]);
}

#[test]
fn a_known_statement_with_other_content_is_a_conflict_and_the_rest_counts() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    assert_eq!(post(&home, &numbered(1)).status, 200);
    let mut other = numbered(1);
    other["result"]["score"]["raw"] = 9.into();
    let answer = post(&home, &json!([numbered(2), other, numbered(3)]));
    assert_eq!(answer.error(), (409, "conflict".to_owned()));
    assert!(!answer.header("homeroom-position").is_empty());
    let refused = &answer.json()["error"]["statements"];
    assert_eq!(refused.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&refused[0]["index"], &refused[0]["id"]),
        (&json!(1), &json!(id(1)))
    );
    assert_eq!(
        put(&home, &id(1), &other).error(),
        (409, "conflict".to_owned())
    );
    assert_eq!(counts(&home), [3, 2, 2, 0]);
}

#[test]
fn a_statement_without_a_time_is_no_conflict_with_itself() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let mut untimed = statement();
    untimed["timestamp"] = Value::Null;
    untimed["id"] = Value::Null;
    let first = post(&home, &untimed);
    assert_eq!(first.status, 200, "{}", first.text());
    let again = post(&home, &untimed);
    assert_eq!((again.status, again.json()), (200, first.json()));
    let [accepted, duplicate, ..] = counts(&home);
    assert_eq!((accepted, duplicate), (1, 1));
}

#[test]
fn two_statements_of_one_id_are_refused_together() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let mut shouted = numbered(1);
    shouted["id"] = id(1).to_uppercase().into();
    let answer = post(&home, &json!([numbered(1), numbered(2), shouted]));
    assert_eq!(answer.error(), (400, "statements_refused".to_owned()));
    let refused = &answer.json()["error"]["statements"];
    assert_eq!(
        (&refused[0]["index"], &refused[0]["reason"]),
        (&json!(2), &json!("malformed"))
    );
    assert_eq!(counts(&home), [0, 0, 0, 1]);
}

#[test]
fn equal_statements_without_an_id_are_one() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let mut nameless = statement();
    nameless["id"] = Value::Null;
    let answer = post(&home, &json!([nameless, numbered(1), nameless]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let ids = answer.json();
    assert_eq!((&ids[0], &ids[1]), (&ids[2], &json!(id(1))));
    assert_eq!(counts(&home), [2, 1, 0, 0]);
}

/// An essay is answered now and marked later: the standard requires no result.
fn essay(nth: u32) -> Value {
    let mut essay = numbered(nth);
    essay["verb"]["id"] = "http://adlnet.gov/expapi/verbs/answered".into();
    essay["result"] = json!({"response": "To be or not to be"});
    essay
}

/// The standard allows a score below nothing, which can't be counted.
fn debt(nth: u32) -> Value {
    let mut debt = numbered(nth);
    debt["verb"]["id"] = "http://adlnet.gov/expapi/verbs/scored".into();
    debt["result"] = json!({"score": {"scaled": -0.5}});
    debt
}

#[test]
fn an_answer_that_nobody_has_rated_is_an_interaction() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let mut unsure = essay(2);
    unsure["result"]["success"] = Value::Null;
    let answer = post(&home, &json!([essay(1), unsure, numbered(3)]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(counts(&home), [3, 0, 0, 0]);
    let user = unsure["actor"]["account"]["name"].as_str();
    let url = home.url(&format!("/v1/learners/{}", user.expect("an account")));
    let learner = http::send("GET", &url, &[], b"").json();
    let interactions = &learner["profile"]["lastInteractions"];
    let types = [0, 1, 2].map(|nth| interactions[nth]["eventType"].as_str());
    assert!(types.contains(&Some("answered")), "{learner}");
    let assessments = learner["profile"]["lastAssessments"].as_array();
    assert_eq!(assessments.map(Vec::len), Some(1), "the quiz: {learner}");
}

#[test]
fn the_id_of_a_statement_that_tells_nothing_is_taken_as_well() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    for batch in [json!([debt(1), numbered(1)]), json!([numbered(2), debt(2)])] {
        let answer = post(&home, &batch);
        assert_eq!(answer.error(), (400, "statements_refused".to_owned()));
        let refused = &answer.json()["error"]["statements"];
        assert_eq!(
            (&refused[0]["index"], &refused[1]),
            (&json!(1), &Value::Null)
        );
    }
    assert_eq!(counts(&home), [0, 0, 0, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_by_the_learner_are_not_in_the_answer() {
    let home = Home::new(&["--shards", "1", "--retention", "1h"]);
    let _node = home.start();
    let mut old = numbered(2);
    old["timestamp"] = "2025-03-04T08:00:00Z".into();
    let mut newest = numbered(1);
    newest["timestamp"] = "2025-03-06T08:00:00Z".into();
    assert_eq!(post(&home, &newest).status, 200);
    let answer = post(&home, &json!([old, numbered(3)]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(counts(&home), [1, 0, 0, 2]);
    let page = client(&home)
        .dead_letter_pages(Default::default())
        .next()
        .await;
    let letters = page.expect("an answer").expect("a page");
    let reasons: Vec<&str> = letters
        .iter()
        .map(|letter| letter.reason().as_str_name())
        .collect();
    assert_eq!(reasons, ["DEAD_LETTER_REASON_BEYOND_RETENTION"; 2]);
}

#[test]
fn a_statement_that_is_sound_but_tells_nothing_harms_no_other() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let answer = post(&home, &json!([numbered(1), debt(2), numbered(3)]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json(), json!([id(1), id(2), id(3)]));
    assert_eq!(counts(&home), [2, 0, 0, 1]);
}

#[test]
fn answers_have_the_skill_that_the_setting_of_their_source_finds() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let iri = "https://example.org/skill";
    let setting = |from: &str| format!("sources.xapi.skill-from={from}");
    let changed = home
        .cli()
        .json(&["settings", "set", &setting(&format!("context:{iri}"))]);
    let shown = &changed["sources"]["xapi"]["skillFrom"];
    assert_eq!(shown, &json!(format!("context:{iri}")), "{changed}");
    let mut answer = essay(1);
    answer["result"]["success"] = true.into();
    answer["context"] = json!({"extensions": {iri: ["halves", "thirds"]}});
    assert_eq!(post(&home, &answer).status, 200);
    let url = home.url("/v1/learners/ada?consistency=linearizable");
    let learner = http::send("GET", &url, &[], b"").json();
    assert_eq!(
        learner["profile"]["skills"][0]["skillId"], "halves",
        "{learner}"
    );
    assert_eq!(learner["profile"]["skills"][0]["accuracy"]["attempts"], 1);
    for wrong in [
        "groupings",
        "context:",
        &format!("context:{}", "i".repeat(1_025)),
    ] {
        let refused = home.cli().run(&["settings", "set", &setting(wrong)]);
        assert!(!refused.status.success(), "{wrong}");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("skill_from"), "{said}");
    }
}

#[test]
fn an_id_is_the_same_in_letters_of_either_case() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let mut statement = numbered(1);
    for id in [
        "abcdef01-0000-4000-8000-00000000000a",
        "ABCDEF01-0000-4000-8000-00000000000A",
    ] {
        statement["id"] = id.into();
        assert_eq!(post(&home, &statement).status, 200);
    }
    assert_eq!(counts(&home), [1, 1, 0, 0]);
}

#[test]
fn a_group_without_a_name_is_refused_alone() {
    let home = Home::new(&["--shards", "2"]);
    let _node = home.start();
    let mut anonymous = numbered(1);
    let member = anonymous["actor"].take();
    anonymous["actor"] = json!({"objectType": "Group", "member": [member]});
    let answer = post(&home, &json!([anonymous, numbered(2)]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(counts(&home), [1, 0, 0, 1]);
}
