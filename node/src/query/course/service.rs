//! Serves courses.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use futures::{StreamExt, future::try_join_all};
use homeroom_proto::v1::{self, course_service_server::CourseService};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use super::{
    page::{self, RosterPage},
    read_points::ReadPoints,
    roster_key,
    watch::CourseWatch,
    windows,
};
use crate::{
    query::{
        read_context::{ReadContext, check_id},
        slow_reader::Answers,
    },
    status,
};

/// Maximum courses in a page.
const COURSES_MAX: usize = 1_000;
/// Courses whose learners are searched in one pass. It bounds the memory of a pass.
const COURSES_PER_PASS: usize = 64;
/// Reads that run at once; further requests wait.
const READS_AT_ONCE: usize = 8;
/// Reads that run or wait at once; further ones are refused.
const READS_MAX: usize = 256;
/// Watches that are open at once; further ones are refused.
const WATCHES_MAX: usize = 512;

/// Serves [`CourseService`].
#[derive(Clone)]
pub struct CourseHandler {
    context: ReadContext,
    /// A read visits every learner of a course. More reads at once would slow down each other and
    /// the shards.
    reads: Arc<Semaphore>,
    accepted: Arc<Semaphore>,
    watches: Arc<Semaphore>,
}

impl CourseHandler {
    /// Its streams end when the context's `stop` is cancelled.
    pub fn new(context: ReadContext) -> Self {
        Self {
            context,
            reads: Arc::new(Semaphore::new(READS_AT_ONCE)),
            accepted: Arc::new(Semaphore::new(READS_MAX)),
            watches: Arc::new(Semaphore::new(WATCHES_MAX)),
        }
    }

    async fn points(&self, read: Option<&v1::ReadOptions>) -> Result<ReadPoints, Status> {
        let shards = self.context.all_shards(read)?;
        ReadPoints::of(shards, &self.context.leaders()).await
    }

    async fn list(
        &self,
        request: v1::ListCoursesRequest,
    ) -> Result<v1::ListCoursesResponse, Status> {
        let size = page::size(request.page_size, COURSES_MAX);
        let points = self.points(request.read.as_ref()).await?;
        let after = request.page_token.as_str();
        // One more tells whether there is another page.
        let ids = points.shards();
        let ids = ids.map(|shard| shard.reader().course_ids_after(after, size + 1));
        let ids: BTreeSet<Box<str>> = try_join_all(ids).await?.into_iter().flatten().collect();
        let mut ids = ids.into_iter();
        let listed: Vec<Box<str>> = ids.by_ref().take(size).collect();
        let mut courses = Vec::with_capacity(listed.len());
        for listed in listed.chunks(COURSES_PER_PASS) {
            let classes = points.classes(listed, &RosterPage::none()).await?;
            let classes = listed.iter().zip(classes);
            courses.extend(classes.map(|(course_id, class)| class.summary(course_id)));
        }
        let last = courses.last().map(|course| course.course_id.clone());
        Ok(v1::ListCoursesResponse {
            courses,
            freshness: points.freshness,
            next_page_token: last.filter(|_| ids.next().is_some()).unwrap_or_default(),
        })
    }

    async fn get(&self, request: v1::GetCourseRequest) -> Result<v1::GetCourseResponse, Status> {
        check_id("course_id", &request.course_id)?;
        let page = RosterPage::of(
            request.page_size,
            &request.page_token,
            request.needing_help_only,
        )?;
        let points = self.points(request.read.as_ref()).await?;
        let class = points.class(&request.course_id, &page).await?;
        let (found, course) = (class.found, class.summary(&request.course_id));
        let (roster, next) = class.into_roster();
        Ok(v1::GetCourseResponse {
            found,
            course: found.then_some(course),
            roster,
            freshness: points.freshness,
            next_page_token: next.as_ref().map(roster_key::to_token).unwrap_or_default(),
        })
    }

    /// Waits for a permit, then for the answer, and records how long both took.
    async fn measured<T>(
        &self,
        answer: impl Future<Output = Result<T, Status>>,
    ) -> Result<Response<T>, Status> {
        let begun = Instant::now();
        let _accepted = self
            .accepted
            .try_acquire()
            .map_err(|_| status::overloaded("too many reads of courses at once"))?;
        let _turn = self.reads.acquire().await;
        let answer = answer.await?;
        let seconds = begun.elapsed().as_secs_f64();
        self.context.metrics.course_seconds.record(seconds);
        Ok(Response::new(answer))
    }
}

#[tonic::async_trait]
impl CourseService for CourseHandler {
    type WatchCourseStream = Answers<v1::WatchCourseResponse>;

    async fn list_courses(
        &self,
        request: Request<v1::ListCoursesRequest>,
    ) -> Result<Response<v1::ListCoursesResponse>, Status> {
        self.measured(self.list(request.into_inner())).await
    }

    async fn get_course(
        &self,
        request: Request<v1::GetCourseRequest>,
    ) -> Result<Response<v1::GetCourseResponse>, Status> {
        self.measured(self.get(request.into_inner())).await
    }

    async fn list_course_windows(
        &self,
        request: Request<v1::ListCourseWindowsRequest>,
    ) -> Result<Response<v1::ListCourseWindowsResponse>, Status> {
        let request = request.into_inner();
        check_id("course_id", &request.course_id)?;
        self.measured(async {
            let points = self.points(request.read.as_ref()).await?;
            windows::list(&self.context.pool, points, &request).await
        })
        .await
    }

    async fn watch_course(
        &self,
        request: Request<v1::WatchCourseRequest>,
    ) -> Result<Response<Self::WatchCourseStream>, Status> {
        let request = request.into_inner();
        check_id("course_id", &request.course_id)?;
        let watches = Arc::clone(&self.watches).try_acquire_owned();
        let held = watches.map_err(|_| status::overloaded("too many courses are watched"))?;
        let shards = self.context.router.shards().to_vec();
        let watch = CourseWatch::new((shards, self.context.leaders()), request)?;
        // The permit is released with the stream.
        let answers = watch.answers().map(move |answer| {
            let _held = &held;
            answer
        });
        Ok(self.context.stream(answers))
    }
}
