//! A statement, as far as its parts become an event.

use std::borrow::Cow;

use homeroom_core::ActorForm;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::values::{Extensions, List, Map, Number, Text};

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'p"))]
pub(super) struct Statement<'p> {
    pub id: Text<'p>,
    pub actor: Map<Agent<'p>>,
    pub verb: Map<Verb<'p>>,
    pub object: Map<Object<'p>>,
    pub result: Map<Outcome<'p>>,
    pub context: Map<Context<'p>>,
    pub timestamp: Option<&'p RawValue>,
    pub stored: Option<&'p RawValue>,
}

/// What is read of a statement that is damaged elsewhere.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'p"))]
pub(super) struct ActorOnly<'p> {
    pub actor: Map<Agent<'p>>,
}

/// A person or an identified group.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'p"))]
pub(super) struct Agent<'p> {
    pub account: Map<Account<'p>>,
    pub mbox: Text<'p>,
    pub mbox_sha1sum: Text<'p>,
    pub openid: Text<'p>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'p"))]
pub(super) struct Account<'p> {
    pub home_page: Text<'p>,
    pub name: Text<'p>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'p"))]
pub(super) struct Verb<'p> {
    pub id: Text<'p>,
}

/// An activity, an agent, another statement, or a statement within the statement.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'p"))]
pub(super) struct Object<'p> {
    pub id: Text<'p>,
    pub definition: Map<Definition<'p>>,
    pub account: Map<Account<'p>>,
    pub mbox: Text<'p>,
    pub mbox_sha1sum: Text<'p>,
    pub openid: Text<'p>,
    /// What the statement within was about.
    pub object: Map<Activity<'p>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'p"))]
pub(super) struct Activity<'p> {
    pub id: Text<'p>,
    pub definition: Map<Definition<'p>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'p"))]
pub(super) struct Definition<'p> {
    #[serde(rename = "type")]
    pub kind: Text<'p>,
    pub name: Extensions<'p>,
}

/// `result`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'p"))]
pub(super) struct Outcome<'p> {
    pub score: Option<Map<Score>>,
    pub success: Option<bool>,
    pub completion: Option<bool>,
    pub response: Text<'p>,
    pub duration: Text<'p>,
    pub extensions: Extensions<'p>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Score {
    pub raw: Option<Number>,
    pub max: Option<Number>,
    pub scaled: Option<Number>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'p"))]
pub(super) struct Context<'p> {
    pub registration: Text<'p>,
    pub context_activities: Map<ContextActivities<'p>>,
    pub platform: Text<'p>,
    pub language: Text<'p>,
    pub revision: Text<'p>,
    pub extensions: Extensions<'p>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'p"))]
pub(super) struct ContextActivities<'p> {
    pub parent: List<Activity<'p>>,
    pub grouping: List<Activity<'p>>,
    pub category: List<Activity<'p>>,
}

impl<'p> Agent<'p> {
    /// The learner that this agent is; none for a group without an identity of its own.
    pub fn user_id(&self, form: ActorForm) -> Option<Cow<'p, str>> {
        self.account
            .user_id(form)
            .or_else(|| self.mbox.filled())
            .or_else(|| Some(Cow::Owned(format!("sha1:{}", self.mbox_sha1sum.filled()?))))
            .or_else(|| self.openid.filled())
    }

    /// Where its account is, if it is known by one.
    pub fn home_page(&self) -> Option<Cow<'p, str>> {
        self.account.name.filled()?;
        self.account.home_page.filled()
    }
}

impl<'p> Account<'p> {
    fn user_id(&self, form: ActorForm) -> Option<Cow<'p, str>> {
        let name = self.name.filled()?;
        match form {
            ActorForm::Name => Some(name),
            ActorForm::HomePageAndName => {
                Some(Cow::Owned(format!("{}|{name}", self.home_page.filled()?)))
            }
        }
    }
}

impl<'p> Object<'p> {
    /// The activity, statement or agent that was acted on; of a statement within the statement, what that one was about.
    pub fn id(&self, form: ActorForm) -> Option<Cow<'p, str>> {
        self.id
            .filled()
            .or_else(|| self.agent().user_id(form))
            .or_else(|| self.object.id.filled())
    }

    fn agent(&self) -> Agent<'p> {
        Agent {
            account: self.account.clone(),
            mbox: self.mbox.clone(),
            mbox_sha1sum: self.mbox_sha1sum.clone(),
            openid: self.openid.clone(),
        }
    }
}

impl Outcome<'_> {
    /// Whether its score is one of something: points without their maximum, which the standard allows, tell nothing.
    pub fn is_scored(&self) -> bool {
        self.score.as_deref().is_some_and(|score| {
            (score.raw.is_some() && score.max.is_some()) || score.scaled.is_some()
        })
    }
}
