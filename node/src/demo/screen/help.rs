//! Formats help reasons.

use homeroom_proto::v1::HelpReason;
use jiff::{Timestamp, tz::TimeZone};

use super::plain::plain;

/// All reasons of one learner, in the node's order.
pub(super) fn why(reasons: &[HelpReason]) -> String {
    let words: Vec<String> = reasons.iter().map(in_words).collect();
    words.join(" · ")
}

/// The start of the oldest reason, as local time of day.
pub(super) fn since(reasons: &[HelpReason], zone: &TimeZone) -> String {
    let oldest = reasons.iter().map(|reason| reason.since_ms).min();
    let time = oldest.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(String::new, |time| {
        let time = time.to_zoned(zone.clone()).time();
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        format!("{hour:02}:{minute:02}:{second:02}")
    })
}

fn in_words(reason: &HelpReason) -> String {
    let count = reason.count;
    let on_skill = |of: &str| match reason.skill_id.as_str() {
        "" => String::new(),
        skill => format!(" {of} {}", plain(skill)),
    };
    match reason.code.as_str() {
        "wrong_in_a_row" => format!("{count} wrong in a row{}", on_skill("on")),
        "stuck_on_item" => format!("{count} tries at one item"),
        "idle_in_session" => "silent, the session still open".to_owned(),
        "rewatching" => format!("one video started {count} times"),
        "dropping_accuracy" => "accuracy is dropping".to_owned(),
        other => format!("{}{}", plain(other).replace('_', " "), on_skill("on")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: &str, skill_id: &str, count: u32, since_ms: i64) -> HelpReason {
        HelpReason {
            code: code.to_owned(),
            skill_id: skill_id.to_owned(),
            count,
            since_ms,
        }
    }

    #[test]
    fn reasons_are_told_in_words_also_those_of_a_newer_node() {
        let reasons = [
            reason("wrong_in_a_row", "fractions", 3, 1_772_448_135_000),
            reason("stuck_on_item", "fractions", 5, 1_772_448_130_000),
            reason("loud_sighs", "", 1, 1_772_448_140_000),
        ];
        let expected = "3 wrong in a row on fractions · 5 tries at one item · loud sighs";
        assert_eq!(why(&reasons), expected);
        assert_eq!(since(&reasons, &TimeZone::UTC), "10:42:10");
        assert_eq!(since(&[], &TimeZone::UTC), "");
    }
}
