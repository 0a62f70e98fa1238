//! Lists the dead letters of all shards, newest first, in pages.

use std::{cmp::Reverse, collections::BTreeMap};

use homeroom_core::{
    Event, PayloadFormat,
    shard::{DeadLetter, ShardState},
};
use homeroom_proto::v1;
use prost::Message;
use tonic::Status;

use super::filter::Filter;
use crate::{
    ingress::{to_proto, to_reason},
    status,
};

/// Sort key of a letter in the list of all shards: newest first.
pub type Place = (Reverse<i64>, u32, Reverse<u64>);

/// Adds a shard's letters to the first `keep` letters of all shards.
pub fn gather(
    found: &mut BTreeMap<Place, DeadLetter>,
    (shard, state): (u32, &ShardState),
    filter: &Filter,
    after: Option<Place>,
    keep: usize,
) {
    for (number, letter) in state.dead_letters().iter().rev() {
        let place = (Reverse(letter.refused_ms), shard, Reverse(number));
        if filter.keeps(letter) && after.is_none_or(|after| place > after) {
            found.insert(place, letter.clone());
            if found.len() > keep {
                found.pop_last();
            }
        }
    }
}

pub fn shown((_, shard, number): Place, letter: DeadLetter) -> v1::DeadLetter {
    let (payload, format) = match letter.format {
        PayloadFormat::NativeJson => (letter.payload, v1::PayloadFormat::NativeJson),
        PayloadFormat::XapiJson | PayloadFormat::StandardXapiJson => {
            (letter.payload, v1::PayloadFormat::XapiJson)
        }
        PayloadFormat::Protobuf => (letter.payload, v1::PayloadFormat::Protobuf),
        // The core's encoding is internal, so such an event is returned as a message of the
        // contract.
        PayloadFormat::Normalised => {
            let user_id = letter.user_id.as_deref().unwrap_or_default();
            let event = Event::decode(user_id, &letter.payload).ok();
            let message = event.map(|event| to_proto(&event).encode_to_vec());
            (
                message.unwrap_or(letter.payload.clone()),
                v1::PayloadFormat::Protobuf,
            )
        }
    };
    v1::DeadLetter {
        shard,
        number: number.0,
        source: letter.source.into(),
        reason: to_reason(letter.reason).into(),
        detail: letter.detail.into(),
        refused_ms: letter.refused_ms,
        user_id: letter.user_id.map(String::from).unwrap_or_default(),
        payload: payload.into(),
        format: format.into(),
    }
}

pub fn to_token((refused_ms, shard, number): Place) -> String {
    format!("{}.{shard}.{}", refused_ms.0, number.0)
}

pub fn parse_token(token: &str) -> Result<Option<Place>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let mut parts = token.split('.');
    let mut next = || parts.next();
    let place = (|| {
        let refused_ms = next()?.parse().ok()?;
        let shard = next()?.parse().ok()?;
        let number = next()?.parse().ok()?;
        Some((Reverse(refused_ms), shard, Reverse(number)))
    })();
    place
        .map(Some)
        .ok_or_else(|| status::invalid("page_token", "not one of this method's"))
}
