//! `homeroom settings`.

use clap::Subcommand;
use homeroom_client::{Client, v1};
use homeroom_proto::short_name;

use super::settings_change::SettingChange;
use crate::{error::CliError, output::Output, render};

/// Show or change the settings that the whole cluster agrees on.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show them.
    Get,
    /// Change some, and show all.
    ///
    /// retention=10d  allowed-lateness=30s  source-delay=10s  late-policy=amend|dead_letter
    /// learner-bytes-max=1MiB (how much a learner holds, in bytes, KiB or MiB)
    /// authority.TYPE=SOURCE[,SOURCE…] (whose word counts for an event type; none: everybody's)
    /// sources.NAME.ordered=true|false  sources.NAME.delay=5s  sources.NAME.extra-credit=true|false
    /// sources.NAME.drop-unknown-fields=true|false  sources.NAME.actor-form=name|home_page_and_name
    /// sources.NAME.skill-from=grouping|category|definition:IRI|context:IRI (the part of an xAPI
    /// statement that its skill is read from; nothing: none)
    #[command(verbatim_doc_comment)]
    Set {
        /// What to change.
        #[arg(value_name = "KEY=VALUE", required = true)]
        changes: Vec<SettingChange>,
    },
}

pub(super) async fn run(client: &Client, args: Args, output: &mut Output) -> Result<(), CliError> {
    let settings = match args.command {
        None | Some(Command::Get) => client.settings().await?,
        Some(Command::Set { changes }) => change(client, &changes).await?,
    };
    if output.is_json() {
        return output.json(&settings);
    }
    output.text(render::facts(rows(&settings)))
}

/// A source's policy is replaced as a whole, so its unchanged fields are sent too.
async fn change(client: &Client, changes: &[SettingChange]) -> Result<v1::Settings, CliError> {
    let present = match changes.iter().any(SettingChange::is_of_a_source) {
        true => client.settings().await?,
        false => v1::Settings::default(),
    };
    let mut update = v1::Settings::default();
    for change in changes {
        change.apply(&present, &mut update);
    }
    Ok(client.update_settings(update).await?)
}

fn rows(settings: &v1::Settings) -> Vec<(String, String)> {
    let duration = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), render::duration_ms);
    let late_policy = short_name(settings.late_policy().as_str_name(), "LATE_POLICY_");
    let mut rows = vec![
        ("version".to_owned(), settings.version.to_string()),
        ("retention".to_owned(), duration(settings.retention_ms)),
        (
            "allowed-lateness".to_owned(),
            duration(settings.allowed_lateness_ms),
        ),
        (
            "source-delay".to_owned(),
            duration(settings.source_delay_ms),
        ),
        ("late-policy".to_owned(), late_policy.to_ascii_lowercase()),
        (
            "learner-bytes-max".to_owned(),
            settings
                .learner_bytes_max
                .map_or_else(|| "-".to_owned(), render::bytes),
        ),
    ];
    for (event_type, sources) in &settings.authority {
        rows.push((format!("authority.{event_type}"), sources.sources.join(",")));
    }
    for (source, policy) in &settings.sources {
        let form = short_name(policy.actor_form().as_str_name(), "ACTOR_FORM_");
        let fields = [
            ("ordered", policy.ordered.map(|value| value.to_string())),
            ("delay", policy.delay_ms.map(render::duration_ms)),
            (
                "extra-credit",
                policy.extra_credit.map(|value| value.to_string()),
            ),
            (
                "drop-unknown-fields",
                policy.drop_unknown_fields.map(|value| value.to_string()),
            ),
            (
                "actor-form",
                (policy.actor_form != 0).then(|| form.to_ascii_lowercase()),
            ),
            (
                "skill-from",
                Some(policy.skill_from.clone()).filter(|from| !from.is_empty()),
            ),
        ];
        for (name, value) in fields {
            rows.extend(value.map(|value| (format!("sources.{source}.{name}"), value)));
        }
    }
    rows
}
