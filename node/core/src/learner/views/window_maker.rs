//! Makes windows one after the other from copied parts of a learner. A pane enters the sums once
//! and leaves them once, however many windows overlap.

use std::collections::{BTreeMap, VecDeque};

use super::{
    revision::WindowState,
    type_counts::TypeCounts,
    window::{Window, WindowContent, WindowQuery},
    window_parts::{PanePart, WindowParts, WindowPlan},
};
use crate::{WindowShape, context::ReadPoint, learner::history::Correction, time::floor_to};

/// The most event types that a window lists one by one.
pub const TYPES_LISTED_MAX: usize = 100;

/// Memory of a pane besides its counts, bytes.
const PANE_BYTES: usize = size_of::<PanePart>() + 64;
/// Memory of a count, bytes.
const COUNT_BYTES: usize = size_of::<(u32, u32)>();

/// Makes the windows of one query, oldest first.
#[derive(Debug)]
pub struct WindowMaker {
    shape: WindowShape,
    at: ReadPoint,
    changed_since_ms: Option<i64>,
    types_max: usize,
    /// The next window starts at or after this, ms.
    from_ms: i64,
    /// No window starts at or after this, ms.
    to_ms: i64,
    /// All panes that begin before this are added, ms.
    complete_ms: i64,
    /// Oldest first. The first `entered` ones are in the sums.
    panes: VecDeque<PanePart>,
    entered: usize,
    /// Starts of those panes for which a window is listed, ms: with an event of the query's course,
    /// and changed since the query's log time.
    listed_for_ms: VecDeque<i64>,
    sums: Sums,
    late: LateChanges,
    /// The watermarks of the panes' first events, ms, as far as they may be the lowest of a window.
    lowest: VecDeque<(i64, i64)>,
    held_bytes: usize,
    work: u64,
}

/// The next step of making windows.
#[derive(Debug)]
pub enum WindowStep {
    /// The next window.
    Made(Window),
    /// Parts from this event time on are needed first, ms.
    Needs(i64),
    /// There are no more windows.
    Done,
}

/// The sums of the panes that have entered.
#[derive(Debug, Default)]
struct Sums {
    types: TypeCounts,
    clicks: u64,
    active_panes: u64,
    quiz_count: u64,
    score_millionths: u64,
    video_ms: u128,
}

/// The late changes of the panes in a window, as far as they are after its end.
#[derive(Debug, Default)]
struct LateChanges {
    /// Of the whole query, ordered by pane.
    all: Vec<Correction>,
    entered: usize,
    left: usize,
    /// The watermark of each entry, and how many panes of the window it changed. The watermark
    /// never goes back, so entries are ordered by it, too.
    entries: BTreeMap<u64, (i64, u32)>,
}

impl WindowMaker {
    /// A maker without parts. It lists at most `types_max` event types per window.
    pub fn new(query: &WindowQuery, plan: &WindowPlan, at: &ReadPoint, types_max: usize) -> Self {
        Self {
            shape: query.shape,
            at: *at,
            changed_since_ms: query.changed_since_ms,
            types_max,
            from_ms: plan.span_ms.start,
            to_ms: query.to_ms.unwrap_or(i64::MAX),
            complete_ms: plan.span_ms.start,
            panes: VecDeque::new(),
            entered: 0,
            listed_for_ms: VecDeque::new(),
            sums: Sums::default(),
            late: LateChanges {
                all: plan.corrections.clone(),
                ..LateChanges::default()
            },
            lowest: VecDeque::new(),
            held_bytes: 0,
            work: 0,
        }
    }

    /// Adds the parts that [`WindowStep::Needs`] named.
    pub fn add(&mut self, parts: WindowParts) {
        self.complete_ms = parts.until_ms.max(self.complete_ms);
        let numbers = parts.types.iter();
        let numbers: Vec<u32> = numbers.map(|name| self.sums.types.number(name)).collect();
        self.work += numbers.len() as u64;
        for mut pane in parts.panes {
            for (number, _) in &mut pane.counts {
                *number = numbers[*number as usize];
            }
            if !pane.counts.is_empty() && self.is_changed(&pane) {
                self.listed_for_ms.push_back(pane.start_ms);
            }
            self.work += 1 + pane.counts.len() as u64;
            self.held_bytes += held_bytes(&pane);
            self.panes.push_back(pane);
        }
    }

