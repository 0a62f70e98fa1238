//! Skills of statements, by the setting of their source. The statements have the shapes of real
//! platforms' ones: questions of Moodle and of H5P content, with the site as their category.

use homeroom_core::SourcePolicy;
use serde_json::{Value, json};

use super::{context, settings_with};
use crate::ingress::decode_xapi;

/// An answer in a quiz, with two skills in each place that a setting can name.
fn answer() -> Value {
    json!({
        "actor": {"name": "Ada", "account": {"homePage": "https://moodle.example.org", "name": "7"}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/answered", "display": {"en": "Answered"}},
        "object": {
            "objectType": "Activity", "id": "https://moodle.example.org/question.php?id=3",
            "definition": {
                "type": "http://adlnet.gov/expapi/activities/cmi.interaction",
                "interactionType": "choice", "name": {"en": "Halves"},
                "extensions": {
                    "https://example.org/skills": ["urn:of:definition", 7, "", "urn:second"],
                    "http://h5p.org/x-api/h5p-local-content-id": 4,
                },
            },
        },
        "result": {
            "success": true, "completion": true, "response": "1/2",
            "score": {"min": 0, "max": 2, "raw": 1, "scaled": 0.5},
        },
        "context": {
            "language": "en", "platform": "Moodle",
            "contextActivities": {
                "grouping": [
                    {"id": "https://moodle.example.org/course/2",
                     "definition": {"type": "http://adlnet.gov/expapi/activities/course"}},
                    {"id": "urn:of:grouping"}, {"id": "urn:third"},
                ],
                "category": [{"id": "https://w3id.org/xapi/video"}, {"id": "urn:of:category"}],
            },
            "extensions": {"https://example.org/skill": "urn:of:context"},
        },
        "timestamp": "2026-03-04T09:59:00Z",
    })
}

/// The skill, the others, and the context's extension in the metadata.
fn skill(statement: &Value, from: &str) -> [Option<String>; 3] {
    let policy = SourcePolicy {
        skill_from: (!from.is_empty()).then(|| from.parse().expect(from)),
        ..SourcePolicy::default()
    };
    let settings = settings_with("moodle", policy);
    let payload = statement.to_string();
    let event = decode_xapi(payload.as_bytes(), "moodle", &context(&settings)).expect("accepted");
    assert_eq!(event.score_millionths, Some(500_000));
    let kept = |name: &str| {
        let entry = event.metadata.iter().find(|(given, _)| given == name);
        entry.map(|(_, value)| value.to_string())
    };
    [
        event.skill_id.as_deref().map(str::to_owned),
        kept("otherSkillIds"),
        kept("https://example.org/skill"),
    ]
}

#[test]
fn the_first_skill_of_the_named_place_counts_and_others_are_kept() {
    let some = |text: &str| Some(text.to_owned());
    let in_context = some("urn:of:context");
    let cases = [
        ("", None, None),
        (
            "grouping",
            some("urn:of:grouping"),
            some(r#"["urn:third"]"#),
        ),
        ("category", some("urn:of:category"), None),
        (
            "definition:https://example.org/skills",
            some("urn:of:definition"),
            some(r#"["urn:second"]"#),
        ),
        (
            "context:https://example.org/skill",
            in_context.clone(),
            None,
        ),
        ("context:https://example.org/other", None, None),
        // Numbers are no skills.
        (
            "definition:http://h5p.org/x-api/h5p-local-content-id",
            None,
            None,
        ),
    ];
    for (from, first, others) in cases {
        let expected = [first, others, in_context.clone()];
        assert_eq!(skill(&answer(), from), expected, "{from}");
    }
}

#[test]
fn several_skills_of_a_context_stand_in_its_extension() {
    let mut answer = answer();
    answer["context"]["extensions"]["https://example.org/skill"] = json!(["urn:a", "urn:b"]);
    let [first, others, kept] = skill(&answer, "context:https://example.org/skill");
    assert_eq!((first.as_deref(), others), (Some("urn:a"), None));
    assert_eq!(kept.as_deref(), Some(r#"["urn:a","urn:b"]"#));
}

#[test]
fn a_faulty_place_has_no_skill_and_harms_nothing() {
    let mut answer = answer();
    answer["object"]["definition"]["extensions"] = json!("none");
    answer["context"]["contextActivities"] = json!({"grouping": {"id": ""}, "category": null});
    for from in [
        "grouping",
        "category",
        "definition:https://example.org/skills",
    ] {
        let [first, others, _] = skill(&answer, from);
        assert_eq!((first, others), (None, None), "{from}");
    }
}
