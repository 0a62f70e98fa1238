//! Checks the Content-Type of requests.

use axum::http::HeaderMap;
use headers::{ContentType, HeaderMapExt, Mime};

use super::error::HttpError;

/// The forms of a body with events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventsForm {
    /// One JSON value.
    Json,
    /// A JSON value on each line.
    Lines,
}

const JSON: &str = "application/json";
/// No type is registered for JSON lines, so all in common use are accepted.
const JSON_LINES: [&str; 6] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/jsonlines",
    "application/json-lines",
];

/// The form of a body with events, by its Content-Type.
///
/// # Errors
/// When the type is another.
pub(super) fn events_form(headers: &HeaderMap) -> Result<EventsForm, HttpError> {
    match utf8_type(headers).as_deref() {
        Some(JSON) => Ok(EventsForm::Json),
        Some(name) if JSON_LINES.contains(&name) => Ok(EventsForm::Lines),
        _ => Err(HttpError::UnsupportedType {
            expected: "application/json or application/x-ndjson",
        }),
    }
}

/// Checks that a body of statements is JSON.
///
/// # Errors
/// When the type is another.
pub(super) fn check_statements(headers: &HeaderMap) -> Result<(), HttpError> {
    match utf8_type(headers).as_deref() {
        Some(JSON) => Ok(()),
        Some("multipart/mixed") => Err(HttpError::AttachmentsUnsupported),
        _ => Err(HttpError::UnsupportedType { expected: JSON }),
    }
}

/// The media type without its parameters, or `None` when the charset is not UTF-8.
fn utf8_type(headers: &HeaderMap) -> Option<String> {
    let mime = Mime::from(headers.typed_get::<ContentType>()?);
    let is_utf8 = mime.get_param("charset").is_none_or(|charset| {
        let charset = charset.as_str().trim_matches('"');
        charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
    });
    is_utf8.then(|| mime.essence_str().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header::CONTENT_TYPE};

    use super::*;

    fn form(content_type: &'static str) -> Option<EventsForm> {
        let value = HeaderValue::from_static(content_type);
        events_form(&HeaderMap::from_iter([(CONTENT_TYPE, value)])).ok()
    }

    #[test]
    fn types_are_told_in_any_spelling() {
        for json in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json; Charset=utf8; profile=x",
        ] {
            assert_eq!(form(json), Some(EventsForm::Json), "{json}");
        }
        for lines in JSON_LINES {
            assert_eq!(form(lines), Some(EventsForm::Lines), "{lines}");
        }
        for other in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "json",
            "",
            "application/json; charset=latin1",
        ] {
            assert_eq!(form(other), None, "{other}");
        }
    }
}
