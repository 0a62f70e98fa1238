//! Accepts connections into a table.

use std::{io, time::Duration};

use futures::{Stream, stream};
use tokio::net::{TcpListener, TcpStream};

use super::{guarded::GuardedStream, table::ConnectionTable};

/// Pause after a failed `accept`, which mostly fails for want of file handles.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts the connections of one listener, each into a place of its table.
pub struct Acceptor {
    listener: TcpListener,
    table: ConnectionTable,
    /// The listener's name in log lines.
    name: &'static str,
}

impl Acceptor {
    /// Accepts from `listener`.
    pub fn new(listener: TcpListener, table: ConnectionTable, name: &'static str) -> Self {
        Self {
            listener,
            table,
            name,
        }
    }

    /// The next connection. A failed `accept` is tried again after a pause, and the longest silent
    /// connection closed, whose handle may be what is wanting.
    pub async fn accept(&self) -> GuardedStream<TcpStream> {
        loop {
            match self.listener.accept().await {
                Ok((stream, _peer)) => {
                    // Small answers would otherwise wait for the peer's delayed acknowledgement.
                    // It fails only where the peer is gone already.
                    let _ = stream.set_nodelay(true);
                    return GuardedStream::new(stream, self.table.admit().await);
                }
                Err(error) => {
                    let name = self.name;
                    tracing::warn!(%error, "{name}: a connection could not be accepted");
                    self.table.make_room();
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// All connections, one after the other. Dropping the stream closes the listener.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<GuardedStream<TcpStream>>> {
        stream::unfold(self, async |acceptor| {
            let next = acceptor.accept().await;
            Some((Ok(next), acceptor))
        })
    }
}