    /// The next window, or what it needs.
    pub fn step(&mut self) -> WindowStep {
        loop {
            let Some(&pane_ms) = self.listed_for_ms.front() else {
                let end_ms = self.to_ms.saturating_add(self.shape.size_ms);
                return match self.complete_ms >= end_ms || self.from_ms >= self.to_ms {
                    true => WindowStep::Done,
                    false => WindowStep::Needs(self.complete_ms),
                };
            };
            let start_ms = self.first_start(pane_ms);
            if start_ms > pane_ms {
                // All windows that contain the pane are made, or start before `from_ms`.
                self.listed_for_ms.pop_front();
                continue;
            }
            if start_ms >= self.to_ms {
                return WindowStep::Done;
            }
            let end_ms = start_ms.saturating_add(self.shape.size_ms);
            if self.complete_ms < end_ms {
                return WindowStep::Needs(self.complete_ms);
            }
            self.move_to(start_ms, end_ms);
            self.from_ms = start_ms.saturating_add(self.shape.step_ms);
            return WindowStep::Made(self.made(start_ms, end_ms));
        }
    }

    /// No window that starts before this is still to be made, ms. A later query goes on here.
    pub fn reached_ms(&self) -> i64 {
        match self.listed_for_ms.front() {
            Some(&pane_ms) => self.first_start(pane_ms).max(self.from_ms),
            None => {
                let begun_ms = self.complete_ms.saturating_sub(self.shape.size_ms);
                self.from_ms.max(begun_ms.saturating_add(1))
            }
        }
    }

    /// Memory of what was added and is still needed, bytes; an estimate.
    pub fn held_bytes(&self) -> usize {
        let late = self.late.all.len() * size_of::<Correction>();
        self.held_bytes + self.sums.types.held_bytes() + late
    }

    /// What was done so far: counts and corrections that entered or left, types that were listed.
    pub fn work(&self) -> u64 {
        self.work
    }

    fn is_changed(&self, pane: &PanePart) -> bool {
        let Some(since_ms) = self.changed_since_ms else {
            return true;
        };
        let all = &self.late.all;
        let after = all.partition_point(|it| it.pane_start_ms <= pane.start_ms);
        let newest = after.checked_sub(1).map(|at| &all[at]);
        let newest = newest.filter(|it| it.pane_start_ms == pane.start_ms);
        pane.changed_ms > since_ms || newest.is_some_and(|it| it.log_time_ms > since_ms)
    }

    /// Start of the first window from `from_ms` on that may contain a pane. It is after the pane if
    /// there is none.
    fn first_start(&self, pane_ms: i64) -> i64 {
        let WindowShape { size_ms, step_ms } = self.shape;
        let first_ms = floor_to(pane_ms, step_ms) - (size_ms - step_ms);
        if first_ms >= self.from_ms {
            return first_ms;
        }
        let before_ms = floor_to(self.from_ms, step_ms);
        match before_ms == self.from_ms {
            true => before_ms,
            false => before_ms.saturating_add(step_ms),
        }
    }

    /// Makes the sums those of the panes in `[start_ms, end_ms)`.
    fn move_to(&mut self, start_ms: i64, end_ms: i64) {
        while let Some(pane) = self.panes.front().filter(|pane| pane.start_ms < start_ms) {
            self.held_bytes -= held_bytes(pane);
            if self.entered > 0 {
                self.entered -= 1;
                self.work += 1 + pane.counts.len() as u64;
                self.sums.remove(pane);
            }
            self.panes.pop_front();
        }
        while (self.lowest.front()).is_some_and(|(pane_ms, _)| *pane_ms < start_ms) {
            self.lowest.pop_front();
        }
        while let Some(pane) = (self.panes.get(self.entered)).filter(|it| it.start_ms < end_ms) {
            self.work += 1 + pane.counts.len() as u64;
            self.sums.add(pane);
            let watermark_ms = pane.first_watermark_ms;
            while (self.lowest.back()).is_some_and(|(_, other_ms)| *other_ms >= watermark_ms) {
                self.lowest.pop_back();
            }
            self.lowest.push_back((pane.start_ms, watermark_ms));
            self.entered += 1;
        }
        self.work += self.late.move_to(start_ms, end_ms);
    }

