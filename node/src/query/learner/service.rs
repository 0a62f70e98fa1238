//! Serves learners.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use futures::{StreamExt, stream};
use homeroom_core::learner::WindowQuery;
use homeroom_proto::v1::{self, learner_service_server::LearnerService};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use super::{read::read_profile, scan, watch::LearnerWatch, windows};
use crate::{
    observe::metrics,
    query::{
        answer_size::{ANSWER_BYTES_MAX, size_within},
        profile::Mask,
        read_context::{ID_BYTES_MAX, ReadContext, check_id},
        read_options,
        slow_reader::Answers,
        window,
    },
    shard::{Consistency, ReadOptions, ShardReplica},
    status,
};

/// Maximum learners in one batch.
const BATCH_MAX: usize = 1_000;
/// Learners of a batch that are read at once.
const READS_AT_ONCE: usize = 64;

/// Scans that are open at once; further ones are refused.
const SCANS_MAX: usize = 8;

/// Serves [`LearnerService`].
#[derive(Clone)]
pub struct LearnerHandler {
    context: ReadContext,
    scans: Arc<Semaphore>,
}

impl LearnerHandler {
    /// Its streams end when the context's `stop` is cancelled.
    pub fn new(context: ReadContext) -> Self {
        Self {
            context,
            scans: Arc::new(Semaphore::new(SCANS_MAX)),
        }
    }

    /// The shard of a learner, and the options of the read.
    fn place(
        &self,
        user_id: &str,
        read: Option<&v1::ReadOptions>,
    ) -> Result<(Arc<ShardReplica>, ReadOptions), Status> {
        check_id("user_id", user_id)?;
        let shard = Arc::clone(self.context.router.shard_of(user_id));
        let options = read_options::for_shard(read, &self.context.cluster_id(), shard.shard())?;
        Ok((shard, options))
    }

    async fn get(
        &self,
        user_id: &str,
        read: Option<&v1::ReadOptions>,
        mask: &Mask,
    ) -> Result<v1::GetLearnerResponse, Status> {
        let (shard, options) = self.place(user_id, read)?;
        let begun = Instant::now();
        let leaders = self.context.leaders();
        let answer = read_profile((&shard, &leaders), user_id, options, mask).await;
        self.measure(options.consistency, begun, answer.as_ref().ok());
        answer
    }

    fn measure(
        &self,
        consistency: Consistency,
        begun: Instant,
        answer: Option<&v1::GetLearnerResponse>,
    ) {
        let requested = match consistency {
            Consistency::Linearizable => metrics::Consistency::Linearizable,
            Consistency::Session(_) => metrics::Consistency::Session,
            Consistency::Bounded(_) => metrics::Consistency::Bounded,
            Consistency::Any => metrics::Consistency::Any,
        };
        self.context.metrics.reads(requested).increment(1);
        self.context
            .metrics
            .seconds
            .record(begun.elapsed().as_secs_f64());
        let freshness = answer.and_then(|answer| answer.freshness.as_ref());
        if freshness.is_some_and(|freshness| !freshness.bound_met) {
            self.context.metrics.bound_missed.increment(1);
        }
    }
}

#[tonic::async_trait]
impl LearnerService for LearnerHandler {
    type ScanWindowsStream = Answers<v1::ScanWindowsResponse>;
    type WatchLearnerStream = Answers<v1::WatchLearnerResponse>;

    async fn get_learner(
        &self,
        request: Request<v1::GetLearnerRequest>,
    ) -> Result<Response<v1::GetLearnerResponse>, Status> {
        let request = request.into_inner();
        let mask = Mask::of(request.field_mask)?;
        self.get(&request.user_id, request.read.as_ref(), &mask)
            .await
            .map(Response::new)
    }

