//! Statements that a request is refused for.

use serde::Serialize;

/// One of them, as the sender is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedStatement {
    /// Its place in the request, from 0.
    pub index: usize,
    /// Its id, where one can be made out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Why, by name.
    pub reason: &'static str,
    /// Which field, what was wrong.
    pub detail: String,
}
