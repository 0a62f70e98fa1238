//! The newest interactions of a learner.

use serde::{Deserialize, Serialize};

use super::EventKey;
use crate::{Event, EventType};

/// How many interactions a profile shows.
const KEPT: usize = 10;
/// Metadata beyond this is left out of an interaction, bytes.
const METADATA_BYTES_MAX: usize = 1_024;

/// Something a learner did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interaction {
    /// Its place in the order of events.
    pub key: EventKey,
    /// Its type.
    pub event_type: EventType,
    /// Who published it.
    pub source: Box<str>,
    /// The session it belongs to.
    pub session_id: Option<Box<str>>,
    /// The course it belongs to.
    pub course_id: Option<Box<str>>,
    /// What was acted on.
    pub object_id: Option<Box<str>>,
    /// What else the source said, up to 1 KiB.
    pub metadata: Vec<(Box<str>, Box<str>)>,
}

/// The ten newest interactions. Invariant: in descending order of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastInteractions(Vec<Interaction>);

impl LastInteractions {
    /// Adds an interaction, unless ten newer ones are known.
    pub fn add(&mut self, event: &Event<'_>) {
        let place = (event.timestamp_ms, &*event.event_id);
        let newer = |known: &Interaction| (known.key.timestamp_ms, &*known.key.event_id) > place;
        let position = self.0.partition_point(newer);
        if position < KEPT {
            self.0.truncate(KEPT - 1);
            self.0.insert(position, Interaction::of(event));
        }
    }

    /// Newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Interaction> {
        self.0.iter()
    }
}

impl Interaction {
    fn of(event: &Event<'_>) -> Self {
        let owned = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(Into::into);
        let mut left = METADATA_BYTES_MAX;
        let fits = |(name, value): &&(std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
            let size = name.len() + value.len();
            let fits = size <= left;
            left -= if fits { size } else { 0 };
            fits
        };
        Self {
            key: EventKey::of(event),
            event_type: event.event_type.clone(),
            source: event.source.as_ref().into(),
            session_id: owned(&event.session_id),
            course_id: owned(&event.course_id),
            object_id: owned(&event.object_id),
            metadata: event
                .metadata
                .iter()
                .filter(fits)
                .map(|(name, value)| (name.as_ref().into(), value.as_ref().into()))
                .collect(),
        }
    }
}
