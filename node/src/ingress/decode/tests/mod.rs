//! Tests of decoding: deliveries and their events or refusals.

mod corpus;
mod native;
mod proto;
mod random;
mod refusals;
mod score;
mod wire;
mod xapi;
mod xapi_clients;
mod xapi_platforms;
mod xapi_skills;
mod xapi_standard;

use homeroom_core::{Event, Reason, Refusal, Settings, SourcePolicy};

use super::{DeliveryContext, decode_native, decode_xapi};

/// 2026-03-04T10:00:00Z
const NOW_MS: i64 = 1_772_618_400_000;

fn settings_with(source: &str, policy: SourcePolicy) -> Settings {
    Settings {
        sources: [(source.to_owned(), policy)].into(),
        ..Settings::default()
    }
}

pub(in crate::ingress) fn context(settings: &Settings) -> DeliveryContext<'_> {
    DeliveryContext {
        log_times_ms: &[Some(NOW_MS); 4],
        first_arrived_ms: None,
        listener: "http",
        settings,
        home_pages: None,
    }
}

pub(in crate::ingress) fn native(json: &str) -> Result<Event<'_>, Refusal<'_>> {
    decode_native(json.as_bytes(), &context(&Settings::default()))
}

fn xapi(json: &str) -> Result<Event<'_>, Refusal<'_>> {
    decode_xapi(json.as_bytes(), "", &context(&Settings::default()))
}

#[track_caller]
fn refused(decoded: Result<Event<'_>, Refusal<'_>>, reason: Reason, detail: &str) {
    let refusal = decoded.expect_err("is refused");
    assert_eq!(refusal.reason, reason, "{}", refusal.detail);
    assert!(
        refusal.detail.contains(detail),
        "{:?} lacks {detail:?}",
        refusal.detail
    );
}

/// A valid native event to which `members` are added, or replace others.
pub(in crate::ingress) fn with(members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(
        r#"{{"eventId":"e1","userId":"ada","sessionId":"s1","timestamp":"2026-03-04T09:59:00Z",
            "eventType":"page_view","source":"lms"{comma}{members}}}"#
    )
}
