//! A host as a request names it.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Host and optional port of a `Host` header or an origin, split and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Parses `host` or `host:port`; `None` if it is neither.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !text.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let port = match port {
            None => None,
            Some(port) if is_port(port) => Some(port.parse().ok()?),
            Some(_) => return None,
        };
        let is_valid = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().is_ok(),
            None => is_name(host),
        };
        is_valid.then_some(Self { host, port })
    }

    /// Whether every browser takes it for this machine, or for a fixed address: a page can't point
    /// such a name elsewhere.
    pub(super) fn is_fixed(self) -> bool {
        let name = self.name().to_ascii_lowercase();
        let is_loopback = name == "localhost" || name.ends_with(".localhost");
        is_loopback || self.host.starts_with('[') || name.parse::<Ipv4Addr>().is_ok()
    }

    /// Whether it is one of these names, whatever the case and the port.
    pub(super) fn is_one_of(self, names: &[String]) -> bool {
        let own = self.name();
        names.iter().any(|name| name.eq_ignore_ascii_case(own))
    }

    /// Whether both name the same host and port, where a port that is left out is `default_port`.
    pub(super) fn is_same(self, other: Self, default_port: u16) -> bool {
        let port = |authority: Self| authority.port.unwrap_or(default_port);
        self.name().eq_ignore_ascii_case(other.name()) && port(self) == port(other)
    }

    /// The host without the dot that ends an absolute name.
    fn name(self) -> &'a str {
        self.host.strip_suffix('.').unwrap_or(self.host)
    }
}

fn is_name(host: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !host.is_empty() && !host.starts_with('.') && host.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_names_and_addresses_are_fixed() {
        for text in [
            "localhost",
            "LOCALHOST:7401",
            "localhost.",
            "lesson.localhost:1",
            "127.0.0.1:7401",
            "10.0.0.7",
            "[::1]:7401",
            "[fe80::1]",
        ] {
            let authority = Authority::parse(text).expect(text);
            assert!(authority.is_fixed(), "{text}");
        }
        for text in [
            "evil.example",
            "localhost.evil.example",
            "evillocalhost",
            "127.0.0.1.evil.example",
            "127.1",
            "0x7f.1",
            "127.0.0.1.",
        ] {
            let authority = Authority::parse(text).expect(text);
            // `127.0.0.1.` is an address with the dot of an absolute name.
            assert_eq!(authority.is_fixed(), text == "127.0.0.1.", "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_not_parsed() {
        for text in [
            "", ":80", "a:", "a:x", "a:+1", "a:99999", "a b", "u@a", "a/b", "[::1", "::1", "[x]",
            ".a", "a,b",
        ] {
            let parsed = Authority::parse(text);
            // A colon without digits behind it is a port that is left out.
            assert!(parsed.is_none(), "{text}: {parsed:?}");
        }
    }

    #[test]
    fn a_port_left_out_is_the_default_one() {
        let same = |a, b, port| {
            let (a, b) = (Authority::parse(a), Authority::parse(b));
            a.expect("a host").is_same(b.expect("a host"), port)
        };
        assert!(same("a:80", "A", 80) && same("a", "a.", 80));
        assert!(!same("a:7401", "a", 80) && !same("a", "b", 80));
    }
}