    fn made(&mut self, start_ms: i64, end_ms: i64) -> Window {
        let mut content = self.sums.content();
        let listed = self.sums.types.list(self.types_max, &mut content);
        self.work += 1 + listed as u64;
        let (state, revision) = self.finality(end_ms);
        Window {
            start_ms,
            end_ms,
            state,
            revision,
            content,
        }
    }

    /// State and revision, as [`crate::learner::Learner::revision`] defines them.
    fn finality(&self, end_ms: i64) -> (WindowState, u32) {
        if self.at.watermark_ms < end_ms {
            return (WindowState::Open, 0);
        }
        let lowest = self.lowest.front();
        let began_on_time = lowest.is_some_and(|(_, watermark_ms)| *watermark_ms < end_ms);
        let settled_ms = end_ms.saturating_add(self.at.allowed_lateness_ms);
        let newest = self.late.entries.last_key_value();
        let is_amended = newest.is_some_and(|(_, (watermark_ms, _))| *watermark_ms >= settled_ms);
        let state = match self.at.watermark_ms >= settled_ms {
            _ if is_amended => WindowState::Amended,
            true => WindowState::Settled,
            false => WindowState::Closed,
        };
        let emissions = self.late.entries.len() + usize::from(began_on_time);
        (state, u32::try_from(emissions).unwrap_or(u32::MAX))
    }
}

impl Sums {
    fn add(&mut self, pane: &PanePart) {
        for (number, events) in &pane.counts {
            self.types.add(*number, *events);
        }
        self.clicks += pane.clicks;
        self.active_panes += u64::from(pane.is_active);
        self.quiz_count += pane.quiz_count;
        self.score_millionths += pane.score_millionths;
        self.video_ms += pane.video_ms;
    }

    fn remove(&mut self, pane: &PanePart) {
        for (number, events) in &pane.counts {
            self.types.remove(*number, *events);
        }
        self.clicks -= pane.clicks;
        self.active_panes -= u64::from(pane.is_active);
        self.quiz_count -= pane.quiz_count;
        self.score_millionths -= pane.score_millionths;
        self.video_ms -= pane.video_ms;
    }

    /// Without the types.
    fn content(&self) -> WindowContent {
        WindowContent {
            clicks: self.clicks,
            quiz_count: self.quiz_count,
            score_millionths: self.score_millionths,
            video_ms: u64::try_from(self.video_ms).unwrap_or(u64::MAX),
            active_panes: self.active_panes,
            ..WindowContent::default()
        }
    }
}

impl LateChanges {
    /// Takes in the changes of panes in `[start_ms, end_ms)` by entries whose watermark had passed
    /// the end. Ends only grow, so what is dropped never counts again. Returns the work done.
    fn move_to(&mut self, start_ms: i64, end_ms: i64) -> u64 {
        let before = self.entered + self.left;
        while let Some(it) = self.all.get(self.entered) {
            if it.pane_start_ms >= end_ms {
                break;
            }
            self.entered += 1;
            let (_, panes) = self
                .entries
                .entry(it.entry_index)
                .or_insert((it.watermark_ms, 0));
            *panes += 1;
        }
        while self.left < self.entered && self.all[self.left].pane_start_ms < start_ms {
            let entry = self.all[self.left].entry_index;
            self.left += 1;
            if let Some((_, panes)) = self.entries.get_mut(&entry) {
                *panes -= 1;
                if *panes == 0 {
                    self.entries.remove(&entry);
                }
            }
        }
        while let Some(oldest) = self.entries.first_entry() {
            if oldest.get().0 >= end_ms {
                break;
            }
            oldest.remove();
        }
        (self.entered + self.left - before) as u64
    }
}

fn held_bytes(pane: &PanePart) -> usize {
    PANE_BYTES + pane.counts.len() * COUNT_BYTES
}
