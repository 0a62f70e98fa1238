//! The members of JSON objects whose names are not known beforehand.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Name and JSON text of a member.
pub(super) type Member<'p> = (Cow<'p, str>, &'p str);

/// The members of any JSON object, in the order of the text; `null`s are left out.
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
        while let Some(name) = members.next_key_seed(AnyNameSeed)? {
            let json = members.next_value::<&'de RawValue>()?.get();
            if json != "null" {
                found.push((name, json));
            }
        }
        Ok(Members(found))
    }
}

struct AnyNameSeed;

impl<'de> DeserializeSeed<'de> for AnyNameSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for AnyNameSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a member's name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
