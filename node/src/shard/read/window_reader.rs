//! Windows of one learner, made in slices of bounded length on threads that may block.

use std::{
    sync::{Arc, mpsc},
    time::Instant,
};

use homeroom_core::learner::{
    Learner, LearnerVersion, NeededBlock, PartsSource, WindowMaker, WindowParts, WindowPlan,
    WindowQuery, WindowStep,
};
use tokio::sync::watch;

use super::{
    read_error::{LOOKUPS_MAX, ReadError},
    window_page::{PageBuilder, PageLimits, WindowPage},
};
use crate::{
    learner::{BlockSource, LearnerMessage, LearnerRef, LoadError, Look, Read, live_block, load},
    shard::{residency::Directory, view::View},
    store::checkpoint::{CheckpointStore, Position},
};

/// Counts copied while a learner is locked: some 0.3 ms. At least one pane is copied.
const COUNTS_PER_LOCK: usize = 2_048;
/// Work of one page: counts added and taken away, types listed. Some 2 s.
const WORK_MAX: u64 = 4_000_000;
/// Memory that one page may hold, bytes.
const HELD_BYTES_MAX: usize = 32 << 20;
/// Records of blocks that one page may read, bytes.
const READ_BYTES_MAX: usize = 64 << 20;

/// Reads the windows of a shard's learners. Waits for the disk and for learners' mailboxes, so it
/// belongs on threads that may block. Clones share everything.
#[derive(Clone)]
pub struct WindowReader {
    pub(super) shard: u16,
    pub(super) store: Arc<CheckpointStore>,
    pub(super) blocks: Arc<dyn BlockSource>,
    pub(super) directory: Directory,
    pub(super) view: watch::Receiver<Arc<View>>,
}

/// One page of a learner's windows that is being made. All its windows are of one position: when
/// the learner changes meanwhile, the page begins again.
pub struct PageTask {
    reader: WindowReader,
    user_id: Box<str>,
    query: WindowQuery,
    limits: PageLimits,
    draft: Option<Box<Draft>>,
    begun: usize,
}

/// A page as of one version of its learner.
struct Draft {
    view: Arc<View>,
    source: Source,
    plan: Arc<WindowPlan>,
    maker: WindowMaker,
    page: PageBuilder,
    /// Event time from which the page looks, ms.
    from_ms: i64,
    /// Whether the learner was of the plan's version after the last record was read.
    is_verified: bool,
    read_bytes: usize,
}

/// Where the learner is.
enum Source {
    Active(LearnerRef),
    /// With the position of the store before the learner was loaded.
    Stored(Box<Learner>, Option<Position>),
}

/// How a page began.
enum Begun {
    Draft(Box<Draft>),
    /// The learner has no windows. Whether the learner is known.
    Empty(bool),
    /// The learner was activated or passivated meanwhile.
    Again,
}

/// How far a slice got.
enum Advance {
    Paused,
    /// The page is complete. The next one begins at this time, ms, if there is one.
    Full(Option<i64>),
    /// The learner changed, or left memory.
    Changed,
}

impl PageTask {
    /// A page of a learner's windows.
    pub fn new(
        reader: WindowReader,
        user_id: &str,
        query: WindowQuery,
        limits: PageLimits,
    ) -> Self {
        Self {
            reader,
            user_id: user_id.into(),
            query,
            limits,
            draft: None,
            begun: 0,
        }
    }

    /// Works on the page until it is complete, or until a time; then it is to be called again. May
    /// take a few ms longer.
    ///
    /// # Errors
    /// See [`ReadError`]. [`ReadError::TooMuch`] if not even one window can be made.
    pub fn advance(&mut self, until: Instant) -> Result<Option<WindowPage>, ReadError> {
        loop {
            let mut draft = match self.draft.take() {
                Some(draft) => draft,
                None => match self.begin()? {
                    Begun::Draft(draft) => draft,
                    Begun::Empty(found) => return Ok(Some(self.empty(found))),
                    Begun::Again => continue,
                },
            };
            match self.fill(&mut draft, until) {
                Ok(Advance::Paused) => {
                    self.draft = Some(draft);
                    return Ok(None);
                }
                Ok(Advance::Full(next_ms)) if self.reader.is_unchanged(&draft, &self.user_id) => {
                    let Draft { view, page, .. } = *draft;
                    return Ok(Some(page.into_page(view, next_ms)));
                }
                Ok(Advance::Full(_) | Advance::Changed) => {}
                // What was read may be newer than the plan.
                Err(error) if self.reader.is_unchanged(&draft, &self.user_id) => return Err(error),
                Err(_) => {}
            }
        }
    }

    fn empty(&self, found: bool) -> WindowPage {
        PageBuilder::new(self.limits).into_empty(self.reader.view(), found)
    }

    fn begin(&mut self) -> Result<Begun, ReadError> {
        if self.begun >= LOOKUPS_MAX {
            return Err(ReadError::Changing);
        }
        self.begun += 1;
        let view = self.reader.view();
        let floor_ms = view.at.floor_ms;
        let Some(active) = self.reader.directory.get(&self.user_id) else {
            return self.begin_stored(view);
        };
        let query = self.query.clone();
        let planned = ask(&active, move |learner| {
            (learner.is_known(), learner.window_plan(&query, floor_ms))
        });
        Ok(match planned {
            Some((true, Some(plan))) => self.draft(view, Source::Active(active), plan),
            Some((is_known, _)) => Begun::Empty(is_known),
            None => Begun::Again,
        })
    }

