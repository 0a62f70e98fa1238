//! The addresses of nodes, and which one the next call goes to.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use thiserror::Error;
use tonic::transport::{Channel, Endpoint, Uri};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Flow-control window. The HTTP/2 default of 64 KiB slows down scans.
const RECEIVE_WINDOW_BYTES: u32 = 4 << 20;

/// What is wrong with an address.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EndpointError {
    /// No address was given.
    #[error("no endpoint given; one looks like http://127.0.0.1:7400")]
    Missing,
    /// The text can't be parsed as an address.
    #[error("`{text}` is no endpoint; one looks like http://127.0.0.1:7400")]
    Malformed {
        /// The text as given.
        text: String,
    },
    /// The address asks for TLS, which is not built in.
    #[error(
        "`{text}` asks for TLS, which this client does not speak; use http:// or a local proxy"
    )]
    Tls {
        /// The text as given.
        text: String,
    },
}

/// Parses a list of `http://host:port`, separated by commas. The scheme `http://` may be left out.
pub fn parse_endpoints(list: &str) -> Result<Vec<Uri>, EndpointError> {
    let parts = list
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let endpoints = parts.map(parse_one).collect::<Result<Vec<_>, _>>()?;
    if endpoints.is_empty() {
        return Err(EndpointError::Missing);
    }
    Ok(endpoints)
}

fn parse_one(text: &str) -> Result<Uri, EndpointError> {
    let malformed = || EndpointError::Malformed { text: text.into() };
    let with_scheme = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let uri: Uri = with_scheme.parse().map_err(|_| malformed())?;
    match uri.scheme_str() {
        Some("http") if uri.host().is_some_and(|host| !host.is_empty()) => Ok(uri),
        Some("https") => Err(EndpointError::Tls { text: text.into() }),
        _ => Err(malformed()),
    }
}

/// The nodes of a client, and the one in use. Clones share that choice.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    nodes: Arc<[Node]>,
    current: Arc<AtomicUsize>,
}

/// A connection that opens with the first call, and again after it broke.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    index: usize,
    pub(crate) name: Arc<str>,
    pub(crate) channel: Channel,
}

impl Endpoints {
    pub(crate) fn new(uris: Vec<Uri>) -> Result<Self, EndpointError> {
        if uris.is_empty() {
            return Err(EndpointError::Missing);
        }
        let nodes = uris.into_iter().enumerate().map(|(index, uri)| Node {
            index,
            name: uri.to_string().trim_end_matches('/').into(),
            channel: channel(uri),
        });
        Ok(Self {
            nodes: nodes.collect(),
            current: Arc::new(AtomicUsize::new(0)),
        })
    }

    pub(crate) fn current(&self) -> &Node {
        &self.nodes[self.current.load(Ordering::Relaxed)]
    }

    /// Switches to the node after `failed`, unless another call has already switched.
    pub(crate) fn leave(&self, failed: &Node) {
        let next = (failed.index + 1) % self.nodes.len();
        // If this exchange fails, another call has switched already, which is as good.
        let _ =
            self.current
                .compare_exchange(failed.index, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

fn channel(uri: Uri) -> Channel {
    Endpoint::from(uri)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .initial_stream_window_size(RECEIVE_WINDOW_BYTES)
        .initial_connection_window_size(RECEIVE_WINDOW_BYTES)
        .connect_lazy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_with_or_without_scheme() {
        let read = parse_endpoints("http://a:1, b:2,,").expect("two endpoints");
        let read: Vec<_> = read.iter().map(Uri::to_string).collect();
        assert_eq!(read, ["http://a:1/", "http://b:2/"]);
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        assert_eq!(parse_endpoints(" , "), Err(EndpointError::Missing));
        assert!(matches!(
            parse_endpoints("https://a:1"),
            Err(EndpointError::Tls { .. })
        ));
        for text in ["ftp://a", "http://", "a b"] {
            assert!(
                matches!(parse_endpoints(text), Err(EndpointError::Malformed { .. })),
                "{text}"
            );
        }
    }

    #[tokio::test]
    async fn the_next_node_is_taken_once_per_failure() {
        let endpoints =
            Endpoints::new(parse_endpoints("a:1,b:2,c:3").expect("valid")).expect("not empty");
        let first = endpoints.current().clone();
        endpoints.leave(&first);
        endpoints.leave(&first);
        assert_eq!(&*endpoints.current().name, "http://b:2");
    }
}
