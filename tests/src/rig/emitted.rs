//! The windows that an entry closes or corrects.

use homeroom_core::WindowShape;
use homeroom_core::learner::{Learner, WindowQuery};
use homeroom_core::shard::{EntryContext, ReadPoint};

/// An emission as a sink receives it, with the revision of its window at that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// The window's shape.
    pub shape: WindowShape,
    /// The window's start, ms.
    pub start_ms: i64,
    /// Its revision.
    pub revision: u32,
}

/// The emissions of one learner after an entry; `whole` is the learner with all its blocks in
/// memory.
pub(super) fn emissions(
    learner: &Learner,
    whole: &Learner,
    touched_ms: &[i64],
    context: &EntryContext,
    at: &ReadPoint,
) -> Vec<Emitted> {
    let corrected = learner.corrected(touched_ms, context, at.floor_ms);
    let corrected = corrected.into_iter().map(|emission| Emitted {
        shape: emission.shape,
        start_ms: emission.start_ms,
        revision: (whole.revision(
            emission.start_ms,
            emission.start_ms + emission.shape.size_ms,
            at,
        ))
        .revision,
    });
    let passed_ms = (context.watermark_ms, at.watermark_ms);
    let shapes = context.settings.windows.iter();
    let closed = shapes.flat_map(|&shape| closings(whole, shape, passed_ms, at));
    corrected.chain(closed).collect()
}

/// The non-empty windows whose end the watermark passed between two times.
fn closings(
    learner: &Learner,
    shape: WindowShape,
    (from_ms, to_ms): (i64, i64),
    at: &ReadPoint,
) -> impl Iterator<Item = Emitted> {
    let windows = learner.windows(&WindowQuery::all(shape), at);
    windows
        .into_iter()
        .filter(move |window| from_ms < window.end_ms && window.end_ms <= to_ms)
        .map(move |window| Emitted {
            shape,
            start_ms: window.start_ms,
            revision: window.revision,
        })
}
