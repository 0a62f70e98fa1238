//! Hand-made examples of accepted, refused, repeated and mapped events; each names the rule that it
//! shows.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::golden::event;
use super::{
    ActorForm, NaiveEvent, NaiveModel, Outcome, Reason, Settings, SkillPlace, parse_native,
    parse_xapi,
};

fn refusal(line: &str) -> Option<Reason> {
    let settings = Settings {
        now_ms: Some(1_741_168_800_000),
        ..Settings::default()
    };
    parse_native(line.as_bytes(), &settings)
        .err()
        .map(|refusal| refusal.reason)
}

fn refusal_with(event_type: &str, more: Value) -> Option<Reason> {
    refusal(&event("1", 0.0, event_type, more))
}

fn check(cases: &[(&str, Value, Option<Reason>)]) {
    for (event_type, more, expected) in cases {
        let got = refusal_with(event_type, more.clone());
        assert_eq!(got, *expected, "{event_type} {:.100}", more.to_string());
    }
}

#[test]
fn each_refusal_has_its_reason() {
    assert_eq!(refusal("{\"userId\":"), Some(Reason::Malformed));
    assert_eq!(refusal("[1]"), Some(Reason::SchemaMismatch));
    check(&[
        ("click", json!({}), None),
        (
            "click",
            json!({"essay": "x".repeat(66_000)}),
            Some(Reason::Oversized),
        ),
        ("click", json!({"userId": 7}), Some(Reason::SchemaMismatch)),
        (
            "click",
            json!({"metadata": []}),
            Some(Reason::SchemaMismatch),
        ),
        ("click", json!({"userId": ""}), Some(Reason::MissingField)),
        (
            "click",
            json!({"sessionId": ""}),
            Some(Reason::MissingField),
        ),
        ("unenrolled", json!({"sessionId": ""}), None),
        (
            "quiz_submitted",
            json!({"score": 1}),
            Some(Reason::MissingField),
        ),
        (
            "question_answered",
            json!({"score": 1}),
            Some(Reason::MissingField),
        ),
        ("question_answered", json!({"success": false}), None),
    ]);
}

#[test]
fn times_and_scores_have_bounds() {
    check(&[
        (
            "click",
            json!({"timestamp": 1_741_168_800_000_i64}),
            Some(Reason::BadTimestamp),
        ),
        (
            "click",
            json!({"timestamp": "2025-02-30T10:00:00Z"}),
            Some(Reason::BadTimestamp),
        ),
        (
            "click",
            json!({"timestamp": "2025-03-05T10:01:00.000Z"}),
            None,
        ),
        (
            "click",
            json!({"timestamp": "2025-03-05T10:01:00.001Z"}),
            Some(Reason::FutureTimestamp),
        ),
        (
            "click",
            json!({"watchedMs": -1}),
            Some(Reason::ValueOutOfRange),
        ),
        (
            "quiz_submitted",
            json!({"score": 3, "maxScore": 2}),
            Some(Reason::ValueOutOfRange),
        ),
        (
            "quiz_submitted",
            json!({"score": 0, "maxScore": 0}),
            Some(Reason::ValueOutOfRange),
        ),
    ]);
}

#[test]
fn the_first_reason_in_order_is_given() {
    let all_wrong = json!({"userId": "", "timestamp": "now", "watchedMs": -1});
    assert_eq!(refusal_with("click", all_wrong), Some(Reason::MissingField));
    assert_eq!(
        refusal_with("click", json!({"timestamp": "now", "watchedMs": -1})),
        Some(Reason::BadTimestamp)
    );
    assert_eq!(
        refusal_with("click", json!({"timestamp": 5, "userId": 7})),
        Some(Reason::SchemaMismatch)
    );
}

#[test]
fn extra_credit_allows_twice_the_maximum() {
    let settings = Settings {
        extra_credit: ["lms".to_owned()].into(),
        ..Settings::default()
    };
    let judge = |score: u32| {
        let line = event(
            "1",
            0.0,
            "quiz_submitted",
            json!({"score": score, "maxScore": 2}),
        );
        parse_native(line.as_bytes(), &settings).map(|event| event.score_millionths())
    };
    assert_eq!(judge(4), Ok(Some(2_000_000)));
    assert!(judge(5).is_err());
}

#[test]
fn aliases_and_offsets_normalise_to_the_same_event() {
    let aliased = json!({
        "event_id": "1", "user_id": "ada", "session_id": "s", "course_id": "c", "event_type": "quiz_submitted",
        "source": "lms", "timestamp": "2025-03-05T11:00:00.0009+01:00", "score": 1, "max_score": 3,
        "watched_s": 1.5, "position": 2, "colour": "red",
    });
    let plain = json!({
        "courseId": "c", "score": 1, "maxScore": 3, "watchedMs": 1500, "positionMs": 2000, "metadata": {"colour": "red"},
    });
    let parse = |line: String| parse_native(line.as_bytes(), &Settings::default()).unwrap();
    assert_eq!(
        parse(aliased.to_string()),
        parse(event("1", 0.0, "quiz_submitted", plain))
    );
}

