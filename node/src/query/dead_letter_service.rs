//! Serves the refused events.

use std::{collections::BTreeMap, sync::Arc};

use homeroom_core::{
    Event, PayloadFormat, Reason,
    shard::{Counters, DeadLetter, DeadLetterGroup, Sequence, ShardState},
};
use homeroom_proto::v1::{self, dead_letter_service_server::DeadLetterService};
use prost::Message;
use tonic::{Request, Response, Status};

use crate::status;
use crate::{
    ingress::{to_proto, to_reason},
    route::Router,
};

/// Letters in a page, when the request does not say.
const PAGE_DEFAULT: usize = 100;
/// Letters in a page, at most.
const PAGE_MAX: usize = 1_000;

/// Serves [`DeadLetterService`].
pub struct DeadLetterDoor {
    router: Arc<Router>,
}

/// What a filter keeps.
struct Filter {
    source: Option<String>,
    reason: Option<Reason>,
    from_ms: i64,
    to_ms: i64,
}

/// Where a letter stands in the list of all shards: newest first.
type Place = (std::cmp::Reverse<i64>, u32, std::cmp::Reverse<u64>);

impl DeadLetterDoor {
    /// Over the shards of a router.
    pub fn new(router: Arc<Router>) -> Self {
        Self { router }
    }
}

#[tonic::async_trait]
impl DeadLetterService for DeadLetterDoor {
    async fn summarize(
        &self,
        request: Request<v1::SummarizeRequest>,
    ) -> Result<Response<v1::SummarizeResponse>, Status> {
        let filter = Filter::of(request.into_inner().filter)?;
        let mut summary = Summary::default();
        for shard in self.router.shards() {
            shard.inspect(|state| summary.add(state, &filter)).await;
        }
        Ok(Response::new(summary.into_response()))
    }

    async fn redrive(
        &self,
        _request: Request<v1::RedriveRequest>,
    ) -> Result<Response<v1::RedriveResponse>, Status> {
        Err(Status::unimplemented("redrive"))
    }

    async fn discard(
        &self,
        _request: Request<v1::DiscardRequest>,
    ) -> Result<Response<v1::DiscardResponse>, Status> {
        Err(Status::unimplemented("discard"))
    }

    async fn list(
        &self,
        request: Request<v1::ListRequest>,
    ) -> Result<Response<v1::ListResponse>, Status> {
        let request = request.into_inner();
        let filter = Filter::of(request.filter)?;
        let page = match request.page_size as usize {
            0 => PAGE_DEFAULT,
            size => size.min(PAGE_MAX),
        };
        let after = parse_token(&request.page_token)?;
        let mut found: BTreeMap<Place, DeadLetter> = BTreeMap::new();
        for shard in self.router.shards() {
            let number = u32::from(shard.shard());
            shard
                .inspect(|state| gather(&mut found, (number, state), &filter, after, page + 1))
                .await;
        }
        let more = found.len() > page;
        let listed: Vec<_> = found.into_iter().take(page).collect();
        let token = listed
            .last()
            .filter(|_| more)
            .map(|(place, _)| to_token(*place));
        Ok(Response::new(v1::ListResponse {
            dead_letters: listed
                .into_iter()
                .map(|(place, letter)| shown(place, letter))
                .collect(),
            next_page_token: token.unwrap_or_default(),
        }))
    }
}

