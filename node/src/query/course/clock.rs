//! The event time at which a class is read.

use homeroom_core::{shard::ReadPoint, time::MINUTE_MS};

use crate::shard::View;

/// A class is live if its newest event was at most this old when it arrived. Its time then goes on
/// while no events arrive. Replayed history stays at the time of its last event.
const LIVE_WITHIN_MS: i64 = 5 * MINUTE_MS;

/// The points at which the learners of each shard are read. Each is the shard's own, except that
/// all share one event clock.
///
/// Learners of a class are on all shards, and a shard's clock stops while its few learners send
/// no events. Whether a learner was inactive for five minutes depends on the time of the whole
/// class: the newest event time of any shard, plus the log time since.
pub fn points(views: &[impl AsRef<View>], log_now_ms: i64) -> Vec<ReadPoint> {
    let views = || views.iter().map(AsRef::as_ref);
    let event_clock_ms = views().map(|view| now_ms(view, log_now_ms)).max();
    let event_clock_ms = event_clock_ms.unwrap_or(i64::MIN);
    views()
        .map(|view| ReadPoint {
            event_clock_ms,
            ..view.at
        })
        .collect()
}

/// Only a newer event sets the clock. Late, duplicate and refused events do not.
fn now_ms(view: &View, log_now_ms: i64) -> i64 {
    let newest_ms = view.at.event_clock_ms;
    let Some(raised_ms) = view.clock_raised_ms else {
        return newest_ms;
    };
    let age_ms = raised_ms.saturating_sub(newest_ms).saturating_abs();
    if age_ms > LIVE_WITHIN_MS {
        return newest_ms;
    }
    newest_ms.saturating_add(log_now_ms.saturating_sub(raised_ms).max(0))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use homeroom_core::{EntryHash, Settings, shard::Freshness};

    use super::*;

    const NOON_MS: i64 = 1_741_168_800_000;

    fn view(event_clock_ms: i64, clock_raised_ms: Option<i64>) -> Arc<View> {
        Arc::new(View {
            applied_index: 1,
            entry_hash: EntryHash::default(),
            at: ReadPoint {
                watermark_ms: event_clock_ms,
                event_clock_ms,
                floor_ms: i64::MIN,
                allowed_lateness_ms: 0,
            },
            freshness: Freshness {
                watermark_ms: None,
                sources: Vec::new(),
            },
            settings: Arc::new(Settings::default()),
            log_time_ms: clock_raised_ms.unwrap_or_default(),
            clock_raised_ms,
            watermark_lag_ms: 0,
            next_due_ms: None,
        })
    }

    fn clock(views: &[Arc<View>], log_now_ms: i64) -> i64 {
        let points = points(views, log_now_ms);
        assert!(
            points
                .windows(2)
                .all(|pair| pair[0].event_clock_ms == pair[1].event_clock_ms)
        );
        points[0].event_clock_ms
    }

    #[test]
    fn a_silent_shard_follows_the_class() {
        let views = [
            view(NOON_MS, Some(NOON_MS)),
            view(NOON_MS + 60_000, Some(NOON_MS + 60_000)),
            view(i64::MIN, None),
        ];
        assert_eq!(clock(&views, NOON_MS + 60_000), NOON_MS + 60_000);
    }

    #[test]
    fn time_goes_on_in_a_silent_class() {
        let views = [view(NOON_MS, Some(NOON_MS + 2_000))];
        assert_eq!(clock(&views, NOON_MS + 302_000), NOON_MS + 300_000);
    }

    #[test]
    fn only_a_newer_event_sets_the_clock_of_a_shard() {
        let silent = view(NOON_MS, Some(NOON_MS));
        let late = view(NOON_MS - 60_000, Some(NOON_MS + 240_000));
        let views = [silent, late];
        assert_eq!(clock(&views, NOON_MS + 240_000), NOON_MS + 240_000);
    }

    #[test]
    fn replayed_history_stands_still_at_its_end() {
        let a_year_later_ms = NOON_MS + 365 * 86_400_000;
        let views = [view(NOON_MS, Some(a_year_later_ms))];
        assert_eq!(clock(&views, a_year_later_ms + 600_000), NOON_MS);
    }

    #[test]
    fn a_cluster_without_events_has_no_time() {
        assert_eq!(clock(&[view(i64::MIN, None)], NOON_MS), i64::MIN);
    }
}
