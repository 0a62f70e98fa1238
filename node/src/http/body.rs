//! Reads request bodies. Each body and the sum of all bodies in memory are bounded.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, EXPECT};
use axum::http::{HeaderMap, Request};
use bytes::{Bytes, BytesMut};
use flate2::bufread::MultiGzDecoder;
use headers::{ContentLength, HeaderMapExt};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::HttpError;

/// The bounds of request bodies.
pub struct BodyLimits {
    /// Of one body, in bytes: as received, and again when decompressed.
    bytes_max: usize,
    /// A body that takes longer to arrive is refused.
    arrival: Duration,
    /// Bytes of all bodies in memory, in KiB.
    room: Arc<Semaphore>,
    room_kib: u32,
}

/// A body that arrived in full. Dropping it releases its share of the memory bound.
pub(super) struct ReceivedBody {
    pub bytes: Bytes,
    _room: Room,
}

/// A body's share of the bound on all bodies. It grows as the body arrives.
struct Room {
    all: Arc<Semaphore>,
    all_kib: u32,
    taken: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
}

const KIB: usize = 1024;
/// Bytes decompressed per step.
const STEP_BYTES: usize = 16 * KIB;
const MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];
/// Upper bound of the bytes read of a refused body. Beyond it the connection is closed.
const DISCARDED_BYTES_MAX: usize = 64 << 20;

impl BodyLimits {
    /// Allows bodies of up to `bytes_max` bytes each and `all_bytes_max` bytes together. Each must
    /// arrive within `arrival`.
    pub fn new(bytes_max: usize, all_bytes_max: u64, arrival: Duration) -> Self {
        let room_kib = u32::try_from(all_bytes_max.div_ceil(KIB as u64)).unwrap_or(u32::MAX >> 4);
        Self {
            bytes_max,
            arrival,
            room: Arc::new(Semaphore::new(room_kib as usize)),
            room_kib,
        }
    }

    /// Receives the body of a request, decompressed. An empty body is refused.
    pub(super) async fn receive(&self, request: Request<Body>) -> Result<ReceivedBody, HttpError> {
        let encoding = match self.look_at(request.headers()) {
            Ok(encoding) => encoding,
            Err(error) => return Err(self.refuse(request, error).await),
        };
        let mut room = self.no_room_yet();
        let mut body = request.into_body();
        let arrived = tokio::time::timeout(self.arrival, self.collect(&mut body, &mut room)).await;
        let arrived = arrived.map_err(|_elapsed| HttpError::BodyTimeout {
            limit: self.arrival,
        })?;
        let bytes = match arrived {
            Ok(bytes) => bytes,
            Err(error @ HttpError::BodyUnreadable(_)) => return Err(error),
            Err(error) => {
                // Release the room before the rest is read: a slow sender can make that last long.
                drop(room);
                self.discard(body).await;
                return Err(error);
            }
        };
        let bytes = match encoding {
            Encoding::Identity => bytes,
            Encoding::Gzip => self.decompress(&bytes, &mut room)?,
        };
        let bytes = without_mark(bytes);
        if bytes.trim_ascii().is_empty() {
            return Err(HttpError::EmptyBody);
        }
        Ok(ReceivedBody { bytes, _room: room })
    }

    /// Discards the body of a request that its head already refuses, and returns the error.
    pub(super) async fn refuse(&self, request: Request<Body>, error: HttpError) -> HttpError {
        // A client that waits for `100 Continue` gets the answer instead and sends no body.
        if !request.headers().contains_key(EXPECT) {
            self.discard(request.into_body()).await;
        }
        error
    }

    /// Reads and drops the rest of the body. A client whose connection closes while it sends never
    /// reads the answer.
    async fn discard(&self, mut body: Body) {
        let read = async {
            let mut bytes = 0;
            while let Some(Ok(frame)) = body.frame().await {
                bytes += frame.data_ref().map_or(0, Bytes::len);
                if bytes > DISCARDED_BYTES_MAX {
                    return;
                }
            }
        };
        // After the timeout the connection is closed.
        let _ = tokio::time::timeout(self.arrival, read).await;
    }

    fn look_at(&self, headers: &HeaderMap) -> Result<Encoding, HttpError> {
        let encoding = encoding(headers)?;
        if announced_bytes(headers).is_some_and(|bytes| bytes > self.bytes_max) {
            return Err(self.too_large());
        }
        Ok(encoding)
    }

    /// Reserves room for bytes that have arrived, not for the announced length. A slow sender
    /// therefore blocks no other request.
    async fn collect(&self, body: &mut Body, room: &mut Room) -> Result<Bytes, HttpError> {
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| HttpError::BodyUnreadable(e.to_string()))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > self.bytes_max {
                return Err(self.too_large());
            }
            room.hold(data.len())?;
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.freeze())
    }

    fn no_room_yet(&self) -> Room {
        Room {
            all: Arc::clone(&self.room),
            all_kib: self.room_kib,
            taken: None,
            bytes: 0,
        }
    }

    /// Runs inline: the largest body takes a few ms, which is not worth another thread.
    fn decompress(&self, compressed: &[u8], room: &mut Room) -> Result<Bytes, HttpError> {
        let mut decoder = MultiGzDecoder::new(compressed);
        let (mut bytes, mut step) = (BytesMut::new(), [0; STEP_BYTES]);
        loop {
            let read = decoder.read(&mut step);
            let count = read.map_err(|e: io::Error| HttpError::BodyUnreadable(e.to_string()))?;
            if count == 0 {
                return Ok(bytes.freeze());
            }
            if bytes.len() + count > self.bytes_max {
                return Err(self.too_large());
            }
            room.hold(count)?;
            bytes.extend_from_slice(&step[..count]);
        }
    }

    fn too_large(&self) -> HttpError {
        HttpError::TooLarge {
            bytes_max: self.bytes_max,
        }
    }
}

impl Room {
    /// Reserves room for `more` further bytes.
    fn hold(&mut self, more: usize) -> Result<(), HttpError> {
        let before = self.kib();
        self.bytes += more;
        let all = Arc::clone(&self.all);
        let more = all.try_acquire_many_owned(self.kib() - before);
        let more = more.map_err(|_full| HttpError::Overloaded)?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }

    /// The share in KiB. A body larger than the whole bound takes all of it.
    fn kib(&self) -> u32 {
        let kib = u32::try_from(self.bytes.div_ceil(KIB)).unwrap_or(u32::MAX);
        kib.min(self.all_kib)
    }
}

/// The body's size by the Content-Length header.
fn announced_bytes(headers: &HeaderMap) -> Option<usize> {
    let announced = headers.typed_get::<ContentLength>()?;
    Some(usize::try_from(announced.0).unwrap_or(usize::MAX))
}

/// Some systems send a byte order mark before UTF-8 text. JSON parsers reject it.
fn without_mark(bytes: Bytes) -> Bytes {
    match bytes.strip_prefix(&MARK) {
        Some(rest) => bytes.slice_ref(rest),
        None => bytes,
    }
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, HttpError> {
    let mut given = headers.get_all(CONTENT_ENCODING).iter();
    let (first, more) = (given.next(), given.next());
    match (
        first.map(|value| value.as_bytes().to_ascii_lowercase()),
        more,
    ) {
        (None, _) => Ok(Encoding::Identity),
        (Some(name), None) if name == b"identity" => Ok(Encoding::Identity),
        (Some(name), None) if name == b"gzip" || name == b"x-gzip" => Ok(Encoding::Gzip),
        _ => Err(HttpError::UnsupportedEncoding),
    }
}
