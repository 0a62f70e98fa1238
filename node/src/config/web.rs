//! Names of hosts and origins of web pages, as lists in a text.

use serde::{Deserialize, Deserializer, de};

/// Most entries of a list.
const ENTRIES_MAX: usize = 64;
/// Longest entry, bytes: a name of the domain system, with a scheme and a port.
const ENTRY_BYTES_MAX: usize = 280;

/// Names of hosts, in lower case, without ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostNames(pub Vec<String>);

/// Origins of web pages as browsers write them: `scheme://host` or `scheme://host:port`, in lower
/// case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(pub Vec<String>);

impl HostNames {
    /// The valid values in words.
    pub(super) const BOUNDS: &str =
        "host names without ports, separated by commas, like \"homeroom,homeroom.school.example\"";

    /// Parses a list; the empty text is the empty list.
    pub(super) fn parse(text: &str) -> Option<Self> {
        entries(text, is_name).map(Self)
    }
}

impl Origins {
    /// The valid values in words.
    pub(super) const BOUNDS: &str = "origins of web pages, separated by commas, like \"https://lms.example,http://localhost:5173\"";

    /// Parses a list; the empty text is the empty list.
    pub(super) fn parse(text: &str) -> Option<Self> {
        entries(text, is_origin).map(Self)
    }
}

fn entries(text: &str, is_valid: fn(&str) -> bool) -> Option<Vec<String>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    let entries: Vec<String> = text
        .split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .collect();
    let are_valid = |entry: &String| entry.len() <= ENTRY_BYTES_MAX && is_valid(entry.as_str());
    (entries.len() <= ENTRIES_MAX && entries.iter().all(are_valid)).then_some(entries)
}

fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.chars().all(is_part) && !text.starts_with('.') && !text.ends_with('.')
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !rest.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let is_address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok());
    let is_default = |port: &str| matches!((scheme, port), ("http", "80") | ("https", "443"));
    matches!(scheme, "http" | "https")
        && (is_address || is_name(host))
        // Browsers leave out the scheme's own port, so such an entry would never match.
        && port.is_none_or(|port| port.parse::<u16>().is_ok() && !is_default(port))
}

impl<'de> Deserialize<'de> for HostNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(Self::BOUNDS))
    }
}

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(Self::BOUNDS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_separated_by_commas() {
        let hosts = HostNames::parse(" Homeroom, homeroom.school.example ").expect("valid");
        assert_eq!(hosts.0, ["homeroom", "homeroom.school.example"]);
        assert_eq!(HostNames::parse(""), Some(HostNames::default()));
        let origins = Origins::parse("https://LMS.example,http://[::1]:5173").expect("valid");
        assert_eq!(origins.0, ["https://lms.example", "http://[::1]:5173"]);
    }

    #[test]
    fn what_no_browser_would_send_is_refused() {
        for text in ["a:80", "a,,b", "*", "http://a", ".a", "a.", "a b", "ä"] {
            assert_eq!(HostNames::parse(text), None, "{text}");
        }
        for text in [
            "a",
            "*",
            "null",
            "ftp://a",
            "http://a/",
            "http://a:80",
            "https://a:443",
            "http://a:x",
            "http://",
            "http://[::x]",
            "http://u@a",
        ] {
            assert_eq!(Origins::parse(text), None, "{text}");
        }
        let many = vec!["a"; ENTRIES_MAX + 1].join(",");
        assert_eq!(HostNames::parse(&many), None);
    }
}
