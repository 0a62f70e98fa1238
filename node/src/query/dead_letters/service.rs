//! Serves dead letters.

use std::sync::Arc;

use homeroom_core::shard::ShardState;
use homeroom_proto::v1::{self, dead_letter_service_server::DeadLetterService};
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::{
    discard::discard,
    filter::Filter,
    listing::{Page, parse_token, shown, to_token},
    redrive::Redrive,
    summary::Summary,
};
use crate::{ingress::Intake, route::Router, status};

/// Letters in a page if the request gives no size.
const PAGE_DEFAULT: usize = 100;
/// Maximum letters in a page.
const PAGE_MAX: usize = 1_000;

/// Serves [`DeadLetterService`].
pub struct DeadLetterHandler {
    router: Arc<Router>,
    intake: Intake,
    /// Held while letters are re-driven or discarded: one such request at a time.
    work: Mutex<()>,
    stop: CancellationToken,
}

impl DeadLetterHandler {
    /// Re-drives are delivered through `intake`, and end early once `stop` is cancelled.
    pub fn new(router: Arc<Router>, intake: Intake, stop: CancellationToken) -> Self {
        Self {
            router,
            intake,
            work: Mutex::default(),
            stop,
        }
    }

    /// The letters of a failed replica can't be read, and those of the others are not all.
    fn check_alive(&self) -> Result<(), Status> {
        let mut shards = self.router.shards().iter();
        let failed = shards.find_map(|shard| Some((shard.shard(), shard.failed()?)));
        failed.map_or(Ok(()), |(shard, why)| {
            let words = format!("the replica of shard {shard} on this node has failed: {why}");
            Err(status::unavailable(status::SHARD_FAILED, &words))
        })
    }

    /// Two re-drives at once would deliver the same letters twice; one could also restore what
    /// another request discards.
    fn begin_work(&self) -> Result<MutexGuard<'_, ()>, Status> {
        self.work.try_lock().map_err(|_| {
            status::busy("this node is re-driving or discarding dead letters already: wait until that is done")
        })
    }
}

#[tonic::async_trait]
impl DeadLetterService for DeadLetterHandler {
    async fn summarize(
        &self,
        request: Request<v1::SummarizeRequest>,
    ) -> Result<Response<v1::SummarizeResponse>, Status> {
        let filter = Filter::of(request.into_inner().filter)?;
        self.check_alive()?;
        let mut summary = Summary::default();
        for shard in self.router.shards() {
            let mut from = Some(0);
            while let Some(number) = from {
                let add = |state: &ShardState| summary.add_letters(state, &filter, number);
                from = shard.inspect(add).await;
            }
            shard.inspect(|state| summary.add(state, &filter)).await;
        }
        Ok(Response::new(summary.into_response()))
    }

    async fn redrive(
        &self,
        request: Request<v1::RedriveRequest>,
    ) -> Result<Response<v1::RedriveResponse>, Status> {
        let v1::RedriveRequest { filter, dry_run } = request.into_inner();
        let filter = Filter::of(filter)?;
        self.check_alive()?;
        let redrive = Redrive::new(&self.router, &self.intake, &self.stop);
        if dry_run {
            return Ok(Response::new(redrive.dry_run(&filter).await?));
        }
        let _alone = self.begin_work()?;
        Ok(Response::new(redrive.run(&filter).await?))
    }

    async fn discard(
        &self,
        request: Request<v1::DiscardRequest>,
    ) -> Result<Response<v1::DiscardResponse>, Status> {
        let v1::DiscardRequest { filter, dry_run } = request.into_inner();
        let filter = Filter::of(filter)?;
        self.check_alive()?;
        let _alone = (!dry_run).then(|| self.begin_work()).transpose()?;
        discard(&self.router, &filter, dry_run)
            .await
            .map(Response::new)
    }

    async fn list(
        &self,
        request: Request<v1::ListRequest>,
    ) -> Result<Response<v1::ListResponse>, Status> {
        let request = request.into_inner();
        let filter = Filter::of(request.filter)?;
        self.check_alive()?;
        let letters_max = match request.page_size as usize {
            0 => PAGE_DEFAULT,
            size => size.min(PAGE_MAX),
        };
        let after = parse_token(&request.page_token)?;
        let mut page = Page::new(after, letters_max);
        for shard in self.router.shards() {
            let number = u32::from(shard.shard());
            let mut before = Some(u64::MAX);
            while let Some(number_before) = before {
                let gather =
                    |state: &ShardState| page.gather((number, state), &filter, number_before);
                before = shard.inspect(gather).await;
            }
        }
        let more = page.has_more;
        let listed = page.into_letters();
        let last = listed.keys().next_back().filter(|_| more);
        let token = last.map(|place| to_token(*place));
        Ok(Response::new(v1::ListResponse {
            dead_letters: listed
                .into_iter()
                .map(|(place, letter)| shown(place, letter))
                .collect(),
            next_page_token: token.unwrap_or_default(),
        }))
    }
}
