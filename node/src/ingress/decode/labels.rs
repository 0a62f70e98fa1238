//! The names of an event's fields in each form, for messages.

/// The names of the fields in one form.
#[derive(Debug)]
pub(super) struct Labels {
    pub user_id: &'static str,
    pub event_type: &'static str,
    pub timestamp: &'static str,
    pub source: &'static str,
    pub session_id: &'static str,
    pub score: &'static str,
    pub max_score: &'static str,
    pub success: &'static str,
    pub duration_ms: &'static str,
    pub length_ms: &'static str,
    pub position_ms: &'static str,
}

/// For native JSON and protobuf messages.
pub(super) const CONTRACT: Labels = Labels {
    user_id: "userId",
    event_type: "eventType",
    timestamp: "timestamp",
    source: "source",
    session_id: "sessionId",
    score: "score",
    max_score: "maxScore",
    success: "success",
    duration_ms: "durationMs",
    length_ms: "lengthMs",
    position_ms: "positionMs",
};

/// For xAPI statements: the part of the statement that each field is read from.
pub(super) const XAPI: Labels = Labels {
    user_id: "actor (account, mbox, mbox_sha1sum or openid)",
    event_type: "verb.id",
    timestamp: "timestamp",
    source: "source",
    session_id: "sessionId",
    score: "result.score (raw or scaled)",
    max_score: "result.score.max",
    success: "result.success",
    duration_ms: "result.duration",
    length_ms: "the length extension",
    position_ms: "the time extension",
};