    fn begin_stored(&self, view: Arc<View>) -> Result<Begun, ReadError> {
        let reader = &self.reader;
        let position = reader.store.position(reader.shard).ok().flatten();
        let stored = load(&reader.store, reader.shard, &self.user_id);
        if !reader.is_stored_as_of(position, &self.user_id) {
            return Ok(Begun::Again);
        }
        let stored = stored.map_err(damaged)?.map(|stored| stored.learner);
        let Some(learner) = stored.filter(Learner::is_known) else {
            return Ok(Begun::Empty(false));
        };
        let plan = learner.window_plan(&self.query, view.at.floor_ms);
        Ok(match plan {
            Some(plan) => self.draft(view, Source::Stored(Box::new(learner), position), plan),
            None => Begun::Empty(true),
        })
    }

    fn draft(&self, view: Arc<View>, source: Source, plan: WindowPlan) -> Begun {
        let maker = WindowMaker::new(&self.query, &plan, &view.at, self.limits.types_max);
        Begun::Draft(Box::new(Draft {
            view,
            source,
            from_ms: maker.reached_ms(),
            plan: Arc::new(plan),
            maker,
            page: PageBuilder::new(self.limits),
            is_verified: true,
            read_bytes: 0,
        }))
    }

    fn fill(&self, draft: &mut Draft, until: Instant) -> Result<Advance, ReadError> {
        loop {
            match draft.maker.step() {
                WindowStep::Done => return Ok(Advance::Full(None)),
                WindowStep::Made(window) => {
                    let start_ms = window.start_ms;
                    if !draft.page.add(window) {
                        return Ok(Advance::Full(Some(start_ms)));
                    }
                    if draft.is_over_budget() {
                        return Ok(Advance::Full(Some(draft.maker.reached_ms())));
                    }
                }
                WindowStep::Needs(from_ms) => {
                    if draft.is_over_budget() {
                        return draft.cut();
                    }
                    let Some(parts) = self.parts(draft, from_ms)? else {
                        return Ok(Advance::Changed);
                    };
                    draft.maker.add(parts);
                }
            }
            if Instant::now() >= until {
                return Ok(Advance::Paused);
            }
        }
    }

    /// The next parts; `None` if the learner changed or left memory.
    fn parts(&self, draft: &mut Draft, from_ms: i64) -> Result<Option<WindowParts>, ReadError> {
        let span_ms = match draft.plan.source(from_ms) {
            PartsSource::Stored(block) => {
                return self.stored_parts(draft, &block, from_ms).map(Some);
            }
            PartsSource::Memory(span_ms) => span_ms,
        };
        let plan = Arc::clone(&draft.plan);
        let copy = move |learner: &Learner| learner.window_parts(&plan, span_ms, COUNTS_PER_LOCK);
        match &draft.source {
            Source::Stored(learner, _) => Ok(Some(copy(learner))),
            Source::Active(active) => {
                let expected = draft.plan.version;
                let copied = ask(active, move |learner| {
                    (learner.version() == expected).then(|| copy(learner))
                });
                let parts = copied.flatten();
                draft.is_verified = parts.is_some();
                Ok(parts)
            }
        }
    }

    fn stored_parts(
        &self,
        draft: &mut Draft,
        block: &NeededBlock,
        from_ms: i64,
    ) -> Result<WindowParts, ReadError> {
        let begin_ms = block.span_ms.start;
        let (reader, user_id) = (&self.reader, &*self.user_id);
        let floor_ms = || reader.view().at.floor_ms;
        draft.is_verified = false;
        let bytes = live_block(&*reader.blocks, user_id, begin_ms, floor_ms).map_err(damaged)?;
        draft.read_bytes += bytes.as_ref().map_or(0, Vec::len);
        let parts = draft.plan.stored_parts(block, from_ms, bytes.as_deref());
        parts
            .map_err(|error| ReadError::Damaged(format!("{user_id:?} from {begin_ms} on: {error}")))
    }
}

impl Draft {
    fn is_over_budget(&self) -> bool {
        self.maker.work() > WORK_MAX
            || self.maker.held_bytes() > HELD_BYTES_MAX
            || self.read_bytes > READ_BYTES_MAX
    }

    /// Ends a page whose budget is spent.
    fn cut(&self) -> Result<Advance, ReadError> {
        let reached_ms = self.maker.reached_ms();
        match reached_ms > self.from_ms {
            true => Ok(Advance::Full(Some(reached_ms))),
            false => Err(ReadError::TooMuch),
        }
    }
}

impl WindowReader {
    fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.borrow())
    }

    /// Whether all that a draft read is of the version that it began with.
    fn is_unchanged(&self, draft: &Draft, user_id: &str) -> bool {
        match &draft.source {
            Source::Stored(_, position) => self.is_stored_as_of(*position, user_id),
            Source::Active(_) if draft.is_verified => true,
            Source::Active(active) => {
                let version: Option<LearnerVersion> = ask(active, Learner::version);
                version == Some(draft.plan.version)
            }
        }
    }

    /// Whether a learner is passivated, and nothing was stored since a position. Records stored
    /// between two reads may be newer than those read before.
    fn is_stored_as_of(&self, position: Option<Position>, user_id: &str) -> bool {
        self.store.position(self.shard).ok().flatten() == position
            && self.directory.get(user_id).is_none()
    }
}

/// What a closure says of an active learner; `None` when the learner has stopped. The learner is
/// locked while the closure runs.
fn ask<T: Send + 'static>(
    learner: &LearnerRef,
    question: impl FnOnce(&Learner) -> T + Send + 'static,
) -> Option<T> {
    let (answer, answered) = mpsc::sync_channel(1);
    let look: Look = Box::new(move |learner| {
        let _ = answer.try_send(question(learner));
    });
    learner.send(LearnerMessage::Read(Read { look })).ok()?;
    answered.recv().ok()
}

fn damaged(error: LoadError) -> ReadError {
    ReadError::Damaged(error.to_string())
}
