//! Answers that many paths have in common: the errors.

use std::collections::BTreeMap;

use utoipa::openapi::{
    ContentBuilder, OneOfBuilder, Ref, RefOr, Response, ResponseBuilder, Schema,
};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use super::super::{error::ErrorAnswer, events_answer::EventsAnswer};

type Responses = BTreeMap<String, RefOr<Response>>;

/// The errors of paths that take a body.
pub enum BodyErrors {}

/// The errors of reads. See the table in `read/grpc_status.rs`.
pub enum ReadErrors {}

/// The answer when events must be sent again: some of them, or all.
pub enum EventsRefused {}

impl PartialSchema for EventsRefused {
    fn schema() -> RefOr<Schema> {
        let partly = Ref::from_schema_name(EventsAnswer::name());
        let wholly = Ref::from_schema_name(ErrorAnswer::name());
        OneOfBuilder::new().item(partly).item(wholly).into()
    }
}

impl ToSchema for EventsRefused {}

impl IntoResponses for BodyErrors {
    fn responses() -> Responses {
        errors(&[
            (
                "400",
                "The request, its body or a statement in it is invalid.",
            ),
            ("408", "The body took too long to arrive."),
            (
                "409",
                "Statements are known with other content. The others were taken.",
            ),
            ("413", "The body is too large, or has too many events."),
            ("415", "The Content-Type or Content-Encoding is not taken."),
            ("500", "The node could not make an answer."),
            (
                "503",
                "The node has no room now, or is not ready: send it again. With the code \
                 `outcome_unknown` it may or may not be stored; sent again, it counts once. See \
                 Retry-After.",
            ),
        ])
    }
}

impl IntoResponses for ReadErrors {
    fn responses() -> Responses {
        errors(&[
            ("400", "The path, a parameter or a header is invalid."),
            (
                "404",
                "There is no such learner or course. Beside `error` the body has the members of \
                 the answer with status 200, for their freshness.",
            ),
            (
                "409",
                "The position is of another cluster, or the state does not allow the read.",
            ),
            (
                "413",
                "The read asks for more than one answer may hold or take.",
            ),
            ("500", "The node could not make an answer."),
            ("501", "This build does not serve the read."),
            (
                "503",
                "The node is not ready, busy, or can't meet `onStale=fail`. See Retry-After.",
            ),
            ("504", "The read took too long."),
        ])
    }
}

/// What every path may answer before its handler runs.
pub(super) fn of_every_path() -> Responses {
    let mut responses = errors(&[
        (
            "400",
            "The Host is missing. Without a body: the head of the request can't be read.",
        ),
        ("403", "The Origin is not allowed."),
        ("404", "There is nothing at this path."),
        ("421", "The Host is not a name of this node."),
        (
            "503",
            "The node has no room for the request. See Retry-After.",
        ),
    ]);
    let too_large = "The head of the request is too large. Without a body.";
    let too_large = ResponseBuilder::new().description(too_large).build();
    responses.insert("431".to_owned(), too_large.into());
    responses
}

fn errors(table: &[(&str, &str)]) -> Responses {
    let error = |description: &str| {
        let schema = Ref::from_schema_name(ErrorAnswer::name());
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response = ResponseBuilder::new().description(description);
        response.content("application/json", content).build().into()
    };
    let answers = table.iter();
    answers
        .map(|(status, description)| ((*status).to_owned(), error(description)))
        .collect()
}
