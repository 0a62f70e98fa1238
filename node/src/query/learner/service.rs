//! Serves learners.

use std::{sync::Arc, time::Instant};

use futures::{StreamExt, stream};
use homeroom_core::learner::WindowQuery;
use homeroom_proto::v1::{self, learner_service_server::LearnerService};
use tonic::{Request, Response, Status};

use super::{read::read_profile, scan, watch::LearnerWatch};
use crate::{
    observe::metrics,
    query::{
        freshness,
        profile::Mask,
        read_context::{Answers, ReadContext, check_id},
        read_options, window,
    },
    shard::{Consistency, Read, ReadOptions, ShardReplica},
    status,
};

/// Maximum learners in one batch.
const BATCH_MAX: usize = 1_000;
/// Learners of a batch that are read at once.
const READS_AT_ONCE: usize = 64;

/// Serves [`LearnerService`].
#[derive(Clone)]
pub struct LearnerHandler(ReadContext);

impl LearnerHandler {
    /// Its streams end when the context's `stop` is cancelled.
    pub fn new(context: ReadContext) -> Self {
        Self(context)
    }

    /// The shard of a learner, and the options of the read.
    fn place(
        &self,
        user_id: &str,
        read: Option<&v1::ReadOptions>,
    ) -> Result<(Arc<ShardReplica>, ReadOptions), Status> {
        check_id("user_id", user_id)?;
        let shard = Arc::clone(self.0.router.shard_of(user_id));
        let options = read_options::for_shard(read, &self.0.cluster_id(), shard.shard())?;
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
        let answer = read_profile(&shard, user_id, options, mask).await;
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
        self.0.metrics.reads(requested).increment(1);
        self.0.metrics.seconds.record(begun.elapsed().as_secs_f64());
        let freshness = answer.and_then(|answer| answer.freshness.as_ref());
        if freshness.is_some_and(|freshness| !freshness.bound_met) {
            self.0.metrics.bound_missed.increment(1);
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
        let mask = Mask::of(request.field_mask)?;
        let read = request.read.as_ref();
        let items = stream::iter(request.user_ids)
            .map(|user_id| {
                let mask = &mask;
                async move {
                    let answer = self.get(&user_id, read, mask).await;
                    to_item(user_id, answer)
                }
            })
            .buffered(READS_AT_ONCE)
            .collect()
            .await;
        Ok(Response::new(v1::BatchGetLearnersResponse { items }))
    }

    async fn list_windows(
        &self,
        request: Request<v1::ListWindowsRequest>,
    ) -> Result<Response<v1::ListWindowsResponse>, Status> {
        let request = request.into_inner();
        let (shard, options) = self.place(&request.user_id, request.read.as_ref())?;
        let page = window::page_size(request.page_size);
        let query = list_query(&request)?;
        let windows = Some(query.clone());
        let read: Read<Option<Vec<v1::Window>>> = shard
            .reader()
            .read_learner(&request.user_id, options, windows, move |learner, view| {
                learner.map(|learner| {
                    let windows = learner.windows(&query, &view.at);
                    windows
                        .iter()
                        .take(page + 1)
                        .map(window::to_proto)
                        .collect()
                })
            })
            .await?;
        let freshness = freshness::of_read(&shard, &read).await;
        let found = read.value.is_some();
        let mut windows = read.value.unwrap_or_default();
        let next = windows.get(page).map(|window| window.start_ms.to_string());
        windows.truncate(page);
        Ok(Response::new(v1::ListWindowsResponse {
            found,
            windows,
            freshness: Some(freshness),
            next_page_token: next.unwrap_or_default(),
        }))
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
        let shards = self.0.all_shards(request.read.as_ref())?;
        Ok(self.0.stream(scan::windows(shards, query)))
    }

    async fn watch_learner(
        &self,
        request: Request<v1::WatchLearnerRequest>,
    ) -> Result<Response<Self::WatchLearnerStream>, Status> {
        let request = request.into_inner();
        let (shard, _) = self.place(&request.user_id, None)?;
        let mask = Mask::of(request.field_mask)?;
        let watch = LearnerWatch::new(shard, request.user_id, request.min_interval_ms, mask)?;
        Ok(self.0.stream(watch.answers()))
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
