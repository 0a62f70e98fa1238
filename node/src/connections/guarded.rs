//! A connection that ends when its table says so, when it brings no call, or when its peer does not
//! read.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use super::{peer::Peer, table::Place};
use crate::observe::ConnectionEnd;

/// A connection with a place in a table. Reads and writes fail once it must end; a server then
/// closes it with all its calls.
pub struct GuardedStream<S> {
    /// Dropped before the place is given back, so that the bound holds for open files too.
    stream: S,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Until the first call.
    first_call: Option<Pin<Box<Sleep>>>,
    /// While a write waits for the peer.
    stalled: Option<Pin<Box<Sleep>>>,
    place: Place,
}

impl<S> GuardedStream<S> {
    pub(super) fn new(stream: S, place: Place) -> Self {
        let within = place.table().limits().first_call_within;
        Self {
            stream,
            ended: Box::pin(place.peer().ended().clone().cancelled_owned()),
            first_call: Some(Box::pin(sleep(within))),
            stalled: None,
            place,
        }
    }

    /// The connection, as its calls name it.
    pub fn peer(&self) -> &Peer {
        self.place.peer()
    }

    /// An error once the connection must end, whatever its peer sends.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.ended.as_mut().poll(context).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let Some(deadline) = &mut self.first_call else {
            return Ok(());
        };
        if self.place.peer().has_called() {
            self.first_call = None;
        } else if deadline.as_mut().poll(context).is_ready() {
            self.place.table().count(ConnectionEnd::Silent);
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// Bounds the time that a write waits for its peer to read.
    fn watched<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let after = self.place.table().limits().stalled_after;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(after)));
        ready!(stalled.as_mut().poll(context));
        self.place.table().count(ConnectionEnd::Stalled);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Checked first, so that a peer that never pauses is ended, too.
        self.check(context)?;
        let before = into.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, into));
        if into.filled().len() > before {
            self.place.peer().received();
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GuardedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write(context, from);
        self.watched(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, from);
        self.watched(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<S> Connected for GuardedStream<S> {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer().clone()
    }
}
