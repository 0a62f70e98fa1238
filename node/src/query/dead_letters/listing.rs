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

/// A page ends with the letter that exceeds this size, bytes.
const PAGE_BYTES_MAX: u64 = 1 << 20;
/// Letters examined at once. The shard applies no entries meanwhile.
const LOOKED_AT_MAX: usize = 4_096;

/// The first letters of all shards behind a place.
#[derive(Debug)]
pub struct Page {
    after: Option<Place>,
    letters_max: usize,
    letters: BTreeMap<Place, DeadLetter>,
    bytes: u64,
    /// Letters that match follow behind the page.
    pub has_more: bool,
}

impl Page {
    pub fn new(after: Option<Place>, letters_max: usize) -> Self {
        Self {
            after,
            letters_max,
            letters: BTreeMap::new(),
            bytes: 0,
            has_more: false,
        }
    }

    /// Adds the next letters of a shard with numbers below `before`, newest first. Returns where
    /// to go on; `None` when none of the rest can be on the page.
    pub fn gather(
        &mut self,
        (shard, state): (u32, &ShardState),
        filter: &Filter,
        before: u64,
    ) -> Option<u64> {
        let letters = state.dead_letters().iter_before(before);
        for (looked_at, (number, letter)) in letters.enumerate() {
            if looked_at == LOOKED_AT_MAX {
                return Some(number + 1);
            }
            let place = (Reverse(letter.refused_ms), shard, Reverse(number));
            let is_behind = self.after.is_none_or(|after| place > after);
            if is_behind && filter.keeps(letter) && !self.add(place, letter) {
                return None;
            }
        }
        None
    }

    /// Returns false if the page is full of earlier places.
    fn add(&mut self, place: Place, letter: &DeadLetter) -> bool {
        let last = self.letters.last_key_value();
        if self.is_full() && last.is_some_and(|(last, _)| place > *last) {
            self.has_more = true;
            return false;
        }
        self.bytes += letter.bytes();
        self.letters.insert(place, letter.clone());
        while self.letters.len() > self.letters_max || self.bytes_before_last() >= PAGE_BYTES_MAX {
            let Some((_, letter)) = self.letters.pop_last() else {
                break;
            };
            self.bytes -= letter.bytes();
            self.has_more = true;
        }
        true
    }

    fn bytes_before_last(&self) -> u64 {
        let last = self.letters.last_key_value();
        self.bytes - last.map_or(0, |(_, letter)| letter.bytes())
    }

    fn is_full(&self) -> bool {
        self.letters.len() >= self.letters_max || self.bytes >= PAGE_BYTES_MAX
    }

    /// The letters, newest first.
    pub fn into_letters(self) -> BTreeMap<Place, DeadLetter> {
        self.letters
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

#[cfg(test)]
mod tests {
    use homeroom_core::{Reason, Settings};
    use proptest::prelude::*;

    use super::*;

    fn letter(refused_ms: i64, bytes: usize) -> DeadLetter {
        DeadLetter {
            source: "lms".into(),
            reason: Reason::Malformed,
            detail: "".into(),
            refused_ms,
            user_id: None,
            format: PayloadFormat::NativeJson,
            payload_hash: 0,
            payload: vec![b'x'; bytes],
        }
    }

    proptest! {
        /// Pages in turn list every letter once, in order, and none is larger than its bounds.
        #[test]
        fn pages_list_every_letter_once_within_their_bounds(
            shards in proptest::collection::vec(
                proptest::collection::vec((0_i64..4, 0_usize..300_000), 0..20), 1..4),
            letters_max in 1_usize..8,
        ) {
            let mut all = BTreeMap::new();
            for (shard, letters) in (0_u32..).zip(&shards) {
                let mut refused_ms = 0;
                for (number, (passed_ms, bytes)) in (0_u64..).zip(letters) {
                    refused_ms += passed_ms;
                    let place = (Reverse(refused_ms), shard, Reverse(number));
                    all.insert(place, letter(refused_ms, *bytes));
                }
            }
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let mut page = Page::new(after, letters_max);
                for shard in (0_u32..).take(shards.len()) {
                    // As `gather`: newest first, until the page takes no more.
                    let of_shard = all.iter().filter(|(place, _)| place.1 == shard);
                    let mut behind = of_shard.filter(|(place, _)| after.is_none_or(|it| **place > it));
                    behind.all(|(place, letter)| page.add(*place, letter));
                }
                let has_more = page.has_more;
                let letters = page.into_letters();
                let bytes: u64 = letters.values().map(DeadLetter::bytes).sum();
                prop_assert!(letters.len() <= letters_max);
                prop_assert!(bytes < PAGE_BYTES_MAX + 310_000);
                after = letters.keys().next_back().copied().or(after);
                listed.extend(letters.into_keys());
                if !has_more {
                    break;
                }
            }
            prop_assert_eq!(listed, all.into_keys().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_shard_is_read_in_slices() {
        let state = ShardState::new(Settings::default());
        let mut page = Page::new(None, 1);
        let filter = Filter::of(None).expect("everything");
        assert_eq!(page.gather((0, &state), &filter, u64::MAX), None);
        assert!(!page.has_more);
    }
}
