//! The OpenAPI 3.1 document of all HTTP paths, at `/openapi.json`.
//!
//! A path is routed and described by one call of [`DescribedRouter::on`], so that none is left out.
//! What the handlers' attributes have in common stands here.

mod answers;
mod bodies;
mod described;
mod document;
mod params;

#[cfg(test)]
mod tests;

pub(super) use answers::{BodyErrors, EventsRefused, ReadErrors};
pub(super) use bodies::{EventsBody, StatementsBody};
pub(super) use described::DescribedRouter;
pub(super) use document::documented;
pub(super) use params::{
    BodyParams, PageParams, ReadParams, RosterParams, WatchParams, WindowParams, XapiParams,
};
