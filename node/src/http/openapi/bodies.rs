//! The bodies of requests. Decoders read them by hand, so their schemas are written here.

use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{OneOfBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// One native event, or an array of them.
pub enum EventsBody {}

/// One xAPI statement, or an array of them.
pub enum StatementsBody {}

const TEXTS: [(&str, &str); 10] = [
    ("eventId", "Without one an id is derived from the content."),
    ("userId", "The learner."),
    (
        "sessionId",
        "Required, except for `enrolled` and `unenrolled`.",
    ),
    ("courseId", ""),
    ("timestamp", "The event time, RFC 3339, any offset."),
    (
        "eventType",
        "An unknown one is an interaction under its own name.",
    ),
    ("source", "The system that sends it."),
    ("objectId", "What was acted on."),
    (
        "attemptId",
        "Of scored events with the same one, only the newest counts.",
    ),
    ("skillId", ""),
];
const NUMBERS: [(&str, &str); 7] = [
    ("score", "0 to `maxScore`."),
    ("maxScore", "Above 0."),
    ("durationMs", "ms."),
    ("watchedMs", "ms."),
    ("lengthMs", "Of the video, ms."),
    ("positionMs", "In the video, ms."),
    (
        "producerSequence",
        "A whole number that grows by 1 with each event of the source.",
    ),
];

impl PartialSchema for EventsBody {
    fn schema() -> RefOr<Schema> {
        let mut event = object("One event. Unknown members are kept as metadata.");
        for (name, description) in TEXTS {
            event = event.property(name, described(Type::String, description));
        }
        for (name, description) in NUMBERS {
            event = event.property(name, described(Type::Number, description));
        }
        event = event
            .property(
                "success",
                described(Type::Boolean, "Of `question_answered`."),
            )
            .property("metadata", object("Kept beside the event."));
        for required in ["userId", "timestamp", "eventType", "source"] {
            event = event.required(required);
        }
        one_or_more(event.into())
    }
}

impl ToSchema for EventsBody {}

impl PartialSchema for StatementsBody {
    fn schema() -> RefOr<Schema> {
        let statement = object("A statement of xAPI 1.0.x or 2.0.x, without attachments.")
            .property("id", described(Type::String, "A UUID."))
            .property(
                "actor",
                object("Who: an agent, or a group with an identifier."),
            )
            .property("verb", object("Its `id` is an IRI."))
            .property("object", object("What was acted on."))
            .property("result", object(""))
            .property("context", object(""))
            .property(
                "timestamp",
                described(Type::String, "RFC 3339 or ISO 8601."),
            );
        let required = ["actor", "verb", "object"].into_iter();
        let statement = required.fold(statement, ObjectBuilder::required);
        one_or_more(statement.into())
    }
}

impl ToSchema for StatementsBody {}

fn object(description: &str) -> ObjectBuilder {
    let anything = AdditionalProperties::FreeForm(true);
    described(Type::Object, description).additional_properties(Some(anything))
}

fn described(kind: Type, description: &str) -> ObjectBuilder {
    let description = Some(description).filter(|text| !text.is_empty());
    ObjectBuilder::new()
        .schema_type(kind)
        .description(description)
}

fn one_or_more(one: Schema) -> RefOr<Schema> {
    let several = ArrayBuilder::new().items(RefOr::T(one.clone()));
    OneOfBuilder::new().item(one).item(several).into()
}
