//! Tests the broken events against the node's decoder: each is refused for the reason it is made
//! for.

use homeroom_core::Settings;

use super::broken;
use crate::ingress::{DeliveryContext, decode_native};

const NOW_MS: i64 = 1_772_438_400_000;

#[test]
fn each_way_of_being_broken_has_a_reason_of_its_own() {
    let context = DeliveryContext {
        log_times_ms: &[Some(NOW_MS)],
        first_arrived_ms: None,
        listener: "grpc",
        settings: &Settings::default(),
        home_pages: None,
    };
    let reason = |number| {
        let payload = broken::payload(number, "mia.schmidt", NOW_MS);
        let refusal = decode_native(&payload, &context).err()?;
        Some(refusal.reason)
    };
    let reasons: Vec<_> = (0..broken::WAYS).map(reason).collect();
    for (way, reason) in reasons.iter().enumerate() {
        // An event that is too old passes the decoder; its learner refuses it.
        assert_eq!(reason.is_none(), way == 6, "{way}: {reason:?}");
        let same = reasons.iter().filter(|other| *other == reason);
        assert_eq!(same.count(), 1, "{reasons:?}");
    }
}
