//! `homeroom watch`.

use std::time::Duration;

use homeroom_client::{Client, v1};

use super::get::ProfileDocument;
use crate::args::duration;
use crate::{error::CliError, output::Output, render};

/// Follow one learner: a line now, and one for each change.
///
/// Continues through a lost connection, until Ctrl-C (exit code 0) or until no node could be
/// reached for --timeout.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The learner's id.
    learner: String,
    /// No two lines are closer together than this; at least 10ms.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "100ms")]
    min_interval: Duration,
}

pub(super) async fn run(client: &Client, args: Args, output: &mut Output) -> Result<(), CliError> {
    let interrupted = tokio::signal::ctrl_c();
    tokio::select! {
        result = follow(client, args, output) => result,
        result = interrupted => Ok(result?),
    }
}

async fn follow(client: &Client, args: Args, output: &mut Output) -> Result<(), CliError> {
    let min_interval_ms = u32::try_from(args.min_interval.as_millis()).unwrap_or(u32::MAX);
    let mut watch = client.watch_learner(v1::WatchLearnerRequest {
        user_id: args.learner,
        min_interval_ms,
        field_mask: None,
    });
    let mut shown: Option<(bool, Option<v1::LearnerProfile>)> = None;
    loop {
        let answer = watch.next().await?;
        // After a reconnect the node sends the present state again, which may be shown already.
        let news = Some((answer.found, answer.profile));
        if news == shown {
            continue;
        }
        shown = news;
        let profile = shown.as_ref().and_then(|(_, profile)| profile.as_ref());
        let freshness = answer.freshness.as_ref();
        if output.is_json() {
            output.json(&ProfileDocument {
                found: answer.found,
                profile,
                freshness,
            })?;
        } else {
            output.text(line(profile.filter(|_| answer.found), freshness))?;
        }
        output.flush()?;
    }
}

fn line(profile: Option<&v1::LearnerProfile>, freshness: Option<&v1::Freshness>) -> String {
    let Some(profile) = profile else {
        return "no such learner yet".to_owned();
    };
    let window = profile.sliding_window.clone().unwrap_or_default();
    let mut words = vec![
        render::time(profile.last_event_ms),
        format!("events={}", profile.events),
        format!("clicks={}", window.clicks),
        format!("quizzes={}", window.quiz_count),
        format!("video={}ms", window.video_ms),
        format!("active={}ms", window.active_ms),
        format!("engagement={:.3}", window.engagement),
    ];
    for course in &profile.courses {
        let mut word = format!(
            "{}={}",
            render::name(&course.course_id),
            render::status(course.status())
        );
        for reason in &course.reasons {
            word.push_str(&format!(",{}", render::name(&reason.code)));
        }
        words.push(word);
    }
    if let Some(freshness) = freshness {
        words.push(format!("(as of {} ms ago)", freshness.staleness_ms));
    }
    words.join(" ")
}
