//! The lesson as plain lines, where nothing can be drawn.

use super::view::{Picture, clock, conservation, latency};

/// Where to ask further.
pub(super) fn opening(picture: &Picture) -> String {
    let (grpc, http) = (picture.grpc, picture.http);
    format!(
        "a class of {} lives in a node of its own: ask it at http://{grpc} (gRPC), http://{http}/metrics",
        picture.learners
    )
}

/// The lesson at one moment.
pub(super) fn line(picture: &Picture) -> String {
    let mut parts = vec![format!("lesson {}", clock(picture.lesson_ms))];
    if picture.is_live {
        parts.push(format!("{} events/s", picture.rates.last().unwrap_or(&0)));
    } else {
        parts.push("telling the first ten minutes".to_owned());
    }
    if let Some(course) = picture.course.as_ref().and_then(|of| of.course.as_ref()) {
        parts.push(format!(
            "{} active, {} watching, {} idle, {} away, {} need help",
            course.active, course.watching, course.idle, course.away, course.needing_help
        ));
    }
    parts.push(conservation(&picture.standing.tally));
    if let Some(insight) = &picture.standing.insight {
        parts.push(format!("insight {}", latency(insight)));
    }
    parts.extend(picture.behind());
    parts.join(" | ")
}
