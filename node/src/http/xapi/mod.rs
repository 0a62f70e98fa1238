//! The part of an xAPI store that senders need: `/xAPI/statements` and `/xAPI/about`.

mod about;
mod credential;
mod publish;
mod statement;
mod version;

use std::sync::Arc;

use axum::middleware::from_fn;

use crate::ingress::JsonIntake;

use super::error::HttpError;
use super::openapi::{DescribedRouter, StatementsBody};
use super::state::HttpState;

pub(super) use version::HEADER as VERSION;

/// The routes below `/xAPI`. Each answer has the version header, errors included.
pub(super) fn paths<I: JsonIntake>() -> DescribedRouter<Arc<HttpState<I>>> {
    DescribedRouter::new()
        .on::<publish::__path_post, _, _>(publish::post::<I>)
        .on::<publish::__path_put, _, _>(publish::put::<I>)
        .on::<about::__path_about, _, _>(about::about)
        .schema::<StatementsBody>()
        .schema::<about::About>()
        .map(|router| {
            router
                .fallback(async || HttpError::NotFound)
                .method_not_allowed_fallback(async || HttpError::MethodNotAllowed)
                .layer(from_fn(version::name_version))
        })
}
