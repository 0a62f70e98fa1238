//! Extracts the path, parameters and position of a read.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use homeroom_proto::v1;

use super::{
    super::{error::HttpError, position::POSITION},
    params::Params,
};

/// The parameters for how current an answer must be.
pub(super) const READ: [&str; 3] = ["consistency", "maxStalenessMs", "onStale"];

/// The id in a path, percent-decoded.
pub(super) struct PathId(pub String);

/// The parameters as received, and the position that the answer must have reached.
pub(super) struct ReadQuery {
    pairs: Vec<(String, String)>,
    position: Option<v1::PositionToken>,
}

impl ReadQuery {
    /// The parameters. Only `known` ones are allowed and, where `reads` is set, those of [`READ`].
    pub fn params(&mut self, known: &[&str], reads: bool) -> Result<Params, HttpError> {
        let read = if reads { READ.as_slice() } else { &[] };
        let pairs = std::mem::take(&mut self.pairs);
        Params::of(pairs, &[known, read].concat())
    }

    /// How current the answer must be.
    pub fn read(self, params: &Params) -> Result<Option<v1::ReadOptions>, HttpError> {
        use v1::{Consistency, OnStale};
        let consistency = params.one_of(
            "consistency",
            &[
                ("linearizable", Consistency::Linearizable),
                ("session", Consistency::Session),
                ("bounded", Consistency::Bounded),
                ("any", Consistency::Any),
            ],
        )?;
        let on_stale = params.one_of(
            "onStale",
            &[("answer", OnStale::Answer), ("fail", OnStale::Fail)],
        )?;
        Ok(Some(v1::ReadOptions {
            consistency: consistency.into(),
            position: self.position,
            max_staleness_ms: params.number("maxStalenessMs")?,
            on_stale: on_stale.into(),
        }))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let id = Path::<String>::from_request_parts(parts, state).await;
        id.map(|Path(id)| Self(id))
            .map_err(|rejected| HttpError::invalid("path", &rejected.body_text()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ReadQuery {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let pairs: Result<Query<Vec<(String, String)>>, QueryRejection> =
            Query::from_request_parts(parts, state).await;
        let Query(pairs) =
            pairs.map_err(|rejected| HttpError::invalid("query", &rejected.body_text()))?;
        let position = parts.headers.get(POSITION).map(|value| {
            let text = value.to_str().unwrap_or("?");
            text.parse::<v1::PositionToken>()
                .map_err(|error| HttpError::invalid("Homeroom-Position", &error.to_string()))
        });
        let position = position.transpose()?;
        Ok(Self {
            pairs,
            position: position.filter(|position| !position.shards.is_empty()),
        })
    }
}
