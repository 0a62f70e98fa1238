//! The values in statements, deserialized in one pass and borrowed from the text. Absent values and
//! `null`s are empty.

use std::{borrow::Cow, fmt, marker::PhantomData, ops::Deref};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use super::super::{
    members::{Member, Members, Name},
    text::{is_number, is_string, unquoted},
};

/// Text, borrowed unless it has escapes.
#[derive(Clone, Debug, Default)]
pub(super) struct Text<'p>(Cow<'p, str>);

impl<'p> Text<'p> {
    /// The text, unless it is empty.
    pub fn filled(&self) -> Option<Cow<'p, str>> {
        (!self.0.is_empty()).then(|| self.0.clone())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'p, 'p> Deserialize<'de> for Text<'p> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::<Name<'p>>::deserialize(from)
            .map(|text| Self(text.map(|Name(text)| text).unwrap_or_default()))
    }
}

/// A JSON object. A derived `Deserialize` would also accept an array of the fields.
#[derive(Clone, Debug, Default)]
pub(super) struct Map<T>(pub T);

impl<T> Deref for Map<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Map<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(MapVisitor(PhantomData))
    }
}

struct MapVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for MapVisitor<T> {
    type Value = Map<T>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Map)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Map(T::default()))
    }
}

/// An array of objects. A single object counts as an array of one, as in early versions of the
/// standard.
#[derive(Clone, Debug)]
pub(super) struct List<T>(Vec<Map<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> List<T> {
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|Map(element)| element)
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        Ok(List(vec![MapVisitor(PhantomData).visit_map(members)?]))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(List::default())
    }
}

/// A number. One out of range is infinite, which the checks refuse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let json = <&'de RawValue>::deserialize(from)?.get();
        let number = if is_number(json) {
            json.parse().ok()
        } else {
            None
        };
        number
            .map(Number)
            .ok_or_else(|| D::Error::custom("expected a number"))
    }
}

/// Values by IRI, or by language.
#[derive(Clone, Debug, Default)]
pub(super) struct Extensions<'p>(Vec<Member<'p>>);

impl<'p> Extensions<'p> {
    pub fn iter(&self) -> impl Iterator<Item = (&Cow<'p, str>, &'p str)> {
        self.0.iter().map(|(name, json)| (name, *json))
    }

    pub fn text(&self, iri: &str) -> Option<Cow<'p, str>> {
        let json = self.get(iri).filter(|json| is_string(json))?;
        unquoted(json).ok().filter(|text| !text.is_empty())
    }

    /// A text, or the texts of an array.
    pub fn texts(&self, iri: &str) -> Vec<Cow<'p, str>> {
        let json = self.get(iri).unwrap_or_default();
        let elements = match json.starts_with('[') {
            true => serde_json::from_str::<Vec<&'p RawValue>>(json).unwrap_or_default(),
            false => return self.text(iri).into_iter().collect(),
        };
        let elements = elements.into_iter().map(RawValue::get);
        let texts = elements.filter(|json| is_string(json)).map(unquoted);
        texts
            .filter_map(|text| text.ok().filter(|text| !text.is_empty()))
            .collect()
    }

    /// The text of a number.
    pub fn number(&self, iri: &str) -> Option<&'p str> {
        self.get(iri).filter(|json| is_number(json))
    }

    fn get(&self, iri: &str) -> Option<&'p str> {
        self.0
            .iter()
            .find(|(name, _)| name == iri)
            .map(|(_, json)| *json)
    }
}

impl<'de: 'p, 'p> Deserialize<'de> for Extensions<'p> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::<Members<'p>>::deserialize(from)
            .map(|members| Self(members.map(|Members(members)| members).unwrap_or_default()))
    }
}
