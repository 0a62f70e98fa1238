//! The content of a block: the ids and panes of a learner's events in one hour or a part of it.

use super::{
    block_summary::{BlockSummary, HourNumber, start_ms},
    pane_counts::{Counted, PaneCounts},
};
use crate::{
    Event, EventKind, EventType,
    learner::{
        compact::{Claims, CourseIndex, CourseSlot, IdHash, OtherTypes, reserve_one, vec_bytes},
        room::{EVENT_BYTES, Room},
    },
    time::{HOUR_MS, PANE_MS, hour_of},
    wire::{Put, Reader},
};

/// What a learner did in one hour of event time, or in a part of it.
#[derive(Clone, Debug, Default)]
pub struct BlockContent {
    claims: Claims,
    /// What its events count together, bytes: the sum of the panes' bytes.
    bytes: u32,
    /// Names of types that are not well-known, in order of arrival.
    other_types: OtherTypes,
    /// Ordered by position.
    panes: Vec<Pane>,
    /// Counts beyond the first type and course of a pane.
    more: PaneCounts,
}

/// 5 s of event time.
#[derive(Clone, Copy, Debug)]
pub struct Pane {
    /// The watermark when the pane's first event was applied, ms.
    pub first_watermark_ms: i64,
    /// Log time of the newest event applied here, ms.
    pub changed_ms: i64,
    first: Counted,
    /// What its events count, see [`Room`], bytes.
    bytes: u32,
    /// The pane's number within the hour.
    position: u16,
}

impl Pane {
    /// Start of the pane, if it belongs to the hour of this number, ms.
    pub fn start_ms(&self, hour: HourNumber) -> i64 {
        start_ms(hour, self.position)
    }
}

/// The number of a pane's events of one type and course.
#[derive(Clone, Copy, Debug)]
pub struct PaneCount<'h> {
    /// The course, if they belong to one.
    pub course: Option<CourseIndex>,
    /// The number.
    pub events: u32,
    event_type: u16,
    other: Option<&'h str>,
}

impl PaneCount<'_> {
    /// Number of the type within the block: equal for equal types only. Small numbers come first.
    pub fn type_index(&self) -> u16 {
        self.event_type
    }

    /// Name of the type.
    pub fn type_name(&self) -> &str {
        self.other
            .or_else(|| EventType::name_at(self.event_type.into()))
            .unwrap_or_default()
    }

    /// The type.
    pub fn event_type(&self) -> EventType {
        match self.other {
            Some(name) => EventType::Other(name.into()),
            None => EventType::at(self.event_type.into()).unwrap_or(EventType::PageView),
        }
    }

    /// Whether these events make the pane active.
    pub fn is_activity(&self) -> bool {
        self.other.is_some() || self.event_type().kind() != EventKind::State
    }

    /// Whether they are page views or clicks.
    pub fn is_clicks(&self) -> bool {
        matches!(self.event_type(), EventType::PageView | EventType::Click)
    }
}

impl BlockContent {
    /// Reads a word of each cache line that the next event changes.
    pub fn prefetch(&self) -> u64 {
        let pane = self
            .panes
            .last()
            .map_or(0, |pane| pane.changed_ms.cast_unsigned());
        self.claims.prefetch() ^ pane ^ self.more.prefetch()
    }

    /// The content hash of the event with this id, if the block contains it.
    pub fn content_of(&self, id: IdHash) -> Option<u32> {
        self.claims.content_of(id)
    }

    /// Adds an identity, and counts the event in its pane. Returns what it counts, bytes, and the
    /// pane's index if the pane is new.
    pub fn add(
        &mut self,
        event: &Event<'_>,
        (id, content): (IdHash, u32),
        course: CourseSlot,
        (watermark_ms, log_time_ms): (i64, i64),
    ) -> (u32, Option<usize>) {
        self.claims.add(id, content);
        let room = Room::of(event);
        let counted = Counted::new(self.type_position(&event.event_type), course, 1);
        let position = pane_in_hour(event.timestamp_ms);
        let (bytes, began) = match self.find(position) {
            Ok(at) => {
                self.panes[at].changed_ms = log_time_ms;
                let bytes = room.bytes(self.count(at, counted));
                self.panes[at].bytes += bytes;
                (bytes, None)
            }
            Err(at) => {
                reserve_one(&mut self.panes);
                let bytes = room.bytes(true);
                let pane = Pane {
                    first_watermark_ms: watermark_ms,
                    changed_ms: log_time_ms,
                    first: counted,
                    bytes,
                    position,
                };
                self.panes.insert(at, pane);
                (bytes, Some(at))
            }
        };
        self.bytes += bytes;
        (bytes, began)
    }

    /// What its events count, bytes.
    pub fn bytes(&self) -> u32 {
        self.bytes
    }

