//! Statements in the forms of real clients and of a real data set.

use std::io::Read;
use std::path::Path;

use homeroom_core::Settings;

use super::{NOW_MS, context, xapi};
use crate::ingress::decode_xapi;

/// As `@xapi/xapi` sends them: version and object types spelt out, contexts with agents, objects
/// and languages.
const FROM_XAPI_JS: &str = r#"{
  "actor": {"objectType": "Agent", "name": "Ada", "mbox": "mailto:ada@example.org"},
  "verb": {"id": "http://adlnet.gov/expapi/verbs/answered", "display": {"en-US": "answered"}},
  "object": {
    "objectType": "Activity", "id": "https://example.org/quiz/1/question/2",
    "definition": {
      "type": "http://adlnet.gov/expapi/activities/cmi.interaction", "interactionType": "choice",
      "name": {"en-US": "Second question"}, "correctResponsesPattern": ["b"],
      "choices": [{"id": "a", "description": {"en-US": "A"}}, {"id": "b", "description": {"en-US": "B"}}]
    }
  },
  "result": {"score": {"scaled": 1, "raw": 2, "min": 0, "max": 2}, "success": true, "completion": true,
             "response": "b", "duration": "PT4.25S"},
  "context": {
    "registration": "ec531277-b57b-4c15-8d91-d292c5b2b8f7", "language": "en-US", "platform": "Example",
    "instructor": {"objectType": "Agent", "mbox": "mailto:teacher@example.org"},
    "contextActivities": {"parent": [{"objectType": "Activity", "id": "https://example.org/quiz/1"}]}
  },
  "timestamp": "2026-03-04T09:58:30.125Z"
}"#;

/// As TinCanJS sends and an LRS returns: 1.0 style, authority and stored time, attachments, nulls.
const FROM_TINCAN: &str = r#"{
  "id": "fd41c918-b88b-4b20-a0a5-a4c32391aaa0", "version": "1.0.0",
  "stored": "2026-03-04T09:59:02.000Z", "timestamp": "2026-03-04T10:59:00.123456+0100",
  "authority": {"objectType": "Agent", "account": {"homePage": "https://cloud.scorm.com/", "name": "key"}},
  "actor": {"account": {"homePage": "https://lms.example.org/", "name": "4711"}, "objectType": "Agent"},
  "verb": {"id": "http://adlnet.gov/expapi/verbs/passed", "display": {"und": "passed"}},
  "object": {"id": "https://example.org/quiz/1", "objectType": "Activity",
             "definition": {"type": "http://adlnet.gov/expapi/activities/assessment"}},
  "result": {"score": {"scaled": 0.8}, "success": true, "extensions": null},
  "context": {"contextActivities": {"grouping": {"id": "https://example.org/course/9",
              "definition": {"type": "http://adlnet.gov/expapi/activities/course"}}}},
  "attachments": []
}"#;

#[test]
fn a_statement_of_the_javascript_client() {
    let event = xapi(FROM_XAPI_JS).unwrap();
    assert_eq!(event.event_type.name(), "question_answered");
    assert_eq!(&*event.user_id, "mailto:ada@example.org");
    assert_eq!(
        event.session_id.as_deref(),
        Some("ec531277-b57b-4c15-8d91-d292c5b2b8f7")
    );
    assert_eq!(
        event.course_id.as_deref(),
        Some("https://example.org/quiz/1")
    );
    assert_eq!(
        event.object_id.as_deref(),
        Some("https://example.org/quiz/1/question/2")
    );
    assert_eq!(
        (event.score_millionths, event.duration_ms),
        (Some(1_000_000), Some(4_250))
    );
    assert_eq!(event.timestamp_ms, NOW_MS - 89_875);
}

#[test]
fn a_statement_of_the_tincan_client() {
    let event = xapi(FROM_TINCAN).unwrap();
    assert_eq!(event.event_type.name(), "quiz_submitted");
    assert_eq!(
        (&*event.user_id, event.score_millionths),
        ("4711", Some(800_000))
    );
    assert_eq!(event.session_id.as_deref(), Some("day:2026-03-04"));
    assert_eq!(
        event.course_id.as_deref(),
        Some("https://example.org/course/9")
    );
    assert_eq!(event.timestamp_ms, NOW_MS - 59_877);
}

/// Decodes all statements of a file; the number of events by type. All are of one course.
fn decoded(path: &Path, course: &str) -> Vec<(String, u32)> {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    let settings = Settings::default();
    let mut by_type = std::collections::BTreeMap::new();
    for line in text.lines() {
        let event = decode_xapi(line.as_bytes(), "fun", &context(&settings)).unwrap();
        assert_eq!(event.course_id.as_deref(), Some(course));
        assert!(event.object_id.is_some() && event.metadata.len() < 16);
        *by_type
            .entry(event.event_type.name().to_owned())
            .or_insert(0) += 1;
    }
    by_type.into_iter().collect()
}

fn counts(counts: [(&str, u32); 8]) -> Vec<(String, u32)> {
    let counts = counts.into_iter();
    counts
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

#[test]
fn every_statement_of_a_course_becomes_an_event() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    let path = fixtures.join("video_class.jsonl.gz");
    assert_eq!(
        decoded(&path, "course-v1:Example+00042+session01"),
        counts([
            ("downloaded", 13),
            ("video_completed", 58),
            ("video_ended", 22),
            ("video_initialized", 86),
            ("video_interacted", 203),
            ("video_paused", 320),
            ("video_played", 349),
            ("video_seeked", 149),
        ])
    );
    // The real course is not part of the repository; the one above has the same shapes.
    let Some(path) = std::env::var_os("HOMEROOM_XAPI_STATEMENTS") else {
        return;
    };
    assert_eq!(
        decoded(Path::new(&path), "course-v1:FUN-MOOC+00001+session01"),
        counts([
            ("downloaded", 27),
            ("video_completed", 324),
            ("video_ended", 167),
            ("video_initialized", 709),
            ("video_interacted", 1604),
            ("video_paused", 2308),
            ("video_played", 2333),
            ("video_seeked", 1219),
        ])
    );
}
