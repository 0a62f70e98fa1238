//! Reads JSON objects with unknown member names.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A text, borrowed unless it has escapes.
#[derive(Deserialize)]
pub(super) struct Name<'p>(#[serde(borrow)] pub Cow<'p, str>);

/// Name and JSON text of a member.
pub(super) type Member<'p> = (Cow<'p, str>, &'p str);

/// The members of a JSON object in the order of the text, without `null`s.
#[derive(Debug, Default)]
pub(super) struct Members<'p>(pub Vec<Member<'p>>);

impl<'de: 'p, 'p> Deserialize<'de> for Members<'p> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(MembersVisitor(PhantomData))
    }
}

struct MembersVisitor<'p>(PhantomData<&'p ()>);

impl<'de: 'p, 'p> Visitor<'de> for MembersVisitor<'p> {
    type Value = Members<'p>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(Name(name)) = members.next_key()? {
            let json = members.next_value::<&'de RawValue>()?.get();
            if json != "null" {
                found.push((name, json));
            }
        }
        Ok(Members(found))
    }
}
