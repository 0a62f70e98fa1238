//! Connections that can be aborted from outside.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

/// A connection whose reads fail once it is aborted. A server of HTTP/2 always has a read pending,
/// so it then closes the connection with all its calls.
pub struct Abortable<S> {
    connection: S,
    aborted: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<S> Abortable<S> {
    /// Passes everything through until `aborted` is cancelled.
    pub fn new(connection: S, aborted: CancellationToken) -> Self {
        Self {
            connection,
            aborted: Box::pin(aborted.cancelled_owned()),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Abortable<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Checked first, so that a peer that never pauses is aborted, too.
        match self.aborted.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            Poll::Pending => Pin::new(&mut self.connection).poll_read(context, into),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Abortable<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write_vectored(context, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }
}

impl<S: Connected> Connected for Abortable<S> {
    type ConnectInfo = S::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.connection.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_pending_read_fails_once_aborted() {
        let (mut peer, connection) = tokio::io::duplex(64);
        let aborted = CancellationToken::new();
        let mut connection = Abortable::new(connection, aborted.clone());
        peer.write_all(b"more").await.expect("room");
        let mut read = [0; 4];
        connection.read_exact(&mut read).await.expect("more");
        let waiting = connection.read_exact(&mut read);
        // `join!` polls them in this order.
        let (ended, ()) = tokio::join!(waiting, async { aborted.cancel() });
        let error = ended.expect_err("there is no more");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        peer.write_all(b"and on").await.expect("room");
        let ended = connection.read(&mut [0; 4]).await;
        assert!(ended.is_err(), "whatever its peer sends");
    }
}
