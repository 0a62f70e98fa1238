//! Checks that xAPI accounts of different platforms are not mistaken for one learner.

use homeroom_core::ActorForm;
use homeroom_proto::v1::Finding;

use super::{
    facts::Facts,
    finding::{argument, listed, ok, warning},
};

/// Under one source, an account's name identifies a learner only if there is one homePage.
pub(super) fn home_pages(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "home-pages";
    let ambiguous = facts.home_pages.iter().filter(|(source, pages)| {
        let form = facts.settings.source_policy(source).actor_form;
        pages.len() > 1 && form == ActorForm::Name
    });
    let findings: Vec<Finding> = ambiguous
        .map(|(source, pages)| {
            let words = format!(
                "accounts of several homePages came under this source ({}), and learners are distinguished by the account's name alone: \
                 two people of one name count as one",
                listed(pages.iter().map(|page| &**page))
            );
            let advice = format!(
                "if they are different people, `homeroom settings set sources.{}.actor-form=home_page_and_name` (from then on, under \
                 new ids), or have each platform send under a credential of its own",
                argument(source)
            );
            warning(CHECK, source, words, advice)
        })
        .collect();
    if !findings.is_empty() {
        return findings;
    }
    let words = match facts.home_pages.len() {
        0 => "no xAPI account came since the node started".to_owned(),
        count => format!("{count} sources of xAPI accounts, none of them ambiguous"),
    };
    vec![ok(CHECK, words)]
}

#[cfg(test)]
mod tests {
    use homeroom_core::SourcePolicy;
    use homeroom_proto::v1::Severity;

    use super::super::sample;
    use super::*;

    #[test]
    fn two_homepages_are_a_warning_unless_they_are_part_of_the_id() {
        let mut facts = sample::healthy();
        let pages = ["https://a.test", "https://b.test"].map(Box::from);
        facts.home_pages.insert("xapi".into(), pages.to_vec());
        let findings = home_pages(&facts);
        assert_eq!(findings.len(), 1, "{findings:?}");
        let finding = &findings[0];
        assert_eq!(finding.severity(), Severity::Warning);
        assert_eq!(finding.subject, "xapi");
        for page in ["https://a.test", "https://b.test"] {
            assert!(finding.words.contains(page), "{finding:?}");
        }
        assert!(
            finding
                .advice
                .contains("homeroom settings set sources.xapi.actor-form=home_page_and_name")
        );
        let policy = SourcePolicy {
            actor_form: ActorForm::HomePageAndName,
            ..SourcePolicy::default()
        };
        facts.settings.sources.insert("xapi".to_owned(), policy);
        assert_eq!(home_pages(&facts)[0].severity(), Severity::Ok);
    }
}