/// Adds a shard's letters to the first `keep` of all.
fn gather(
    found: &mut BTreeMap<Place, DeadLetter>,
    (shard, state): (u32, &ShardState),
    filter: &Filter,
    after: Option<Place>,
    keep: usize,
) {
    use std::cmp::Reverse;
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

impl Filter {
    fn of(filter: Option<v1::DeadLetterFilter>) -> Result<Self, Status> {
        let filter = filter.unwrap_or_default();
        let reason = match filter.reason {
            0 => None,
            number => Some(
                Reason::ALL
                    .into_iter()
                    .find(|reason| i32::from(to_reason(*reason)) == number)
                    .ok_or_else(|| status::invalid("filter.reason", "not one of the contract's"))?,
            ),
        };
        Ok(Self {
            source: Some(filter.source).filter(|source| !source.is_empty()),
            reason,
            from_ms: filter.from_ms.unwrap_or(i64::MIN),
            to_ms: filter.to_ms.unwrap_or(i64::MAX),
        })
    }

    fn keeps(&self, letter: &DeadLetter) -> bool {
        self.keeps_group(&letter.source, letter.reason)
            && (self.from_ms..self.to_ms).contains(&letter.refused_ms)
    }

    fn keeps_group(&self, source: &str, reason: Reason) -> bool {
        self.source.as_deref().is_none_or(|wanted| wanted == source)
            && self.reason.is_none_or(|wanted| wanted == reason)
    }
}

#[derive(Default)]
struct Summary {
    groups: BTreeMap<(Box<str>, Reason), DeadLetterGroup>,
    sources: BTreeMap<Box<str>, (Counters, Option<Sequence>)>,
}

impl Summary {
    fn add(&mut self, state: &ShardState, filter: &Filter) {
        for (_, letter) in state.dead_letters().iter() {
            if filter.keeps(letter) {
                let key = (letter.source.clone(), letter.reason);
                self.groups.entry(key).or_default().add(letter);
            }
        }
        for ((source, reason), expired) in state.dead_letters().expired() {
            if filter.keeps_group(source, reason) {
                self.groups
                    .entry((source.into(), reason))
                    .or_default()
                    .expired += expired;
            }
        }
        for (source, counters) in state.counters() {
            if filter
                .source
                .as_deref()
                .is_none_or(|wanted| wanted == source)
            {
                self.sources
                    .entry(source.into())
                    .or_default()
                    .0
                    .merge(counters);
            }
        }
        for (source, sequence) in state.sequences() {
            if let Some((_, known)) = self.sources.get_mut(source) {
                *known = Some(known.map_or(sequence, |known| known.merged(sequence)));
            }
        }
    }

    fn into_response(self) -> v1::SummarizeResponse {
        let groups = self
            .groups
            .into_iter()
            .map(|((source, reason), group)| v1::DeadLetterGroup {
                source: source.into(),
                reason: to_reason(reason).into(),
                kept: group.kept,
                kept_bytes: group.kept_bytes,
                expired: group.expired,
                oldest_ms: group.oldest_ms.unwrap_or_default(),
                newest_ms: group.newest_ms.unwrap_or_default(),
            });
        let sources = self
            .sources
            .into_iter()
            .map(|(source, (counters, sequence))| v1::SourceCounters {
                source: source.into(),
                received: counters.received,
                accepted: counters.accepted,
                duplicate: counters.duplicate,
                conflicting: counters.conflicting,
                shadowed: counters.shadowed,
                dead_lettered: counters.dead_letters(),
                amended: counters.amended,
                sequence_gap: sequence.map_or(0, Sequence::missing),
            });
        v1::SummarizeResponse {
            groups: groups.collect(),
            sources: sources.collect(),
        }
    }
}

fn shown((_, shard, number): Place, letter: DeadLetter) -> v1::DeadLetter {
    let (payload, format) = match letter.format {
        PayloadFormat::NativeJson => (letter.payload, v1::PayloadFormat::NativeJson),
        PayloadFormat::XapiJson => (letter.payload, v1::PayloadFormat::XapiJson),
        PayloadFormat::Protobuf => (letter.payload, v1::PayloadFormat::Protobuf),
        // The core's own encoding is nobody else's business: such an event is shown as the contract's message.
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

fn to_token((refused_ms, shard, number): Place) -> String {
    format!("{}.{shard}.{}", refused_ms.0, number.0)
}

fn parse_token(token: &str) -> Result<Option<Place>, Status> {
    use std::cmp::Reverse;
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
