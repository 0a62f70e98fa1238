//! The query parameters of a read.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use prost_types::FieldMask;

use super::super::error::HttpError;

/// The known parameters, each at most once. An empty value counts as absent.
#[derive(Debug, Default)]
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    /// # Errors
    /// When a parameter is not among `known`, or occurs twice.
    pub fn of(pairs: Vec<(String, String)>, known: &[&str]) -> Result<Self, HttpError> {
        let unknown: Vec<&str> = pairs
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| !known.contains(name))
            .collect();
        if !unknown.is_empty() {
            let description = match known {
                [] => "unknown; this path takes no parameters".to_owned(),
                known => format!("unknown; this path takes {}", known.join(", ")),
            };
            return Err(HttpError::invalid(&unknown.join(", "), &description));
        }
        let mut params = BTreeMap::new();
        for (name, value) in pairs {
            if params.contains_key(&name) {
                return Err(HttpError::invalid(&name, "stands there twice"));
            }
            params.insert(name, value);
        }
        params.retain(|_, value| !value.is_empty());
        Ok(Self(params))
    }

    /// Empty when absent.
    pub fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    /// 0 when absent.
    pub fn number<T: FromStr + Default + fmt::Display>(&self, name: &str) -> Result<T, HttpError> {
        let Some(text) = self.get(name) else {
            return Ok(T::default());
        };
        let number = text.parse();
        number.map_err(|_| self.wrong(name, "a whole number within bounds"))
    }

    /// A time in ms since the epoch, given as such or in RFC 3339.
    pub fn time_ms(&self, name: &str) -> Result<Option<i64>, HttpError> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        if let Ok(ms) = text.parse() {
            return Ok(Some(ms));
        }
        // An unescaped plus arrives as a space, and no valid time contains a space.
        let time: Result<Timestamp, _> = text.replace(' ', "+").parse();
        let ms = time.map(Timestamp::as_millisecond);
        ms.map(Some)
            .map_err(|_| self.wrong(name, "an RFC 3339 time or ms since the epoch"))
    }

    pub fn truth(&self, name: &str) -> Result<bool, HttpError> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(self.wrong(name, "true or false")),
        }
    }

    /// One of `words`, ignoring ASCII case. The default when absent.
    pub fn one_of<T: Copy + Default>(
        &self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<T, HttpError> {
        let Some(text) = self.get(name) else {
            return Ok(T::default());
        };
        let found = words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text));
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(name, &format!("one of {}", words.join(", ")))
        })
    }

    /// A field mask from names separated by commas, in camelCase or snake_case.
    pub fn fields(&self, name: &str) -> Option<FieldMask> {
        let paths = self.get(name)?.split(',').map(str::trim);
        let paths: Vec<String> = paths
            .filter(|path| !path.is_empty())
            .map(to_snake_case)
            .collect();
        Some(FieldMask { paths })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn wrong(&self, name: &str, expected: &str) -> HttpError {
        let found = self.get(name).unwrap_or_default();
        HttpError::invalid(name, &format!("must be {expected}, not {found:?}"))
    }
}

fn to_snake_case(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// A field's name in JSON.
pub(super) fn to_camel_case(snake: &str) -> String {
    let mut camel = String::with_capacity(snake.len());
    for (at, part) in snake.split('_').enumerate() {
        match part.chars().next().filter(|_| at > 0) {
            Some(first) => {
                camel.push(first.to_ascii_uppercase());
                camel.push_str(&part[first.len_utf8()..]);
            }
            None => camel.push_str(part),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Result<Params, HttpError> {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Params::of(pairs.collect(), &["from", "sizeMs", "fields", "only"])
    }

    fn said(error: HttpError) -> String {
        error.to_json()
    }

    #[test]
    fn unknown_and_doubled_parameters_are_named() {
        let unknown = said(params(&[("form", "1"), ("size_ms", "2"), ("from", "3")]).unwrap_err());
        assert!(unknown.contains("form, size_ms: unknown; this path takes from, sizeMs"));
        let twice = said(params(&[("from", "1"), ("from", "")]).unwrap_err());
        assert!(twice.contains("from: stands there twice"), "{twice}");
    }

    #[test]
    fn times_are_rfc_3339_or_ms() {
        let time = |text| params(&[("from", text)]).unwrap().time_ms("from");
        assert_eq!(time(""), Ok(None));
        assert_eq!(time("-5"), Ok(Some(-5)));
        assert_eq!(time("1970-01-01T00:00:01.5Z"), Ok(Some(1_500)));
        assert_eq!(time("1970-01-01T01:00:01+01:00"), Ok(Some(1_000)));
        assert_eq!(time("1970-01-01T01:00:01 01:00"), Ok(Some(1_000)));
        for wrong in ["yesterday", "1e3", "1970-01-01", "99999999999999999999"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_words_and_truths_are_held_to_their_bounds() {
        let one = |text| params(&[("only", text)]).unwrap();
        assert_eq!(one("").number::<u32>("only"), Ok(0));
        assert_eq!(one("4294967295").number("only"), Ok(u32::MAX));
        for wrong in ["-1", "4294967296", "1.0", "x"] {
            assert!(one(wrong).number::<u32>("only").is_err(), "{wrong}");
        }
        assert_eq!(one("true").truth("only"), Ok(true));
        assert!(one("1").truth("only").is_err());
        let words = [("any", 4), ("session", 2)];
        assert_eq!(one("ANY").one_of("only", &words), Ok(4));
        assert_eq!(one("").one_of("only", &words), Ok(0));
        let wrong = said(one("all").one_of("only", &words).unwrap_err());
        assert!(wrong.contains("one of any, session"), "{wrong}");
    }

    #[test]
    fn fields_are_the_contracts_in_either_spelling() {
        let fields = |text| params(&[("fields", text)]).unwrap().fields("fields");
        assert_eq!(fields(""), None);
        let paths = fields("lastEventMs, skills,last_window").unwrap().paths;
        assert_eq!(paths, ["last_event_ms", "skills", "last_window"]);
        assert_eq!(to_camel_case("last_event_ms"), "lastEventMs");
        assert_eq!(to_camel_case("skills"), "skills");
    }
}