    /// What the events of the pane at a time count, bytes.
    pub fn pane_bytes(&self, time_ms: i64) -> u32 {
        let pane = self.find(pane_in_hour(time_ms));
        pane.map_or(0, |at| self.panes[at].bytes)
    }

    /// All panes, oldest first.
    pub fn panes(&self) -> &[Pane] {
        &self.panes
    }

    /// The summary that stays in memory when the block is evicted.
    pub fn summary(&self) -> BlockSummary {
        let ends = self.panes.first().zip(self.panes.last());
        BlockSummary {
            ids: self.claims.ids().collect(),
            changed_ms: self.changed_ms(),
            bytes: self.bytes,
            ends: ends.map(|(first, last)| (first.position, last.position)),
        }
    }

    /// Log time of the newest event that changed one of the panes, ms; `i64::MIN` without panes.
    pub fn changed_ms(&self) -> i64 {
        let times_ms = self.panes.iter().map(|pane| pane.changed_ms);
        times_ms.max().unwrap_or(i64::MIN)
    }

    /// Notes that an event in another pane changed what this pane shows.
    pub fn touch(&mut self, pane_start_ms: i64, log_time_ms: i64) {
        if let Ok(at) = self.find(pane_in_hour(pane_start_ms)) {
            self.panes[at].changed_ms = log_time_ms;
        }
    }

    /// The panes that begin in `[from_ms, to_ms)`, oldest first, each with its start.
    pub fn panes_between(
        &self,
        hour: HourNumber,
        from_ms: i64,
        to_ms: i64,
    ) -> impl Iterator<Item = (i64, &Pane)> {
        let start_of = move |pane: &Pane| pane.start_ms(hour);
        let first = self.panes.partition_point(|pane| start_of(pane) < from_ms);
        self.panes[first..]
            .iter()
            .map(move |pane| (start_of(pane), pane))
            .take_while(move |(start_ms, _)| *start_ms < to_ms)
    }

    /// The counts of a pane of this block.
    pub fn counts<'h>(&'h self, pane: &'h Pane) -> impl Iterator<Item = PaneCount<'h>> {
        self.counted(pane).map(|counted| PaneCount {
            course: counted.course.index(),
            events: counted.events,
            event_type: counted.event_type,
            other: usize::from(counted.event_type)
                .checked_sub(EventType::KNOWN)
                .map(|place| self.other_types.name(place)),
        })
    }

    /// Number of identities.
    pub fn identities(&self) -> usize {
        self.claims.len()
    }

    /// The identities, in no particular order.
    pub fn ids(&self) -> impl Iterator<Item = IdHash> {
        self.claims.ids()
    }

    /// Heap memory, bytes.
    pub fn heap_bytes(&self) -> usize {
        self.claims.heap_bytes()
            + self.other_types.heap_bytes()
            + vec_bytes(&self.panes)
            + self.more.heap_bytes()
    }

    fn counted<'h>(&'h self, pane: &'h Pane) -> impl Iterator<Item = &'h Counted> {
        self.more.of(&pane.first)
    }

    /// Adds to the pane's count for the type and course, or adds a new count. Returns whether it is
    /// new.
    fn count(&mut self, at: usize, counted: Counted) -> bool {
        if let Some(is_new) = self.more.count_near(&mut self.panes[at].first, counted) {
            return is_new;
        }
        let firsts = self.panes.iter().map(|pane| (pane.position, &pane.first));
        self.more.find_far(firsts);
        let pane = &mut self.panes[at];
        self.more
            .count_far((pane.position, &mut pane.first), counted)
    }

    fn find(&self, position: u16) -> Result<usize, usize> {
        match self.panes.last() {
            Some(last) if last.position < position => Err(self.panes.len()),
            _ => self
                .panes
                .binary_search_by_key(&position, |pane| pane.position),
        }
    }

    fn type_position(&mut self, event_type: &EventType) -> u16 {
        let position = match event_type {
            EventType::Other(name) => EventType::KNOWN + self.other_types.place_of(name),
            known => known.place().unwrap_or_default(),
        };
        u16::try_from(position).unwrap_or(u16::MAX)
    }
}

/// Compares the content only: the index of a count depends on the order of arrival.
impl PartialEq for BlockContent {
    fn eq(&self, other: &Self) -> bool {
        let whole = |content: &Self| {
            let mut whole = Vec::new();
            content.put(&mut whole);
            whole
        };
        whole(self) == whole(other)
    }
}

impl Eq for BlockContent {}

fn pane_in_hour(timestamp_ms: i64) -> u16 {
    let into_hour_ms = timestamp_ms - hour_of(timestamp_ms) * HOUR_MS;
    u16::try_from(into_hour_ms / PANE_MS).unwrap_or(u16::MAX)
}

