//! `homeroom course --watch`: the roster after each change.

use homeroom_client::{Client, v1};

use super::{
    Args,
    roster::{Document, show},
};
use crate::{error::CliError, output::Output};

pub(super) async fn run(
    client: &Client,
    course_id: &str,
    args: &Args,
    output: &mut Output,
) -> Result<(), CliError> {
    let interrupted = tokio::signal::ctrl_c();
    tokio::select! {
        result = follow(client, course_id, args, output) => result,
        result = interrupted => Ok(result?),
    }
}

async fn follow(
    client: &Client,
    course_id: &str,
    args: &Args,
    output: &mut Output,
) -> Result<(), CliError> {
    let mut watch = client.watch_course(v1::WatchCourseRequest {
        course_id: course_id.to_owned(),
        min_interval_ms: u32::try_from(args.min_interval.as_millis()).unwrap_or(u32::MAX),
        page_size: args.limit.unwrap_or_default(),
        needing_help_only: args.needing_help,
    });
    let mut shown = None;
    loop {
        let answer = watch.next().await?;
        // After a reconnect the node sends the present state again, which may be shown already.
        let news = Some((answer.found, answer.course, answer.roster));
        if news == shown {
            continue;
        }
        if let Some((found, course, roster)) = &news {
            tell(*found, course.as_ref(), roster, &answer.freshness, output)?;
        }
        shown = news;
        output.flush()?;
    }
}

fn tell(
    found: bool,
    course: Option<&v1::Course>,
    roster: &[v1::RosterEntry],
    freshness: &[v1::Freshness],
    output: &mut Output,
) -> Result<(), CliError> {
    if output.is_json() {
        return output.json(&Document {
            found,
            course,
            roster,
            freshness,
        });
    }
    match course {
        Some(course) => {
            show(course, roster, output)?;
            output.text("")
        }
        None => output.text("no such course yet"),
    }
}
