//! Bodies of requests: bounded one by one, and all together.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, EXPECT};
use axum::http::{HeaderMap, Request};
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use headers::{ContentLength, HeaderMapExt};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::HttpError;
use super::intake::IntakeError;

/// What bodies may take.
pub struct BodyLimits {
    /// Of one body, as received and again when decompressed.
    bytes_max: usize,
    /// How long one may take to arrive.
    arrival: Duration,
    /// Of all bodies that are held at once, in KiB.
    room: Arc<Semaphore>,
    room_kib: u32,
}

/// A body that arrived in full; its room is free again when it is dropped.
pub(super) struct ReceivedBody {
    pub bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
}

const KIB: usize = 1024;
const MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];
/// What is read of a body that is refused, bytes; beyond it the connection is cut off.
const DISCARDED_BYTES_MAX: usize = 64 << 20;
/// Other requests free their room within moments.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl BodyLimits {
    /// Bodies of up to `bytes_max` each, `all_bytes_max` together, that arrive within `arrival`.
    pub fn new(bytes_max: usize, all_bytes_max: u64, arrival: Duration) -> Self {
        let room_kib = u32::try_from(all_bytes_max.div_ceil(KIB as u64)).unwrap_or(u32::MAX >> 4);
        Self {
            bytes_max,
            arrival,
            room: Arc::new(Semaphore::new(room_kib as usize)),
            room_kib,
        }
    }

    /// Receives the body of a request, decompressed; one that is empty is refused.
    pub(super) async fn receive(&self, request: Request<Body>) -> Result<ReceivedBody, HttpError> {
        let encoding = match self.look_at(request.headers()) {
            Ok(encoding) => encoding,
            Err(error) => return Err(self.refuse(request, error).await),
        };
        let announced = announced_bytes(request.headers()).unwrap_or(self.bytes_max);
        let room = self.reserve(match encoding {
            Encoding::Identity => announced,
            Encoding::Gzip => announced + self.bytes_max,
        })?;
        let mut body = request.into_body();
        let limited = Limited::new(&mut body, self.bytes_max);
        let arrived = tokio::time::timeout(self.arrival, limited.collect()).await;
        let arrived = arrived.map_err(|_elapsed| HttpError::BodyTimeout {
            limit: self.arrival,
        })?;
        let bytes = match arrived {
            Ok(collected) => collected.to_bytes(),
            Err(e) if e.is::<LengthLimitError>() => {
                self.discard(body).await;
                return Err(self.too_large());
            }
            Err(e) => return Err(HttpError::BodyUnreadable(e.to_string())),
        };
        let bytes = match encoding {
            Encoding::Identity => bytes,
            Encoding::Gzip => self.decompress(&bytes)?,
        };
        let bytes = without_mark(bytes);
        if bytes.trim_ascii().is_empty() {
            return Err(HttpError::EmptyBody);
        }
        Ok(ReceivedBody { bytes, _room: room })
    }

    /// Lets go of a request that is refused for what stands before its body.
    pub(super) async fn refuse(&self, request: Request<Body>, error: HttpError) -> HttpError {
        // Who asks before it sends gets its answer, and sends nothing.
        if !request.headers().contains_key(EXPECT) {
            self.discard(request.into_body()).await;
        }
        error
    }

    /// Reads on, and keeps nothing: a client that is cut off while it sends does not get to read the answer.
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
        // What takes longer is cut off.
        let _ = tokio::time::timeout(self.arrival, read).await;
    }

    fn look_at(&self, headers: &HeaderMap) -> Result<Encoding, HttpError> {
        let encoding = encoding(headers)?;
        if announced_bytes(headers).is_some_and(|bytes| bytes > self.bytes_max) {
            return Err(self.too_large());
        }
        Ok(encoding)
    }

    fn reserve(&self, bytes: usize) -> Result<OwnedSemaphorePermit, HttpError> {
        let kib = u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(kib.min(self.room_kib));
        room.map_err(|_full| {
            HttpError::Intake(IntakeError::Overloaded {
                retry_after: RETRY_AFTER,
            })
        })
    }

    /// A few ms at most, for the largest body: not worth another thread.
    fn decompress(&self, compressed: &[u8]) -> Result<Bytes, HttpError> {
        let one_too_many = self.bytes_max as u64 + 1;
        let mut bytes = Vec::with_capacity(self.bytes_max.min(compressed.len() * 4));
        let read = MultiGzDecoder::new(compressed)
            .take(one_too_many)
            .read_to_end(&mut bytes);
        read.map_err(|e: io::Error| HttpError::BodyUnreadable(e.to_string()))?;
        if bytes.len() > self.bytes_max {
            return Err(self.too_large());
        }
        Ok(bytes.into())
    }

    fn too_large(&self) -> HttpError {
        HttpError::TooLarge {
            bytes_max: self.bytes_max,
        }
    }
}

/// What a request says of its body's size.
fn announced_bytes(headers: &HeaderMap) -> Option<usize> {
    let announced = headers.typed_get::<ContentLength>()?;
    Some(usize::try_from(announced.0).unwrap_or(usize::MAX))
}

/// Some systems put a byte order mark before UTF-8; no JSON parser takes it.
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
