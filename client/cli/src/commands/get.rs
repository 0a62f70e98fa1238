//! `homeroom get`.

use homeroom_client::{Client, v1};
use serde::Serialize;

use crate::{args::ReadArgs, error::CliError, output::Output, render};

/// Show one learner's profile: session, courses, windows, last interactions, accuracy, and how
/// current all that is.
///
/// An unknown learner: with --json, `found` is false and the exit code 0, since that is an answer;
/// without, the exit code is 1.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The learner's id.
    learner: String,
    #[command(flatten)]
    read: ReadArgs,
}

/// A profile, or its absence, as JSON.
#[derive(Serialize)]
pub(super) struct ProfileDocument<'a> {
    pub(super) found: bool,
    pub(super) profile: Option<&'a v1::LearnerProfile>,
    pub(super) freshness: Option<&'a v1::Freshness>,
}

pub(super) async fn run(client: &Client, args: Args, output: &mut Output) -> Result<(), CliError> {
    let request = v1::GetLearnerRequest {
        user_id: args.learner.clone(),
        read: Some(args.read.options()),
        field_mask: None,
    };
    let answer = client.get_learner(request).await?;
    if output.is_json() {
        return output.json(&ProfileDocument {
            found: answer.found,
            profile: answer.profile.as_ref(),
            freshness: answer.freshness.as_ref(),
        });
    }
    let Some(profile) = answer.profile.filter(|_| answer.found) else {
        return Err(CliError::NoSuchLearner(args.learner));
    };
    show(&profile, output)?;
    match &answer.freshness {
        Some(freshness) => output.text(render::freshness(freshness)),
        None => Ok(()),
    }
}

fn show(profile: &v1::LearnerProfile, output: &mut Output) -> Result<(), CliError> {
    output.text(render::facts([
        ("learner", profile.user_id.clone()),
        ("session", session(profile.session.as_ref())),
        ("last event", render::time(profile.last_event_ms)),
        ("events", profile.events.to_string()),
        ("accuracy", accuracy(profile.accuracy.as_ref())),
    ]))?;
    show_courses(&profile.courses, output)?;
    show_windows(profile, output)?;
    show_interactions(&profile.last_interactions, output)?;
    show_assessments(profile, output)?;
    output.text("")
}

fn session(session: Option<&v1::Session>) -> String {
    let Some(session) = session else {
        return "-".to_owned();
    };
    let state = if session.ended { "ended" } else { "running" };
    let (start, events) = (render::time(session.start_ms), session.events);
    format!(
        "{} ({state}, since {start}, {events} events)",
        session.session_id
    )
}

fn accuracy(accuracy: Option<&v1::Accuracy>) -> String {
    let accuracy = accuracy.copied().unwrap_or_default();
    let (last5, last20) = (
        render::share(accuracy.last5),
        render::share(accuracy.last20),
    );
    match accuracy.attempts {
        0 => "no attempts yet".to_owned(),
        attempts => {
            format!("{last5} over the newest 5, {last20} over the newest 20 ({attempts} so far)")
        }
    }
}

fn show_courses(courses: &[v1::CourseMembership], output: &mut Output) -> Result<(), CliError> {
    if courses.is_empty() {
        return Ok(());
    }
    let mut table = render::table(["course", "status", "enrolled", "last event", "needs help"]);
    for course in courses {
        let reasons: Vec<_> = course.reasons.iter().map(render::help).collect();
        table.add_row([
            render::text_or_dash(&course.course_id).to_owned(),
            render::status(course.status()),
            course.enrolled.map_or("-", render::yes_no).to_owned(),
            render::time(course.last_event_ms),
            render::text_or_dash(&reasons.join(", ")).to_owned(),
        ]);
    }
    output.text(format_args!("\n{table}"))
}

fn show_windows(profile: &v1::LearnerProfile, output: &mut Output) -> Result<(), CliError> {
    let named = [
        ("sliding", &profile.sliding_window),
        ("last minute", &profile.last_window),
    ];
    let mut table = render::table([
        "window",
        "from",
        "state",
        "clicks",
        "quizzes",
        "score",
        "video",
        "active",
        "engagement",
    ]);
    for (name, window) in named {
        let Some(window) = window else { continue };
        table.add_row([
            name.into(),
            render::time(window.start_ms).into(),
            render::window_state(window.state()).into(),
            render::number(window.clicks),
            render::number(window.quiz_count),
            render::number(render::share(window.average_score)),
            render::number(format_args!("{} ms", window.video_ms)),
            render::number(format_args!("{} ms", window.active_ms)),
            render::number(render::share(Some(window.engagement))),
        ]);
    }
    match table.is_empty() {
        true => Ok(()),
        false => output.text(format_args!("\n{table}")),
    }
}

fn show_interactions(
    interactions: &[v1::Interaction],
    output: &mut Output,
) -> Result<(), CliError> {
    if interactions.is_empty() {
        return Ok(());
    }
    let mut table = render::table(["last interactions", "type", "course", "object", "source"]);
    for interaction in interactions {
        table.add_row([
            render::time(interaction.timestamp_ms),
            interaction.event_type.clone(),
            render::text_or_dash(&interaction.course_id).to_owned(),
            render::text_or_dash(&interaction.object_id).to_owned(),
            interaction.source.clone(),
        ]);
    }
    output.text(format_args!("\n{table}"))
}

fn show_assessments(profile: &v1::LearnerProfile, output: &mut Output) -> Result<(), CliError> {
    if profile.last_assessments.is_empty() {
        return Ok(());
    }
    let mut table = render::table(["last assessments", "type", "object", "skill", "score"]);
    for assessment in &profile.last_assessments {
        table.add_row([
            render::time(assessment.timestamp_ms).into(),
            assessment.event_type.as_str().into(),
            render::text_or_dash(&assessment.object_id).into(),
            render::text_or_dash(&assessment.skill_id).into(),
            render::number(render::share(Some(assessment.score))),
        ]);
    }
    output.text(format_args!("\n{table}"))
}
