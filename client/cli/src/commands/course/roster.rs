//! A course with its roster.

use comfy_table::Cell;
use homeroom_client::{Client, v1};
use serde::Serialize;

use super::Args;
use crate::{error::CliError, output::Output, render};

const PAGE: u32 = 10_000;

/// A course with its roster, or its absence, as JSON.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    pub(super) found: bool,
    pub(super) course: Option<&'a v1::Course>,
    pub(super) roster: &'a [v1::RosterEntry],
    pub(super) freshness: &'a [v1::Freshness],
}

pub(super) async fn run(
    client: &Client,
    course_id: &str,
    args: &Args,
    output: &mut Output,
) -> Result<(), CliError> {
    let limit = args.limit.map_or(usize::MAX, |limit| limit as usize);
    let mut roster = Vec::new();
    let mut page_token = String::new();
    let answer = loop {
        let wanted = u32::try_from(limit - roster.len()).unwrap_or(u32::MAX);
        let mut page = client
            .get_course(v1::GetCourseRequest {
                course_id: course_id.to_owned(),
                read: Some(args.read.options()),
                page_size: wanted.min(PAGE),
                page_token,
                needing_help_only: args.needing_help,
            })
            .await?;
        roster.append(&mut page.roster);
        page_token = std::mem::take(&mut page.next_page_token);
        if page_token.is_empty() || roster.len() >= limit {
            break page;
        }
    };
    if output.is_json() {
        return output.json(&Document {
            found: answer.found,
            course: answer.course.as_ref(),
            roster: &roster,
            freshness: &answer.freshness,
        });
    }
    let Some(course) = answer.course.filter(|_| answer.found) else {
        return Err(CliError::NoSuchCourse(course_id.to_owned()));
    };
    show(&course, &roster, output)?;
    match oldest(&answer.freshness) {
        Some(freshness) => output.text(format_args!("\n{}", render::freshness(freshness))),
        None => Ok(()),
    }
}

/// As text: the course in one line, and a table of its roster.
pub(super) fn show(
    course: &v1::Course,
    roster: &[v1::RosterEntry],
    output: &mut Output,
) -> Result<(), CliError> {
    output.text(summary(course))?;
    if roster.is_empty() {
        return Ok(());
    }
    let mut table = render::table([
        "learner",
        "status",
        "engagement",
        "newest 5",
        "newest 20",
        "last seen",
        "needs help",
    ]);
    for entry in roster {
        table.add_row(row(entry));
    }
    output.text(format_args!("\n{table}"))
}

fn summary(course: &v1::Course) -> String {
    let v1::Course {
        course_id,
        learners,
        active,
        watching,
        idle,
        away,
        needing_help,
        ..
    } = course;
    let engagement = render::share(course.engagement);
    let course_id = render::name(course_id);
    format!(
        "{course_id}: {learners} learners ({active} active, {watching} watching, {idle} idle, {away} away), \
         {needing_help} need help, engagement {engagement}"
    )
}

fn row(entry: &v1::RosterEntry) -> [Cell; 7] {
    let accuracy = entry.accuracy.unwrap_or_default();
    let reasons: Vec<_> = entry.reasons.iter().map(render::help).collect();
    [
        entry.user_id.as_str().into(),
        render::status(entry.status()).into(),
        render::number(render::share(Some(entry.engagement))),
        render::number(render::share(accuracy.last5)),
        render::number(render::share(accuracy.last20)),
        render::time(entry.last_event_ms).into(),
        render::text_or_dash(&reasons.join(", ")).into(),
    ]
}

/// The oldest freshness among the shards of the answer.
fn oldest(freshness: &[v1::Freshness]) -> Option<&v1::Freshness> {
    freshness
        .iter()
        .filter(|freshness| freshness.watermark_ms.is_some())
        .max_by_key(|freshness| freshness.staleness_ms)
}