#[test]
fn times_before_1970_are_truncated_towards_the_past() {
    let line = event(
        "1",
        0.0,
        "click",
        json!({"timestamp": "1969-12-31T23:59:59.9995Z"}),
    );
    assert_eq!(
        parse_native(line.as_bytes(), &Settings::default())
            .unwrap()
            .timestamp_ms,
        -1
    );
}

#[test]
fn a_second_delivery_is_a_duplicate_whatever_it_is() {
    let nameless = event("", 0.0, "click", json!({}));
    let broken = event("9", 0.0, "click", json!({"userId": ""}));
    let truncated = "{".to_owned();
    let mut model = NaiveModel::new(Settings::default());
    let mut deliver = |line: &str| model.deliver_native(line.as_bytes());
    assert_eq!(
        deliver(&event("1", 0.0, "click", json!({}))),
        Outcome::Accepted
    );
    assert_eq!(
        deliver(&event("1", 0.0, "click", json!({}))),
        Outcome::Duplicate { conflicting: false }
    );
    assert_eq!(
        deliver(&event("1", 1.0, "click", json!({}))),
        Outcome::Duplicate { conflicting: true }
    );
    assert_eq!(
        deliver(&event("1", 0.0, "click", json!({"userId": "bob"}))),
        Outcome::Accepted,
        "another learner's"
    );
    let quiz = |score: u32, max: u32| {
        let more = json!({"score": score, "maxScore": max, "success": score > 0});
        event("q", 0.0, "quiz_submitted", more)
    };
    assert_eq!(deliver(&quiz(1, 2)), Outcome::Accepted);
    assert_eq!(
        deliver(&quiz(2, 4)),
        Outcome::Duplicate { conflicting: false },
        "the same millionths"
    );
    assert_eq!(deliver(&nameless), Outcome::Accepted);
    assert_eq!(
        deliver(&nameless),
        Outcome::Duplicate { conflicting: false },
        "the content is its id"
    );
    assert_eq!(deliver(&broken), Outcome::DeadLetter(Reason::MissingField));
    assert_eq!(
        deliver(&broken),
        Outcome::DuplicateRefusal(Reason::MissingField)
    );
    assert_eq!(deliver(&truncated), Outcome::DeadLetter(Reason::Malformed));
    let counts = &model.counts().by_source;
    let (lms, listener) = (&counts["lms"], &counts["listener:http"]);
    assert_eq!(
        (lms.received, lms.accepted, lms.duplicate, lms.conflicting),
        (10, 4, 5, 1)
    );
    assert_eq!(
        listener.dead_lettered,
        BTreeMap::from([(Reason::Malformed, 1)])
    );
    assert!(lms.is_conserved() && listener.is_conserved());
}

#[test]
fn checks_run_duplicate_then_retention_then_authority() {
    let settings = Settings {
        floor_ms: Some(1_741_168_800_000),
        authority: BTreeMap::from([("quiz_submitted".to_owned(), ["tool".to_owned()].into())]),
        ..Settings::default()
    };
    let mut model = NaiveModel::new(settings);
    let mut deliver = |id: &str, source: &str, timestamp: &str| {
        let more = json!({"score": 1, "maxScore": 1, "source": source, "timestamp": timestamp});
        model.deliver_native(event(id, 0.0, "quiz_submitted", more).as_bytes())
    };
    let (new, old) = ("2025-03-05T10:00:00Z", "2025-03-05T09:59:59.999Z");
    assert_eq!(deliver("1", "lms", new), Outcome::Shadowed);
    assert_eq!(
        deliver("1", "tool", new),
        Outcome::Accepted,
        "what was shadowed claims no identity"
    );
    assert_eq!(
        deliver("1", "lms", new),
        Outcome::Duplicate { conflicting: true }
    );
    assert_eq!(
        deliver("2", "lms", old),
        Outcome::DeadLetter(Reason::BeyondRetention)
    );
    assert_eq!(
        deliver("2", "lms", old),
        Outcome::DuplicateRefusal(Reason::BeyondRetention)
    );
}

