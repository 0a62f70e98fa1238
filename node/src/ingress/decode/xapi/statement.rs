//! The parts of a statement that an event is made of.

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

/// The only part that is read of a statement with a fault elsewhere.
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

/// An activity, an agent, a reference to another statement, or a sub-statement.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'p"))]
pub(super) struct Object<'p> {
    pub id: Text<'p>,
    pub definition: Map<Definition<'p>>,
    pub account: Map<Account<'p>>,
    pub mbox: Text<'p>,
    pub mbox_sha1sum: Text<'p>,
    pub openid: Text<'p>,
    /// The object of the sub-statement.
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
    /// Read only where a setting asks for one of them. Statements with faulty ones are accepted.
    pub extensions: Option<&'p RawValue>,
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
    /// The agent's user id; `None` for a group without an identifier.
    pub fn user_id(&self, form: ActorForm) -> Option<Cow<'p, str>> {
        self.account
            .user_id(form)
            .or_else(|| self.mbox.filled())
            .or_else(|| Some(Cow::Owned(format!("sha1:{}", self.mbox_sha1sum.filled()?))))
            .or_else(|| self.openid.filled())
    }

    /// The homePage of its account, if it has one.
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
    /// The id of the activity, statement or agent acted on. Of a sub-statement it is the id of its
    /// object.
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
    /// Whether the score is relative to a maximum. The standard also allows points without one,
    /// which can't be rated.
    pub fn is_scored(&self) -> bool {
        self.score.as_deref().is_some_and(|score| {
            (score.raw.is_some() && score.max.is_some()) || score.scaled.is_some()
        })
    }
}
