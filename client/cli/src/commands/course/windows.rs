//! `homeroom course --windows`: the windows of a whole class.

use homeroom_client::{Client, v1};

use super::Args;
use crate::{error::CliError, output::Output, render};

pub(super) async fn run(
    client: &Client,
    course_id: &str,
    args: &Args,
    output: &mut Output,
) -> Result<(), CliError> {
    let mut windows = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = client.list_course_windows(v1::ListCourseWindowsRequest {
            course_id: course_id.to_owned(),
            size_ms: args.shape.size,
            step_ms: args.shape.step.unwrap_or_default(),
            from_ms: args.shape.from,
            to_ms: args.shape.to,
            read: Some(args.read.options()),
            page_size: 0,
            page_token,
        });
        let page = page.await?;
        if !page.found && !output.is_json() {
            return Err(CliError::NoSuchCourse(course_id.to_owned()));
        }
        windows.extend(page.windows);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if output.is_json() {
        return windows.iter().try_for_each(|window| output.json(window));
    }
    let mut table = render::table([
        "from",
        "state",
        "learners",
        "clicks",
        "quizzes",
        "score",
        "video",
        "active",
        "engagement",
    ]);
    for window in &windows {
        table.add_row([
            render::time(window.start_ms).into(),
            render::window_state(window.state()).into(),
            render::number(window.learners),
            render::number(window.clicks),
            render::number(window.quiz_count),
            render::number(render::share(window.average_score)),
            render::number(format_args!("{} ms", window.video_ms)),
            render::number(format_args!("{} ms", window.active_ms)),
            render::number(render::share(Some(window.engagement))),
        ]);
    }
    output.text(table)
}
