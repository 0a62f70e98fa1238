//! Rules of the xAPI standard that Homeroom itself does not need.
//!
//! Checked only for statements over HTTP, whose senders expect a store that follows the standard.
//! Statements from files were accepted by such a store before.

use homeroom_core::Reason;
use iri_string::types::IriStr;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::fault::Fault;

/// Characters of a UUID with hyphens.
const UUID_CHARS: usize = 36;
const SHA1_CHARS: usize = 40;
/// The identifiers of an agent or a group. Exactly one must be present.
const IDENTIFIERS: [&str; 4] = ["mbox", "mbox_sha1sum", "openid", "account"];
/// Offsets that the standard forbids, since they mean that the local offset is unknown.
const UNKNOWN_OFFSETS: [&str; 3] = ["-00:00", "-0000", "-00"];

type Object = Map<String, Value>;

/// A statement that is valid by the standard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    /// Whether it has a time of its own.
    pub is_timed: bool,
}

/// Checks a statement that was decoded before.
///
/// # Errors
/// The first fault, in the order of the statement's parts.
pub(super) fn check(payload: &[u8]) -> Result<Kept, Fault> {
    // The statement passed the size check. Unlike the decoder, this parser limits the nesting
    // depth.
    let statement: Object =
        serde_json::from_slice(payload).map_err(|error| Fault::malformed(&error))?;
    check_id(&statement)?;
    check_version(&statement)?;
    check_actor(&statement)?;
    check_verb(&statement)?;
    check_object(&statement)?;
    check_offset(&statement)?;
    check_score(&statement)?;
    Ok(Kept {
        is_timed: given(&statement, "timestamp").is_some() || given(&statement, "stored").is_some(),
    })
}

/// Whether a text is a UUID with hyphens.
fn is_uuid(text: &str) -> bool {
    text.len() == UUID_CHARS && Uuid::try_parse(text).is_ok()
}

fn check_id(statement: &Object) -> Result<(), Fault> {
    match given(statement, "id") {
        None => Ok(()),
        Some(Value::String(id)) if is_uuid(id) => Ok(()),
        Some(other) => Err(wrong("id", "a UUID", other)),
    }
}

