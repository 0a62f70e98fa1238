//! Builds and serves the document.

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, RefOr};

use super::super::error::ErrorAnswer;
use super::described::{DescribedRouter, Description};

/// The name under which the Basic credential is described.
const SOURCE: &str = "source";

/// The router, with its own description as one more path.
pub(in super::super) fn documented(described: DescribedRouter) -> Router {
    let (own, own_description) = DescribedRouter::new()
        .on::<__path_openapi, _, _>(openapi)
        .schema::<ErrorAnswer<'_>>()
        .into_parts();
    let (router, mut description) = described.into_parts();
    description.paths.merge(own_description.paths);
    description.schemas.extend(own_description.schemas);
    let json = serde_json::to_vec(&document(description));
    let json = json.expect("serialising into memory does not fail");
    router.merge(own.with_state(Bytes::from(json)))
}

/// This document: OpenAPI 3.1.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "getOpenApi",
    responses((status = 200, description = "The document.", body = Object)),
)]
async fn openapi(State(json): State<Bytes>) -> Response {
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}

fn document(description: Description) -> OpenApi {
    let info = InfoBuilder::new()
        .title("Homeroom")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Events in, and the live state of learners and courses out. Times that end in `Ms` are \
             ms since the Unix epoch; integers are JSON numbers.",
        ));
    let credential = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some(
            "The user name is the source of statements. Nothing is checked.",
        ));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(description.schemas)
        .security_scheme(SOURCE, SecurityScheme::Http(credential.build()));
    let mut document = OpenApiBuilder::new()
        .info(info.build())
        .paths(description.paths)
        .components(Some(components.build()))
        .build();
    let schemas = document.components.as_mut().map(|it| &mut it.schemas);
    // `fields` leaves out the others.
    if let Some(RefOr::T(Schema::Object(profile))) =
        schemas.and_then(|schemas| schemas.get_mut("LearnerProfile"))
    {
        profile.required.clear();
    }
    document
}