/// The stored form: other types, panes (each relative to the one before), then claims.
impl BlockContent {
    /// Appends the stored form.
    pub fn put(&self, out: &mut Vec<u8>) {
        const PANE_BYTES: usize = 16;
        out.reserve(PANE_BYTES * self.panes.len());
        out.put_size(self.other_types.len());
        for name in self.other_types.names() {
            out.put_text(name);
        }
        out.put_size(self.panes.len());
        let (mut position, mut watermark_ms, mut changed_ms) = (0, 0, 0);
        for pane in &self.panes {
            out.put_number((pane.position - position).into());
            out.put_signed(pane.first_watermark_ms.wrapping_sub(watermark_ms));
            out.put_signed(pane.changed_ms.wrapping_sub(changed_ms));
            out.put_number(pane.bytes.into());
            out.put_size(self.counted(pane).count());
            for counted in self.counted(pane) {
                out.put_number(counted.event_type.into());
                counted.course.put(out);
                out.put_number(counted.events.into());
            }
            position = pane.position;
            watermark_ms = pane.first_watermark_ms;
            changed_ms = pane.changed_ms;
        }
        self.claims.put(out);
    }

    /// Reads the stored form. `sized`: it contains what each pane counts. Where it does not, each
    /// event counts the least.
    pub fn read(from: &mut Reader<'_>, sized: bool) -> Option<Self> {
        let mut content = Self::default();
        for _ in 0..from.size()? {
            content.other_types.push(from.text()?);
        }
        let panes = from.size()?;
        let (mut position, mut watermark_ms, mut changed_ms) = (0_u16, 0_i64, 0_i64);
        for _ in 0..panes {
            position = position.checked_add(u16::try_from(from.number()?).ok()?)?;
            watermark_ms = watermark_ms.wrapping_add(from.signed()?);
            changed_ms = changed_ms.wrapping_add(from.signed()?);
            let bytes = read_pane_bytes(from, sized)?;
            let counts = from.size()?;
            let mut first = Counted::read(from)?;
            content.more.read(from, &mut first, counts)?;
            reserve_one(&mut content.panes);
            content.panes.push(Pane {
                first_watermark_ms: watermark_ms,
                changed_ms,
                first,
                bytes: bytes.unwrap_or(0),
                position,
            });
            if bytes.is_none() {
                content.count_least();
            }
            let read = content.panes.last().map_or(0, |pane| pane.bytes);
            content.bytes = content.bytes.saturating_add(read);
        }
        content.claims = Claims::read(from)?;
        Some(content)
    }

    /// Sets what the last pane counts, of a build that did not store it.
    fn count_least(&mut self) {
        let Some(pane) = self.panes.last() else {
            return;
        };
        let events = self.counted(pane).map(|counted| counted.events);
        let bytes = least_bytes(events);
        if let Some(pane) = self.panes.last_mut() {
            pane.bytes = bytes;
        }
    }

    /// Reads only the summary from the stored form, see [`Self::read`].
    pub fn read_summary(from: &mut Reader<'_>, sized: bool) -> Option<BlockSummary> {
        for _ in 0..from.size()? {
            from.text()?;
        }
        let mut summary = BlockSummary {
            ids: Vec::new(),
            changed_ms: i64::MIN,
            ends: None,
            bytes: 0,
        };
        let (mut position, mut changed_ms) = (0_u16, 0_i64);
        for _ in 0..from.size()? {
            position = position.checked_add(u16::try_from(from.number()?).ok()?)?;
            from.signed()?;
            changed_ms = changed_ms.wrapping_add(from.signed()?);
            summary.changed_ms = summary.changed_ms.max(changed_ms);
            summary.ends = Some((summary.ends.map_or(position, |(first, _)| first), position));
            let bytes = read_pane_bytes(from, sized)?;
            let mut events = 0_u32;
            for _ in 0..from.size()?.max(1) {
                events = events.saturating_add(Counted::read(from)?.events);
            }
            let bytes = bytes.unwrap_or_else(|| least_bytes([events].into_iter()));
            summary.bytes = summary.bytes.saturating_add(bytes);
        }
        summary.ids = Claims::read_ids(from)?;
        Some(summary)
    }
}

/// What a pane counts; `None` if it was not stored.
fn read_pane_bytes(from: &mut Reader<'_>, sized: bool) -> Option<Option<u32>> {
    if !sized {
        return Some(None);
    }
    Some(Some(u32::try_from(from.number()?).ok()?))
}

/// What a pane with these numbers of events counts at least, bytes.
fn least_bytes(events: impl Iterator<Item = u32>) -> u32 {
    let events = events.fold(0_u32, u32::saturating_add);
    events.saturating_mul(EVENT_BYTES)
}