fn check_version(statement: &Object) -> Result<(), Fault> {
    let is_spoken = |version: &str| {
        ["1.0", "2.0"].into_iter().any(|spoken| {
            let rest = version.strip_prefix(spoken);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    match given(statement, "version") {
        None => Ok(()),
        Some(Value::String(version)) if is_spoken(version) => Ok(()),
        Some(other) => Err(wrong("version", "1.0.x or 2.0.x", other)),
    }
}

fn check_actor(statement: &Object) -> Result<(), Fault> {
    let actor = object(statement, "actor")?;
    match given(actor, "objectType").map(Value::as_str) {
        None | Some(Some("Agent" | "Group")) => {}
        Some(_) => {
            let found = &actor["objectType"];
            return Err(wrong("actor.objectType", "Agent or Group", found));
        }
    }
    let identifiers = IDENTIFIERS
        .iter()
        .filter(|name| given(actor, name).is_some());
    let identifiers: Vec<&str> = identifiers.copied().collect();
    match identifiers.as_slice() {
        [] if is_anonymous_group(actor) => Ok(()),
        [] => Err(missing("actor (account, mbox, mbox_sha1sum or openid)")),
        ["account"] => check_account(object(actor, "account")?),
        [name] => check_identifier(name, &actor[*name]),
        several => {
            let found = several.join(" and ");
            let detail = format!("actor must have one identifier, not {found}");
            Err(Fault::new(Reason::SchemaMismatch, detail))
        }
    }
}

/// A group without an identifier is valid when it lists members.
fn is_anonymous_group(actor: &Object) -> bool {
    let is_group = given(actor, "objectType").and_then(Value::as_str) == Some("Group");
    let members = given(actor, "member").and_then(Value::as_array);
    is_group && members.is_some_and(|members| !members.is_empty())
}

fn check_account(account: &Object) -> Result<(), Fault> {
    for name in ["homePage", "name"] {
        match given(account, name) {
            Some(Value::String(_)) => {}
            None => return Err(missing(&format!("actor.account.{name}"))),
            Some(other) => return Err(wrong(&format!("actor.account.{name}"), "a string", other)),
        }
    }
    Ok(())
}

fn check_identifier(name: &str, value: &Value) -> Result<(), Fault> {
    let text = value.as_str().unwrap_or_default();
    let (is_sound, expected) = match name {
        "mbox" => (
            text.strip_prefix("mailto:")
                .is_some_and(|address| !address.is_empty()),
            "a mailto: IRI",
        ),
        "mbox_sha1sum" => (
            text.len() == SHA1_CHARS && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "40 hexadecimal digits",
        ),
        _ => (is_iri(text), "an IRI"),
    };
    if is_sound {
        Ok(())
    } else {
        Err(wrong(&format!("actor.{name}"), expected, value))
    }
}

fn check_verb(statement: &Object) -> Result<(), Fault> {
    match given(object(statement, "verb")?, "id") {
        None => Err(missing("verb.id")),
        Some(Value::String(id)) if is_iri(id) => Ok(()),
        Some(other) => Err(wrong("verb.id", "an IRI", other)),
    }
}

fn check_object(statement: &Object) -> Result<(), Fault> {
    let whole = object(statement, "object")?;
    let kind = given(whole, "objectType");
    match kind.map_or(Some("Activity"), Value::as_str) {
        Some("Activity" | "StatementRef") => match given(whole, "id") {
            Some(Value::String(_)) => Ok(()),
            None => Err(missing("object.id")),
            Some(other) => Err(wrong("object.id", "a string", other)),
        },
        Some("Agent" | "Group" | "SubStatement") => Ok(()),
        _ => {
            let expected = "Activity, Agent, Group, StatementRef or SubStatement";
            Err(wrong("object.objectType", expected, &whole["objectType"]))
        }
    }
}

fn check_offset(statement: &Object) -> Result<(), Fault> {
    let Some(Value::String(text)) = given(statement, "timestamp") else {
        return Ok(());
    };
    let time_of_day = text
        .split_once(['T', 't', ' '])
        .map_or("", |(_, time)| time);
    if UNKNOWN_OFFSETS
        .iter()
        .any(|offset| time_of_day.ends_with(offset))
    {
        let detail = format!("timestamp must not have an unknown offset, as {text} has");
        return Err(Fault::new(Reason::BadTimestamp, detail));
    }
    Ok(())
}

fn check_score(statement: &Object) -> Result<(), Fault> {
    let score = statement
        .get("result")
        .and_then(|result| result.get("score"));
    let number = |name: &str| score?.get(name)?.as_f64();
    if let Some(scaled) = number("scaled").filter(|scaled| !(-1.0..=1.0).contains(scaled)) {
        let found = scaled.to_string();
        return Err(Fault::out_of_range(
            "result.score.scaled",
            "from -1 to 1",
            &found,
        ));
    }
    let (min, raw, max) = (number("min"), number("raw"), number("max"));
    let is_ordered =
        |low: Option<f64>, high: Option<f64>| low.zip(high).is_none_or(|(low, high)| low <= high);
    if is_ordered(min, raw) && is_ordered(raw, max) && is_ordered(min, max) {
        return Ok(());
    }
    let found = score.map(Value::to_string).unwrap_or_default();
    Err(Fault::out_of_range(
        "result.score.raw",
        "between min and max",
        &found,
    ))
}

/// A member of an object. A `null` or an empty text counts as absent.
fn given<'v>(object: &'v Object, name: &str) -> Option<&'v Value> {
    object
        .get(name)
        .filter(|value| !value.is_null() && value.as_str() != Some(""))
}

fn object<'v>(whole: &'v Object, name: &str) -> Result<&'v Object, Fault> {
    match given(whole, name) {
        Some(Value::Object(object)) => Ok(object),
        None => Err(missing(name)),
        Some(other) => Err(wrong(name, "an object", other)),
    }
}

fn is_iri(text: &str) -> bool {
    IriStr::new(text).is_ok()
}

fn missing(name: &str) -> Fault {
    Fault::new(Reason::MissingField, format!("missing {name}"))
}

fn wrong(name: &str, expected: &str, found: &Value) -> Fault {
    Fault::wrong_type(name, expected, &found.to_string())
}
