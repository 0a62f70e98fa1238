//! Results in the shapes of real platforms: Moodle's plugin, H5P content, Articulate courses. All
//! conform to the standard and none is refused.

use homeroom_core::Settings;
use serde_json::{Value, json};

use super::context;
use crate::ingress::decode_standard_xapi;

const COURSE: &str = "https://moodle.example.org/course/view.php?id=2";

/// What one of Moodle's statements says of the activities around it.
fn moodle_context() -> Value {
    let activity = |id: &str, kind: &str| json!({"id": id, "objectType": "Activity", "definition": {"type": kind, "name": {"en": "x"}}});
    let site = activity(
        "https://moodle.example.org",
        "http://id.tincanapi.com/activitytype/lms",
    );
    let quiz = activity(
        "https://moodle.example.org/mod/quiz/view.php?id=1",
        "http://adlnet.gov/expapi/activities/assessment",
    );
    let course = activity(COURSE, "https://w3id.org/xapi/cmi5/activitytype/course");
    json!({
        "language": "en",
        "contextActivities": {"category": [site], "parent": [quiz, course]},
        "extensions": {"http://lrs.learninglocker.net/define/extensions/info": {"event_name": "x"}},
    })
}

/// H5P names only the content that the question is part of, as one object.
fn h5p_context() -> Value {
    json!({"contextActivities": {
        "parent": {"id": COURSE, "objectType": "Activity"},
        "category": [{"id": "http://h5p.org/libraries/H5P.MultiChoice-1.16"}],
    }})
}

fn statement(verb: &str, result: Value, context: Value) -> Value {
    json!({
        "actor": {"name": "Ada", "account": {"homePage": "https://moodle.example.org", "name": "7"}},
        "verb": {"id": format!("http://adlnet.gov/expapi/verbs/{verb}"), "display": {"en": verb}},
        "object": {
            "id": "https://moodle.example.org/question/question.php?cmid=1&id=1",
            "objectType": "Activity",
            "definition": {
                "type": "http://adlnet.gov/expapi/activities/cmi.interaction",
                "interactionType": "long-fill-in", "correctResponsesPattern": [],
                "extensions": {"http://h5p.org/x-api/h5p-local-content-id": 4},
            },
        },
        "result": result, "context": context,
        "timestamp": "2026-03-04T10:59:00+01:00",
    })
}

/// A verb, a result, and the type and the millionths of its event.
type Case = (&'static str, Value, &'static str, Option<u32>);

const RATED: &str = "question_answered";

/// An essay, a survey and a feedback form; a question of a quiz that was left out, one of a lesson,
/// and the quiz.
fn of_moodle() -> Vec<Case> {
    let choice = "http://learninglocker.net/xapi/cmi/choice/response";
    vec![
        (
            "answered",
            json!({"response": "To be, or not to be."}),
            "answered",
            None,
        ),
        (
            "answered",
            json!({"completion": true, "response": ""}),
            "answered",
            None,
        ),
        (
            "answered",
            json!({"completion": true, "response": "3", "extensions": {choice: "3"}}),
            "answered",
            None,
        ),
        (
            "answered",
            json!({"completion": false, "response": "", "success": false}),
            RATED,
            Some(0),
        ),
        (
            "answered",
            json!({"response": "a[.]b", "success": true}),
            RATED,
            Some(1_000_000),
        ),
        (
            "completed",
            json!({"completion": true, "success": true, "duration": "PT1S",
                   "score": {"min": 0, "max": 10, "raw": 7.5, "scaled": 0.75}}),
            "quiz_submitted",
            Some(750_000),
        ),
        (
            "completed",
            json!({"completion": true, "success": true}),
            "completed",
            None,
        ),
    ]
}

fn of_courseware() -> Vec<Case> {
    vec![
        // H5P: a rated question, one without a key, and a survey.
        (
            "answered",
            json!({"score": {"min": 0, "max": 3, "raw": 1, "scaled": 0.3333}, "success": false,
                   "completion": true, "duration": "PT12.34S", "response": "0[,]2"}),
            RATED,
            Some(333_333),
        ),
        (
            "answered",
            json!({"score": {"scaled": 0.5}, "completion": true}),
            RATED,
            Some(500_000),
        ),
        (
            "answered",
            json!({"success": null, "score": null}),
            "answered",
            None,
        ),
        // Points of an unknown maximum can't be rated; a verdict beside them can.
        ("answered", json!({"score": {"raw": 3}}), "answered", None),
        (
            "answered",
            json!({"score": {"min": 0, "max": 5}}),
            "answered",
            None,
        ),
        // Articulate: an answer with its time, and the end of a course without a score.
        (
            "answered",
            json!({"response": "choice_1", "success": true, "duration": "PT7.25S", "score": {}}),
            RATED,
            Some(1_000_000),
        ),
        (
            "passed",
            json!({"success": true, "duration": "PT5M"}),
            "passed",
            None,
        ),
    ]
}

#[test]
fn results_of_real_platforms_are_taken() {
    let settings = Settings::default();
    for (verb, result, name, millionths) in of_moodle().into_iter().chain(of_courseware()) {
        for around in [moodle_context(), h5p_context()] {
            let statement = statement(verb, result.clone(), around).to_string();
            let decoded = decode_standard_xapi(statement.as_bytes(), "lms", &context(&settings));
            let (event, is_timed) =
                decoded.unwrap_or_else(|refusal| panic!("{}: {statement}", refusal.detail));
            let found = (event.event_type.name(), event.score_millionths);
            assert_eq!(found, (name, millionths), "{statement}");
            assert_eq!(event.course_id.as_deref(), Some(COURSE));
            assert!(is_timed && event.user_id == "7");
        }
    }
}