fn statement(verb: &str, more: Value) -> Value {
    let mut statement = json!({
        "id": "st", "timestamp": "2025-03-05T23:30:00-01:00",
        "actor": {"account": {"name": "ada", "homePage": "http://h"}},
        "verb": {"id": format!("http://adlnet.gov/expapi/verbs/{verb}")},
        "object": {"id": "o"}, "context": {},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        statement[name] = value.clone();
    }
    statement
}

fn mapped(statement: &Value) -> NaiveEvent {
    parse_xapi(statement.to_string().as_bytes(), &Settings::default()).unwrap()
}

#[test]
fn xapi_verbs_become_types() {
    let category =
        json!({"contextActivities": {"category": [{"id": "https://w3id.org/xapi/video"}]}});
    let video = json!({"context": category});
    let scored = json!({"result": {"score": {"scaled": 0.5}}});
    let right = json!({"result": {"success": true}});
    let essay = json!({"result": {"response": "To be", "completion": true}});
    let unjudged = json!({"result": {"success": null, "score": {}}});
    let pointless = json!({"result": {"score": {"raw": 3}}});
    let cases = [
        ("played", &video, "video_played"),
        ("terminated", &video, "video_ended"),
        ("completed", &video, "video_completed"),
        ("completed", &scored, "quiz_submitted"),
        ("completed", &right, "completed"),
        ("answered", &right, "question_answered"),
        ("answered", &scored, "question_answered"),
        ("answered", &essay, "answered"),
        ("answered", &unjudged, "answered"),
        ("answered", &pointless, "answered"),
        ("experienced", &right, "page_view"),
        ("downloaded", &right, "downloaded"),
    ];
    for (verb, more, expected) in cases {
        assert_eq!(
            mapped(&statement(verb, more.clone())).event_type,
            expected,
            "{verb} {more}"
        );
    }
}

#[test]
fn xapi_context_becomes_session_course_attempt_and_length() {
    let course =
        json!({"id": "c", "definition": {"type": "http://adlnet.gov/expapi/activities/course"}});
    let full = mapped(&statement(
        "scored",
        json!({
            "context": {
                "registration": "r",
                "extensions": {"https://w3id.org/xapi/video/extensions/session-id": "s"},
                "contextActivities": {"parent": [{"id": "module"}], "grouping": [course]},
            },
            "result": {
                "score": {"raw": 3, "max": 4, "scaled": 0.1},
                "extensions": {"https://w3id.org/xapi/video/extensions/length": 254.1234},
            },
        }),
    ));
    assert_eq!(
        (full.session_id.as_deref(), full.course_id.as_deref()),
        (Some("s"), Some("c"))
    );
    assert_eq!(
        (full.attempt_id.as_deref(), full.score_millionths()),
        (Some("r|o"), Some(750_000))
    );
    assert_eq!(
        (full.length_ms, full.source.as_str()),
        (Some(254_123), "xapi")
    );
    let bare = mapped(&statement("played", json!({})));
    assert_eq!(
        bare.session_id.as_deref(),
        Some("day:2025-03-06"),
        "the date is that of UTC"
    );
}

#[test]
fn xapi_actors_become_learners() {
    let who = |actor: Value, actor_form: ActorForm| {
        let statement = statement("played", json!({"actor": actor}));
        let settings = Settings {
            actor_form,
            ..Settings::default()
        };
        parse_xapi(statement.to_string().as_bytes(), &settings)
            .map(|event| event.user_id)
            .map_err(|it| it.reason)
    };
    let account = json!({"account": {"name": "ada", "homePage": "http://h"}});
    assert_eq!(who(account.clone(), ActorForm::Name), Ok("ada".into()));
    assert_eq!(
        who(account, ActorForm::HomePageAndName),
        Ok("http://h|ada".into())
    );
    assert_eq!(
        who(json!({"mbox": "mailto:a@b"}), ActorForm::Name),
        Ok("mailto:a@b".into())
    );
    assert_eq!(
        who(json!({"mbox_sha1sum": "0f"}), ActorForm::Name),
        Ok("sha1:0f".into())
    );
    assert_eq!(who(json!({}), ActorForm::Name), Err(Reason::MissingField));
}

#[test]
fn xapi_skills_stand_where_the_setting_says() {
    let course = "http://adlnet.gov/expapi/activities/course";
    let statement = statement(
        "answered",
        json!({
            "object": {"id": "o", "definition": {"extensions": {"urn:d": [7, "", "of the definition"]}}},
            "context": {
                "contextActivities": {
                    "grouping": [{"id": "c", "definition": {"type": course}}, {"id": "of a group"}],
                    "category": [{"id": "https://w3id.org/xapi/video"}, {"id": "of a category"}],
                },
                "extensions": {"urn:c": "of the context", "urn:n": {"id": "no text"}},
            },
            "result": {"success": false},
        }),
    );
    let skill = |skill_place: SkillPlace| {
        let settings = Settings {
            skill_place,
            ..Settings::default()
        };
        parse_xapi(statement.to_string().as_bytes(), &settings)
            .unwrap()
            .skill_id
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(skill(SkillPlace::Nowhere), None);
    assert_eq!(skill(SkillPlace::Groupings), some("of a group"));
    assert_eq!(skill(SkillPlace::Categories), some("of a category"));
    let extension = |place: fn(String) -> SkillPlace, iri: &str| skill(place(iri.to_owned()));
    assert_eq!(
        extension(SkillPlace::OfDefinition, "urn:d"),
        some("of the definition")
    );
    assert_eq!(
        extension(SkillPlace::OfContext, "urn:c"),
        some("of the context")
    );
    assert_eq!(extension(SkillPlace::OfContext, "urn:n"), None);
}
