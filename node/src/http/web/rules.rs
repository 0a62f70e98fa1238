//! Decides by its head whether a request may be answered.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use super::authority::Authority;
use crate::http::error::HttpError;

/// Which hosts a request may name, and which pages of other origins it may come from.
#[derive(Clone, Debug, Default)]
pub struct WebRules {
    hosts: Vec<String>,
    origins: Vec<String>,
}

/// Where the page stands to which a browser's request belongs.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Paths that tell nothing but whether the node is well. Probes may call them by any name.
const OPEN_TO_ALL_HOSTS: [&str; 2] = ["/healthz", "/readyz"];

impl WebRules {
    /// Allows these names besides loopback names and addresses, and pages of these origins besides
    /// the node's own. Both in lower case.
    pub fn new(hosts: Vec<String>, origins: Vec<String>) -> Self {
        Self { hosts, origins }
    }

    pub(super) fn origins(&self) -> &[String] {
        &self.origins
    }

    /// # Errors
    /// When the request names another host, or comes from a page of another origin.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), HttpError> {
        let host = match self.check_host(uri, headers) {
            Err(_) if OPEN_TO_ALL_HOSTS.contains(&uri.path()) => None,
            checked => Some(checked?),
        };
        self.check_origin(host, headers)
    }

    fn check_host<'a>(
        &self,
        uri: &'a Uri,
        headers: &'a HeaderMap,
    ) -> Result<Authority<'a>, HttpError> {
        let host = only(headers, &header::HOST).flatten();
        let host = host.and_then(|host| Authority::parse(host.to_str().ok()?));
        let host = host.ok_or(HttpError::BadHost)?;
        self.check_known(host)?;
        // The absolute form of a request's target goes over the header.
        match uri.authority() {
            None => Ok(host),
            Some(target) => {
                let target = Authority::parse(target.as_str()).ok_or(HttpError::BadHost)?;
                self.check_known(target)?;
                Ok(target)
            }
        }
    }

    fn check_known(&self, host: Authority<'_>) -> Result<(), HttpError> {
        match host.is_fixed() || host.is_one_of(&self.hosts) {
            true => Ok(()),
            false => Err(HttpError::UnknownHost),
        }
    }

    /// Browsers name the origin of the page in all requests but simple reads, and mark these.
    fn check_origin(
        &self,
        host: Option<Authority<'_>>,
        headers: &HeaderMap,
    ) -> Result<(), HttpError> {
        let is_allowed = match only(headers, &header::ORIGIN) {
            Some(Some(origin)) => {
                let origin = origin.to_str().unwrap_or_default();
                self.origins.iter().any(|allowed| allowed == origin) || is_own(origin, host)
            }
            Some(None) => headers.get_all(FETCH_SITE).iter().all(is_own_or_no_page),
            None => false,
        };
        match is_allowed {
            true => Ok(()),
            false => Err(HttpError::ForeignOrigin),
        }
    }
}

/// The value of a header that may be absent, but not be there twice (`None`).
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Option<&'a HeaderValue>> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => None,
        (value, None) => Some(value),
    }
}

/// Whether a page of this origin came from the host that the request names.
fn is_own(origin: &str, host: Option<Authority<'_>>) -> bool {
    let (authority, default_port) = match origin.split_once("://") {
        Some(("http", authority)) => (authority, 80),
        // A proxy in front of the node may speak TLS.
        Some(("https", authority)) => (authority, 443),
        _ => return false,
    };
    match (Authority::parse(authority), host) {
        (Some(origin), Some(host)) => origin.is_same(host, default_port),
        _ => false,
    }
}

/// `same-site` is not enough: another port of the same machine is another origin.
fn is_own_or_no_page(site: &HeaderValue) -> bool {
    matches!(site.as_bytes(), b"same-origin" | b"none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, given: &[(&'static str, &str)]) -> Result<(), HttpError> {
        let rules = WebRules::new(
            vec!["homeroom".to_owned()],
            vec!["https://lms.example".to_owned()],
        );
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        rules.check(&target.parse().expect("a target"), &headers)
    }

    #[test]
    fn other_hosts_are_refused_and_missing_ones_too() {
        for host in ["127.0.0.1:7401", "localhost", "Homeroom:7401", "[::1]:1"] {
            assert_eq!(check("/v1/courses", &[("host", host)]), Ok(()), "{host}");
        }
        let refused =
            |given: &[(&'static str, &str)]| check("/v1/courses", given).expect_err("refused");
        assert_eq!(refused(&[]), HttpError::BadHost);
        assert_eq!(refused(&[("host", "")]), HttpError::BadHost);
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(refused(&twice), HttpError::BadHost);
        for host in ["evil.example", "homeroom.evil.example", "127.0.0.1.evil"] {
            assert_eq!(refused(&[("host", host)]), HttpError::UnknownHost, "{host}");
        }
        let target = check("http://evil.example/v1/courses", &[("host", "localhost")]);
        assert_eq!(target, Err(HttpError::UnknownHost));
    }

    #[test]
    fn probes_may_use_any_name() {
        for path in OPEN_TO_ALL_HOSTS {
            assert_eq!(check(path, &[("host", "evil.example")]), Ok(()));
            assert_eq!(check(path, &[]), Ok(()));
        }
        let metrics = check("/metrics", &[("host", "evil.example")]);
        assert_eq!(metrics, Err(HttpError::UnknownHost));
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        let host = ("host", "127.0.0.1:7401");
        for origin in ["http://127.0.0.1:7401", "https://lms.example"] {
            assert_eq!(check("/", &[host, ("origin", origin)]), Ok(()), "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://evil.example",
            "http://127.0.0.1",
            "http://127.0.0.1:3000",
            "http://localhost:7401",
            "http://lms.example",
            "https://lms.example:8443",
            "https://lms.example.evil.example",
            "file://",
        ] {
            let refused = check("/", &[host, ("origin", origin)]);
            assert_eq!(refused, Err(HttpError::ForeignOrigin), "{origin}");
        }
        let twice = [
            host,
            ("origin", "https://lms.example"),
            ("origin", "http://evil.example"),
        ];
        assert_eq!(check("/", &twice), Err(HttpError::ForeignOrigin));
    }

    #[test]
    fn reads_of_foreign_pages_are_refused_without_an_origin() {
        let host = ("host", "localhost:7401");
        for (site, expected) in [
            ("same-origin", Ok(())),
            ("none", Ok(())),
            ("same-site", Err(HttpError::ForeignOrigin)),
            ("cross-site", Err(HttpError::ForeignOrigin)),
        ] {
            assert_eq!(check("/", &[host, ("sec-fetch-site", site)]), expected);
        }
        let cors = [
            host,
            ("origin", "https://lms.example"),
            ("sec-fetch-site", "cross-site"),
        ];
        assert_eq!(check("/", &cors), Ok(()), "an allowed page");
    }
}
