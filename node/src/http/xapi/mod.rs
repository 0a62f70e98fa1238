//! The part of an xAPI store that senders need: `/xAPI/statements` and `/xAPI/about`.

mod about;
mod credential;
mod publish;
mod statement;
mod version;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use crate::ingress::JsonIntake;

use super::error::HttpError;
use super::state::HttpState;

pub(super) use version::HEADER as VERSION;

/// The routes below `/xAPI`. Each answer has the version header, errors included.
pub(super) fn paths<I: JsonIntake>() -> Router<Arc<HttpState<I>>> {
    Router::new()
        .route(
            "/statements",
            post(publish::post::<I>).put(publish::put::<I>),
        )
        .route("/about", get(about::about))
        .fallback(async || HttpError::NotFound)
        .method_not_allowed_fallback(async || HttpError::MethodNotAllowed)
        .layer(from_fn(version::name_version))
}