    async fn batch_get_learners(
        &self,
        request: Request<v1::BatchGetLearnersRequest>,
    ) -> Result<Response<v1::BatchGetLearnersResponse>, Status> {
        let request = request.into_inner();
        if request.user_ids.len() > BATCH_MAX {
            return Err(status::invalid("user_ids", "must be at most 1,000"));
        }
        if request.user_ids.iter().any(|id| id.len() > ID_BYTES_MAX) {
            return Err(status::invalid(
                "user_ids",
                "each must have 1 to 1,024 bytes",
            ));
        }
        let mask = Mask::of(request.field_mask)?;
        let read = request.read.as_ref();
        // What does not fit any more is not read either.
        let is_full = AtomicBool::new(false);
        let mut read_in_order = stream::iter(request.user_ids)
            .map(|user_id| {
                let (mask, is_full) = (&mask, &is_full);
                async move {
                    let answer = match is_full.load(Ordering::Relaxed) {
                        true => Err(status::too_much("the answer is full")),
                        false => self.get(&user_id, read, mask).await,
                    };
                    to_item(user_id, answer)
                }
            })
            .buffered(READS_AT_ONCE);
        let (mut items, mut bytes) = (Vec::new(), 0);
        while let Some(mut item) = read_in_order.next().await {
            let size = size_within(&item);
            if bytes + size > ANSWER_BYTES_MAX && !items.is_empty() {
                is_full.store(true, Ordering::Relaxed);
                item = to_item(item.user_id, Err(status::too_much("the answer is full")));
            } else {
                bytes += size;
            }
            items.push(item);
        }
        Ok(Response::new(v1::BatchGetLearnersResponse { items }))
    }

    async fn list_windows(
        &self,
        request: Request<v1::ListWindowsRequest>,
    ) -> Result<Response<v1::ListWindowsResponse>, Status> {
        let request = request.into_inner();
        let place = self.place(&request.user_id, request.read.as_ref())?;
        let page = window::page_size(request.page_size);
        let query = list_query(&request)?;
        let place = (&*place.0, place.1);
        let with = (&self.context.pool, &self.context.leaders());
        let page = windows::list(with, place, &request.user_id, query, page);
        page.await.map(Response::new)
    }

    async fn scan_windows(
        &self,
        request: Request<v1::ScanWindowsRequest>,
    ) -> Result<Response<Self::ScanWindowsStream>, Status> {
        let request = request.into_inner();
        let query = window::to_query(&window::WindowRequest {
            size_ms: request.size_ms,
            step_ms: request.step_ms,
            from_ms: request.from_ms,
            to_ms: request.to_ms,
            changed_since_ms: request.changed_since_ms,
            course_id: &request.course_id,
        })?;
        let shards = self.context.all_shards(request.read.as_ref())?;
        let scans = Arc::clone(&self.scans).try_acquire_owned();
        let held = scans.map_err(|_| status::overloaded("too many scans at once"))?;
        let with = (self.context.pool.clone(), self.context.leaders());
        let answers = scan::windows(with, shards, query);
        // The permit is released with the stream.
        let answers = answers.map(move |answer| {
            let _held = &held;
            answer
        });
        Ok(self.context.stream(answers))
    }

    async fn watch_learner(
        &self,
        request: Request<v1::WatchLearnerRequest>,
    ) -> Result<Response<Self::WatchLearnerStream>, Status> {
        let request = request.into_inner();
        let (shard, _) = self.place(&request.user_id, None)?;
        let mask = Mask::of(request.field_mask)?;
        let shard = (shard, self.context.leaders());
        let watch = LearnerWatch::new(shard, request.user_id, request.min_interval_ms, mask)?;
        Ok(self.context.stream(watch.answers()))
    }
}

fn list_query(request: &v1::ListWindowsRequest) -> Result<WindowQuery, Status> {
    let continued_ms = window::continued_ms(&request.page_token)?;
    window::to_query(&window::WindowRequest {
        size_ms: request.size_ms,
        step_ms: request.step_ms,
        from_ms: continued_ms.or(request.from_ms),
        to_ms: request.to_ms,
        changed_since_ms: request.changed_since_ms,
        course_id: &request.course_id,
    })
}

fn to_item(
    user_id: String,
    answer: Result<v1::GetLearnerResponse, Status>,
) -> v1::BatchGetLearnersItem {
    match answer {
        Ok(answer) => v1::BatchGetLearnersItem {
            user_id,
            found: answer.found,
            profile: answer.profile,
            freshness: answer.freshness,
            ..v1::BatchGetLearnersItem::default()
        },
        Err(status) => v1::BatchGetLearnersItem {
            user_id,
            status_code: status.code().into(),
            status_message: status.message().to_owned(),
            ..v1::BatchGetLearnersItem::default()
        },
    }
}
