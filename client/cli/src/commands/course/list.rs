//! `homeroom course`, without an id: all courses.

use homeroom_client::{Client, v1};
use serde::Serialize;

use super::Args;
use crate::{error::CliError, output::Output, render};

const PAGE: u32 = 1_000;

/// All courses, as JSON.
#[derive(Serialize)]
struct Document {
    courses: Vec<v1::Course>,
    freshness: Vec<v1::Freshness>,
}

pub(super) async fn run(client: &Client, args: &Args, output: &mut Output) -> Result<(), CliError> {
    let mut all = Document {
        courses: Vec::new(),
        freshness: Vec::new(),
    };
    let mut page_token = String::new();
    loop {
        let page = client.list_courses(v1::ListCoursesRequest {
            read: Some(args.read.options()),
            page_size: PAGE,
            page_token,
        });
        let page = page.await?;
        all.courses.extend(page.courses);
        all.freshness = page.freshness;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if output.is_json() {
        return output.json(&all);
    }
    if all.courses.is_empty() {
        return output.text("no courses yet");
    }
    let mut table = render::table([
        "course",
        "learners",
        "active",
        "watching",
        "idle",
        "away",
        "need help",
        "engagement",
        "last event",
    ]);
    for course in &all.courses {
        table.add_row([
            render::text_or_dash(&course.course_id).into(),
            render::number(course.learners),
            render::number(course.active),
            render::number(course.watching),
            render::number(course.idle),
            render::number(course.away),
            render::number(course.needing_help),
            render::number(render::share(course.engagement)),
            render::time(course.last_event_ms).into(),
        ]);
    }
    output.text(table)
}
