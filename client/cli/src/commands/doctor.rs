//! `homeroom doctor`.

use homeroom_client::{Client, v1};
use serde::Serialize;

use crate::{error::CliError, output::Output, render};

/// Walk the checklist of an engineer who asks what is wrong, and say what to do about it.
///
/// Exit code 0 when nothing is wrong, 1 when something is, or when no node answers.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

#[derive(Serialize)]
struct DiagnosisDocument<'a> {
    healthy: bool,
    findings: &'a [v1::Finding],
}

pub(super) async fn run(client: &Client, _args: Args, output: &mut Output) -> Result<(), CliError> {
    let diagnosis = client.diagnose().await?;
    if output.is_json() {
        output.json(&DiagnosisDocument {
            healthy: diagnosis.healthy,
            findings: &diagnosis.findings,
        })?;
    } else {
        for finding in &diagnosis.findings {
            output.text(shown(finding))?;
        }
    }
    if diagnosis.healthy {
        return Ok(());
    }
    // The findings must be printed before the error that sums them up.
    output.flush()?;
    let count = |severity| {
        let findings = diagnosis.findings.iter();
        findings
            .filter(|finding| finding.severity() == severity)
            .count()
    };
    Err(CliError::Unhealthy {
        warnings: count(v1::Severity::Warning),
        faults: count(v1::Severity::Fault),
    })
}

/// A line for the finding, and one for what to do about it.
fn shown(finding: &v1::Finding) -> String {
    let mark = match finding.severity() {
        v1::Severity::Ok => "✓",
        v1::Severity::Note => "·",
        v1::Severity::Warning => "!",
        v1::Severity::Fault | v1::Severity::Unspecified => "✗",
    };
    let mut text = format!("{mark} {:<14} ", finding.check);
    if !finding.subject.is_empty() {
        text.push_str(&format!("{}: ", render::name(&finding.subject)));
    }
    text.push_str(&render::name(&finding.words));
    if !finding.advice.is_empty() {
        text.push_str(&format!("\n  → {}", render::name(&finding.advice)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_has_a_mark_and_its_advice_below() {
        let mut finding = v1::Finding {
            check: "disk".into(),
            severity: v1::Severity::Ok.into(),
            words: "50 GiB are free".into(),
            ..Default::default()
        };
        assert_eq!(shown(&finding), "✓ disk           50 GiB are free");
        finding.set_severity(v1::Severity::Warning);
        finding.subject = "lms".into();
        finding.advice = "make room".into();
        assert_eq!(
            shown(&finding),
            "! disk           lms: 50 GiB are free\n  → make room"
        );
    }
}
