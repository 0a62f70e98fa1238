//! The lesson as lines of text, for outputs that can't be redrawn.

use super::view::{Picture, USUAL_GRPC_PORT, cli, clock, conservation, latency};
use crate::demo::class::{self, COURSE};

/// The first line: commands and addresses to query the node.
pub(super) fn opening(picture: &Picture) -> String {
    let (grpc, http) = (picture.grpc, picture.http);
    let (name, cli) = (class::name(0), cli());
    let endpoint = if grpc.port() == USUAL_GRPC_PORT {
        String::new()
    } else {
        format!(" --endpoint http://{grpc}")
    };
    format!(
        "a class of {} lives in a node of its own: ask it at http://{grpc} (gRPC), http://{http}/v1/courses/{COURSE} or http://{http}/metrics \
         (HTTP), or with `{cli}{endpoint} get {name}`, `… watch {name}`, `… course {COURSE}`, `… doctor`",
        picture.learners
    )
}

/// The lesson at one moment, in one line.
pub(super) fn line(picture: &Picture) -> String {
    let mut parts = vec![format!("lesson {}", clock(picture.lesson_ms))];
    match picture.rates.last() {
        Some(rate) => parts.push(format!("{rate} events/s")),
        None if picture.is_live => {}
        None => parts.push("telling the first ten minutes".to_owned()),
    }
    if let Some(course) = picture.course.as_ref().and_then(|of| of.course.as_ref()) {
        parts.push(format!(
            "{} active, {} watching, {} idle, {} away, {} need help",
            course.active, course.watching, course.idle, course.away, course.needing_help
        ));
    }
    parts.push(conservation(&picture.snapshot.tally));
    if let Some(insight) = &picture.snapshot.insight {
        parts.push(format!("insight {}", latency(insight)));
    }
    parts.extend(picture.behind());
    parts.join(" | ")
}
