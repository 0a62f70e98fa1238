//! A case for each rule that turns a statement into an event.

use homeroom_core::{ActorForm, EventType, PayloadFormat, Reason, Settings, SourcePolicy};

use super::{NOW_MS, context, refused, settings_with, xapi};
use crate::ingress::{EVENT_BYTES_MAX, decode_xapi};

const REST: &str = r#""actor":{"account":{"homePage":"https://lms","name":"ada"}},"timestamp":"2026-03-04T09:59:00Z""#;

fn statement(verb: &str, members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(
        r#"{{"id":"7F","verb":{{"id":"{verb}"}},"object":{{"id":"urn:item:1"}},{REST}{comma}{members}}}"#
    )
}

fn adl(verb: &str, members: &str) -> String {
    statement(&format!("http://adlnet.gov/expapi/verbs/{verb}"), members)
}

const VIDEO_CATEGORY: &str =
    r#""context":{"contextActivities":{"category":[{"id":"https://w3id.org/xapi/video"}]}}"#;
const SCORED: &str = r#""result":{"score":{"scaled":0.5}}"#;

#[test]
fn verbs_become_types() {
    let video = "https://w3id.org/xapi/video/verbs";
    let cases = [
        (statement(&format!("{video}/played"), ""), "video_played"),
        (statement(&format!("{video}/paused"), ""), "video_paused"),
        (statement(&format!("{video}/seeked"), ""), "video_seeked"),
        (adl("terminated", VIDEO_CATEGORY), "video_ended"),
        (adl("completed", VIDEO_CATEGORY), "video_completed"),
        (adl("initialized", VIDEO_CATEGORY), "video_initialized"),
        (adl("interacted", VIDEO_CATEGORY), "video_interacted"),
        (
            statement(&format!("{video}/initialized"), ""),
            "video_initialized",
        ),
        (adl("initialized", ""), "initialized"),
        (adl("interacted", ""), "interacted"),
        (adl("completed", ""), "completed"),
        (adl("completed", SCORED), "quiz_submitted"),
        (adl("passed", SCORED), "quiz_submitted"),
        (adl("failed", SCORED), "quiz_submitted"),
        (adl("scored", SCORED), "quiz_submitted"),
        (adl("passed", r#""result":{"success":true}"#), "passed"),
        (
            adl("answered", r#""result":{"success":true}"#),
            "question_answered",
        ),
        (adl("answered", SCORED), "question_answered"),
        (adl("answered", ""), "answered"),
        (
            adl(
                "answered",
                r#""result":{"success":null,"response":"An essay."}"#,
            ),
            "answered",
        ),
        (
            adl(
                "answered",
                r#""result":{"score":{"raw":0},"completion":true}"#,
            ),
            "answered",
        ),
        (adl("launched", ""), "page_view"),
        (adl("experienced", ""), "page_view"),
        (
            statement("http://id.tincanapi.com/verb/viewed", ""),
            "page_view",
        ),
        (
            statement("http://id.tincanapi.com/verb/viewed/", ""),
            "page_view",
        ),
        (
            statement("http://adlnet.gov/expapi/verbs/voided", ""),
            "voided",
        ),
        (
            statement("https://example.org/words#bookmarked", ""),
            "bookmarked",
        ),
        (statement("bookmarked", ""), "bookmarked"),
    ];
    for (json, event_type) in &cases {
        assert_eq!(xapi(json).unwrap().event_type.name(), *event_type, "{json}");
    }
}

#[test]
fn the_kind_of_object_makes_a_video_too() {
    let json = adl("completed", "").replace(
        r#""id":"urn:item:1""#,
        r#""id":"urn:item:1","definition":{"type":"https://w3id.org/xapi/video/activity-type/video"}"#,
    );
    assert_eq!(xapi(&json).unwrap().event_type.name(), "video_completed");
    let json = json.replace("/xapi/video/", "/xapi/videogame/");
    assert_eq!(xapi(&json).unwrap().event_type.name(), "completed");
}

#[test]
fn actors_become_learners() {
    let of = |actor: &str, form: ActorForm| {
        let json = format!(r#"{{"verb":{{"id":"x"}},"actor":{actor}}}"#);
        let policy = SourcePolicy {
            actor_form: form,
            ..SourcePolicy::default()
        };
        let settings = settings_with("lrs", policy);
        decode_xapi(json.as_bytes(), "lrs", &context(&settings))
            .map(|event| event.user_id.into_owned())
            .map_err(|refusal| refusal.reason)
    };
    let account = r#"{"account":{"homePage":"https://lms","name":"ada"},"mbox":"mailto:a@b"}"#;
    let cases = [
        (account, ActorForm::Name, "ada"),
        (account, ActorForm::HomePageAndName, "https://lms|ada"),
        (
            r#"{"mbox":"mailto:Ada@b"}"#,
            ActorForm::HomePageAndName,
            "mailto:Ada@b",
        ),
        (r#"{"mbox_sha1sum":"00ff"}"#, ActorForm::Name, "sha1:00ff"),
        (
            r#"{"openid":"https://ada.example"}"#,
            ActorForm::Name,
            "https://ada.example",
        ),
        (
            r#"{"objectType":"Group","account":{"name":"team"}}"#,
            ActorForm::Name,
            "team",
        ),
    ];
    for (actor, form, user_id) in cases {
        assert_eq!(of(actor, form).as_deref(), Ok(user_id));
    }
    let anonymous = [
        r#"{}"#,
        "null",
        r#"{"objectType":"Group","member":[{"mbox":"mailto:a@b"}]}"#,
    ];
    for actor in anonymous {
        assert_eq!(of(actor, ActorForm::Name), Err(Reason::MissingField));
    }
}

#[test]
fn sessions_are_the_players_else_the_registration_else_the_day() {
    let session = |context: &str| {
        let json = adl("experienced", &format!(r#""context":{{{context}}}"#));
        xapi(&json).unwrap().session_id.unwrap().into_owned()
    };
    let player = r#""extensions":{"https://w3id.org/xapi/video/extensions/session-id":"p"}"#;
    assert_eq!(session(&format!(r#""registration":"r",{player}"#)), "p");
    assert_eq!(session(r#""registration":"r""#), "r");
    assert_eq!(session(""), "day:2026-03-04");
    let json = adl("experienced", "").replace("09:59:00Z", "00:30:00+01:00");
    assert_eq!(
        xapi(&json).unwrap().session_id.as_deref(),
        Some("day:2026-03-03")
    );
}

#[test]
fn courses_are_found_among_the_context_activities() {
    let course = |activities: &str| {
        let context = format!(r#""context":{{"contextActivities":{{{activities}}}}}"#);
        let json = adl("experienced", &context);
        xapi(&json)
            .unwrap()
            .course_id
            .map(std::borrow::Cow::into_owned)
    };
    let module = r#"{"id":"m","definition":{"type":"http://adlnet.gov/expapi/activities/module"}}"#;
    let one = r#"{"id":"c1","definition":{"type":"http://adlnet.gov/expapi/activities/course"}}"#;
    let two =
        r#"{"id":"c2","definition":{"type":"https://w3id.org/xapi/cmi5/activitytype/course"}}"#;
    let cases = [
        (format!(r#""parent":[{module},{one},{two}]"#), Some("c1")),
        (format!(r#""parent":{two}"#), Some("c2")),
        (
            format!(r#""parent":[{module}],"grouping":[{module},{two}]"#),
            Some("c2"),
        ),
        (
            format!(r#""parent":[{module}],"grouping":[{module}]"#),
            Some("m"),
        ),
        (format!(r#""grouping":[{module}]"#), None),
        (r#""parent":[]"#.to_owned(), None),
    ];
    for (activities, expected) in cases {
        assert_eq!(course(&activities).as_deref(), expected, "{activities}");
    }
}

#[test]
fn scores_and_attempts() {
    let quiz = |result: &str| {
        let members = format!(r#""result":{result},"context":{{"registration":"r"}}"#);
        let json = adl("scored", &members);
        let event = xapi(&json).map_err(|refusal| refusal.reason)?;
        assert_eq!(event.attempt_id.as_deref(), Some("r|urn:item:1"));
        Ok(event.score_millionths)
    };
    assert_eq!(
        quiz(r#"{"score":{"raw":7,"max":8,"min":0,"scaled":0.1}}"#),
        Ok(Some(875_000))
    );
    assert_eq!(
        quiz(r#"{"score":{"raw":7,"scaled":0.1}}"#),
        Ok(Some(100_000))
    );
    assert_eq!(
        quiz(r#"{"score":{"scaled":-0.1}}"#),
        Err(Reason::ValueOutOfRange)
    );
    assert_eq!(
        quiz(r#"{"score":{"scaled":1.1}}"#),
        Err(Reason::ValueOutOfRange)
    );
    assert_eq!(
        quiz(r#"{"score":{"raw":9,"max":8}}"#),
        Err(Reason::ValueOutOfRange)
    );
    assert_eq!(
        quiz(r#"{"score":{"raw":1e999,"max":8}}"#),
        Err(Reason::ValueOutOfRange)
    );

    // The standard allows points without a maximum. They are accepted and not scored.
    let json = adl("scored", r#""result":{"score":{"raw":7}}"#);
    let event = xapi(&json).unwrap();
    assert_eq!(event.event_type, EventType::Other("scored".into()));
    assert!(event.metadata.contains(&("score".into(), "7".into())));

    let json = adl("scored", SCORED);
    assert_eq!(xapi(&json).unwrap().attempt_id, None);
    let json = adl("answered", r#""result":{"success":false}"#);
    assert_eq!(xapi(&json).unwrap().score_millionths, Some(0));
    let json = adl("attempted", r#""result":{"score":{"raw":-3,"scaled":0.5}}"#);
    let metadata = xapi(&json).unwrap().metadata;
    assert!(metadata.contains(&("score".into(), "-3".into())));
}

#[test]
fn durations_are_iso_8601() {
    let duration = |text: &str| {
        let json = adl(
            "experienced",
            &format!(r#""result":{{"duration":"{text}"}}"#),
        );
        xapi(&json)
            .map(|event| event.duration_ms)
            .map_err(|refusal| refusal.reason)
    };
    let cases = [
        ("PT0S", 0),
        ("PT1H2M3.4567S", 3_723_457),
        ("P1DT12H", 129_600_000),
        ("P1W", 604_800_000),
        // From March 4th.
        ("P1M", 31 * 86_400_000),
    ];
    for (text, ms) in cases {
        assert_eq!(duration(text), Ok(Some(ms)), "{text}");
    }
    assert_eq!(duration("-PT5S"), Err(Reason::ValueOutOfRange));
    assert_eq!(duration("5 minutes"), Err(Reason::SchemaMismatch));
}

#[test]
fn lengths_positions_and_what_has_no_place() {
    let json = adl(
        "interacted",
        r#""result":{"response":"b","extensions":{"https://w3id.org/xapi/video/extensions/time":12.3456,
             "https://x.org/e":{"k": [1, 2]}}},
           "context":{"platform":"web","extensions":{"https://w3id.org/xapi/video/extensions/length":508.0004,
             "https://w3id.org/xapi/video/extensions/volume":1}}"#,
    );
    let event = xapi(&json).unwrap();
    assert_eq!(
        (event.length_ms, event.position_ms),
        (Some(508_000), Some(12_346))
    );
    let metadata: Vec<(&str, &str)> = event
        .metadata
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(
        metadata,
        [
            ("https://x.org/e", r#"{"k":[1,2]}"#),
            ("platform", "web"),
            ("response", "b"),
            ("verb", "http://adlnet.gov/expapi/verbs/interacted"),
            ("volume", "1"),
        ]
    );
}

#[test]
fn objects_of_every_type_have_an_id() {
    let object = |object: &str| {
        let json = adl("x", "").replace(r#"{"id":"urn:item:1"}"#, object);
        xapi(&json)
            .unwrap()
            .object_id
            .map(std::borrow::Cow::into_owned)
    };
    let cases = [
        (r#"{"objectType":"StatementRef","id":"77"}"#, Some("77")),
        (
            r#"{"objectType":"Agent","mbox":"mailto:b@c"}"#,
            Some("mailto:b@c"),
        ),
        (
            r#"{"objectType":"SubStatement","verb":{"id":"y"},"object":{"id":"urn:inner"}}"#,
            Some("urn:inner"),
        ),
        ("null", None),
    ];
    for (json, id) in cases {
        assert_eq!(object(json).as_deref(), id);
    }
}

#[test]
fn times_and_sources_that_a_statement_leaves_open() {
    let json = r#"{"actor":{"mbox":"mailto:a@b"},"verb":{"id":"x"},"stored":"2026-03-04T08:00Z"}"#;
    let event = xapi(json).unwrap();
    assert_eq!(
        (event.timestamp_ms, &*event.source),
        (NOW_MS - 7_200_000, "xapi")
    );
    assert!(event.event_id.starts_with("derived:"));
    let bare = r#"{"actor":{"mbox":"mailto:a@b"},"verb":{"id":"x"}}"#;
    assert_eq!(xapi(bare).unwrap().timestamp_ms, NOW_MS);
    let settings = Settings::default();
    let named = decode_xapi(bare.as_bytes(), "moodle", &context(&settings)).unwrap();
    assert_eq!(
        (&*named.source, named.event_type),
        ("moodle", EventType::Other("x".into()))
    );
}

/// Statements, the reason for refusing them, and what its detail says.
fn faulty_statements() -> Vec<(String, Reason, &'static str)> {
    use Reason::*;
    vec![
        (adl("x", "")[1..].to_owned(), Malformed, "no JSON"),
        (
            adl("x", r#""context":{"registration":"\ud800"}"#),
            Malformed,
            "no JSON",
        ),
        (
            "[]".to_owned(),
            SchemaMismatch,
            "a statement must be a JSON object, not []",
        ),
        (
            "null".to_owned(),
            SchemaMismatch,
            "a statement must be a JSON object",
        ),
        (
            adl("x", r#""result":{"score":{"raw":"7"}}"#),
            SchemaMismatch,
            "result.score",
        ),
        (
            adl("x", r#""result":[true]"#),
            SchemaMismatch,
            "result: invalid type: sequence",
        ),
        (
            adl("x", r#""context":{"contextActivities":{"parent":[7]}}"#),
            SchemaMismatch,
            "parent[0]",
        ),
        (
            adl("x", r#""id":7"#),
            SchemaMismatch,
            "duplicate field `id`",
        ),
        (
            adl("", "").replace("http://adlnet.gov/expapi/verbs/", ""),
            MissingField,
            "missing verb.id",
        ),
        (
            adl("x", "").replace(r#""2026-03-04T09:59:00Z""#, "5"),
            BadTimestamp,
            "not 5",
        ),
        (
            adl("x", "").replace("09:59:00Z", "09:59:00"),
            BadTimestamp,
            "timestamp",
        ),
        (
            adl("x", "").replace("09:59:00Z", "11:00:00Z"),
            FutureTimestamp,
            "3600000 ms",
        ),
        (
            adl("x", &format!(r#""p":"{}""#, "x".repeat(EVENT_BYTES_MAX))),
            Oversized,
            "65536",
        ),
    ]
}

#[test]
fn each_fault_of_a_statement_has_its_reason() {
    for (json, reason, detail) in &faulty_statements() {
        let decoded = xapi(json);
        if let Err(refusal) = &decoded {
            assert_eq!(
                (refusal.format, &*refusal.source),
                (PayloadFormat::XapiJson, "xapi")
            );
            let is_readable = json.starts_with('{');
            assert_eq!(
                refusal.user_id.as_deref(),
                is_readable.then_some("ada"),
                "{json:.200}"
            );
        }
        refused(decoded, *reason, detail);
    }
}
