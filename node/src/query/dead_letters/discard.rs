//! Dead letters forgotten on request.

use homeroom_core::{DeadLetterUpdate, shard::DeadLetter};
use homeroom_proto::v1;
use tonic::Status;

use super::{cursor::Cursor, filter::Filter};
use crate::{route::Router, status};

/// Discards letters, and counts them.
pub struct Discard<'d> {
    router: &'d Router,
    response: v1::DiscardResponse,
}

impl<'d> Discard<'d> {
    pub fn new(router: &'d Router) -> Self {
        Self {
            router,
            response: v1::DiscardResponse::default(),
        }
    }

    /// Only tells how many would go.
    pub async fn dry_run(mut self, filter: &Filter) -> v1::DiscardResponse {
        let cursors = Cursor::all(self.router).await;
        for (shard, mut cursor) in self.router.shards().iter().zip(cursors) {
            while let Some(letters) = cursor.next(shard, filter, sized).await {
                self.count(&letters);
            }
        }
        self.response
    }

    /// Has the shards forget them, chunk by chunk. After a failure some are gone, and the others are there for the next call.
    pub async fn run(mut self, filter: &Filter) -> Result<v1::DiscardResponse, Status> {
        let cursors = Cursor::all(self.router).await;
        for (shard, mut cursor) in self.router.shards().iter().zip(cursors) {
            while let Some(letters) = cursor.next(shard, filter, sized).await {
                let work = DeadLetterUpdate {
                    removed: letters.iter().map(|(number, _)| *number).collect(),
                    amended: Vec::new(),
                };
                if !work.is_empty() {
                    let written = shard.update_dead_letters(&work).await;
                    written.map_err(|error| status::of_propose(&error))?;
                }
                self.count(&letters);
            }
        }
        let v1::DiscardResponse {
            discarded,
            discarded_bytes,
        } = self.response;
        tracing::info!(discarded, discarded_bytes, "dead letters were discarded");
        Ok(self.response)
    }

    fn count(&mut self, letters: &[(u64, u64)]) {
        self.response.discarded += letters.len() as u64;
        self.response.discarded_bytes += letters.iter().map(|(_, bytes)| bytes).sum::<u64>();
    }
}

fn sized(number: u64, letter: &DeadLetter) -> (u64, u64) {
    (number, letter.bytes())
}
