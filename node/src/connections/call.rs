//! One open call.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use super::{peer::Peer, table::ConnectionTable};

/// One open call, from the head of its request to the end of its answer, or until one side cancels
/// it.
pub(super) struct OpenCall {
    table: ConnectionTable,
    peer: Peer,
    key: usize,
    handed: Arc<AtomicU64>,
}

/// An answer's body. Its call is open as long as it lives.
pub(super) struct AnswerBody {
    body: Body,
    call: OpenCall,
}

impl OpenCall {
    /// Begins a call of a connection; `None` when too many are open.
    pub(super) fn begin(table: ConnectionTable, peer: Peer) -> Option<Self> {
        let has_room = table.begin_call();
        let (key, handed) = peer.begin_call();
        let call = Self {
            table,
            peer,
            key,
            handed,
        };
        if has_room {
            return Some(call);
        }
        let table = call.table.clone();
        // Before the choice, so that the refused call counts for no connection.
        drop(call);
        table.refuse_call();
        None
    }

    pub(super) fn answer(self, body: Body) -> Body {
        Body::new(AnswerBody { body, call: self })
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.peer.end_call(self.key);
        self.table.end_call();
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // The connection asks for more, so it has room for it.
        self.call.handed.store(0, Ordering::Relaxed);
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(_))) = &polled {
            let now_ms = self.call.peer.now_ms();
            self.call.handed.store(now_ms, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
