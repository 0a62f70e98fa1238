//! Discards dead letters on request.

use homeroom_core::{DeadLetterUpdate, shard::DeadLetter};
use homeroom_proto::v1;
use tonic::Status;

use super::{cursor::Cursor, filter::Filter};
use crate::route::Router;

/// Discards the letters that match, chunk by chunk, and counts them; a dry run only counts.
///
/// # Errors
/// When a shard does not write a chunk. Earlier chunks are discarded by then; all other letters
/// remain.
pub(super) async fn discard(
    router: &Router,
    filter: &Filter,
    is_dry_run: bool,
) -> Result<v1::DiscardResponse, Status> {
    let (mut discarded, mut discarded_bytes) = (0, 0);
    for mut cursor in Cursor::all(router).await {
        while let Some(letters) = cursor.next(filter, sized).await {
            let update = DeadLetterUpdate {
                removed: letters.iter().map(|(number, _)| *number).collect(),
                amended: Vec::new(),
            };
            if !is_dry_run && !update.is_empty() {
                cursor.shard.update_dead_letters(&update).await?;
            }
            discarded += letters.len() as u64;
            discarded_bytes += letters.iter().map(|(_, bytes)| bytes).sum::<u64>();
        }
    }
    if !is_dry_run {
        tracing::info!(discarded, discarded_bytes, "dead letters were discarded");
    }
    Ok(v1::DiscardResponse {
        discarded,
        discarded_bytes,
    })
}

fn sized(number: u64, letter: &DeadLetter) -> (u64, u64) {
    (number, letter.bytes())
}
