//! The metadata of a statement: its parts that an event has no field for.

use std::borrow::Cow;

use super::{
    super::{
        metadata::Metadata,
        text::{is_number, is_string, plain},
    },
    statement::{Score, Statement},
    values::{Extensions, Number, Text},
    vocabulary::{LENGTH, SESSION_ID, TIME, VIDEO_EXTENSIONS},
};

/// Upper bound of a name or value, bytes. Longer ones are dropped: the log carries metadata to
/// every replica.
const VALUE_BYTES_MAX: usize = 1024;
const ENTRIES_MAX: usize = 32;

/// The metadata of a statement. Extensions are named by their IRIs, those of the video profile by
/// the last part.
pub(super) fn of<'p>(statement: &Statement<'p>, is_registration_used: bool) -> Metadata<'p> {
    let (context, result) = (&statement.context, &statement.result);
    let definition = &statement.object.definition;
    let mut metadata = Metadata::default();
    keep(&mut metadata, "verb", &statement.verb.id);
    keep(&mut metadata, "activityType", &definition.kind);
    if let Some((_, json)) = definition.name.iter().next() {
        keep_json(&mut metadata, "objectName", json);
    }
    keep(&mut metadata, "response", &result.response);
    if let Some(completion) = result.completion {
        metadata.push("completion", if completion { "true" } else { "false" });
    }
    keep(&mut metadata, "platform", &context.platform);
    keep(&mut metadata, "language", &context.language);
    keep(&mut metadata, "revision", &context.revision);
    if !is_registration_used {
        keep(&mut metadata, "registration", &context.registration);
    }
    keep_extensions(&mut metadata, &context.extensions);
    keep_extensions(&mut metadata, &result.extensions);
    metadata
}

/// Keeps the score of a statement whose event type is not scored.
pub(super) fn keep_score(metadata: &mut Metadata<'_>, score: &Score) {
    let numbers = [
        ("score", score.raw),
        ("maxScore", score.max),
        ("scaled", score.scaled),
    ];
    for (name, number) in numbers {
        if let Some(Number(value)) = number {
            metadata.push(name, value.to_string());
        }
    }
}

/// Keeps the skills after the first one.
pub(super) fn keep_other_skills(metadata: &mut Metadata<'_>, others: &[Cow<'_, str>]) {
    match serde_json::to_string(others) {
        Ok(text) if text.len() <= VALUE_BYTES_MAX => metadata.push("otherSkillIds", text),
        _ => {}
    }
}

fn keep<'p>(metadata: &mut Metadata<'p>, name: &'static str, text: &Text<'p>) {
    if let Some(text) = text.filled().filter(|text| text.len() <= VALUE_BYTES_MAX) {
        metadata.push(name, text);
    }
}

fn keep_extensions<'p>(metadata: &mut Metadata<'p>, extensions: &Extensions<'p>) {
    for (iri, json) in extensions.iter() {
        let has_a_place = match iri.as_ref() {
            LENGTH | TIME => is_number(json),
            SESSION_ID => is_string(json),
            _ => false,
        };
        if has_a_place || iri.len() > VALUE_BYTES_MAX || metadata.len() >= ENTRIES_MAX {
            continue;
        }
        match iri
            .strip_prefix(VIDEO_EXTENSIONS)
            .filter(|name| !name.is_empty())
        {
            Some(name) => keep_json(metadata, name.to_owned(), json),
            None => keep_json(metadata, iri.clone(), json),
        }
    }
}

fn keep_json<'p>(metadata: &mut Metadata<'p>, name: impl Into<Cow<'p, str>>, json: &'p str) {
    match plain(json) {
        Ok(text) if text.len() <= VALUE_BYTES_MAX => metadata.push(name, text),
        _ => {}
    }
}
