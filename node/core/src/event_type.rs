//! What kinds of events there are.

use serde::{Deserialize, Serialize};

use crate::wire::{Put, Reader};

/// Defines the well-known types, each at the place that it is encoded as and with the name that sources write.
macro_rules! event_types {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// The type of an event; an unknown one is an interaction under its own name.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[allow(missing_docs)]
        pub enum EventType {
            $($variant,)*
            Other(Box<str>),
        }

        const KNOWN: &[EventType] = &[$(EventType::$variant),*];

        impl EventType {
            /// The well-known type of that name, if there is one.
            pub fn known(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The name as sources write it.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }
        }
    };
}

event_types! {
    PageView "page_view",
    Click "click",
    VideoPlayed "video_played",
    VideoPaused "video_paused",
    VideoSeeked "video_seeked",
    VideoEnded "video_ended",
    QuizSubmitted "quiz_submitted",
    ScoreUpdated "score_updated",
    QuestionAnswered "question_answered",
    SessionStart "session_start",
    SessionEnd "session_end",
    Enrolled "enrolled",
    Unenrolled "unenrolled",
}

/// What an event tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The learner did something.
    Interaction,
    /// Something the learner did was scored.
    Assessment,
    /// A session or an enrolment began or ended.
    State,
}

/// What an event means for watched time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Playback {
    /// The video runs from here on.
    Start,
    /// The video stands still, or jumped, from here on.
    Stop,
}

impl EventType {
    /// How many well-known types there are.
    pub(crate) const KNOWN: usize = KNOWN.len();

    /// The place of a well-known type among all of them.
    pub(crate) fn place(&self) -> Option<usize> {
        KNOWN.iter().position(|known| known == self)
    }

    /// The well-known type at a place.
    pub(crate) fn at(place: usize) -> Option<Self> {
        KNOWN.get(place).cloned()
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.put_size(self.place().unwrap_or(Self::KNOWN));
        if let Self::Other(name) = self {
            out.put_text(name);
        }
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Option<Self> {
        match from.size()? {
            Self::KNOWN => Some(Self::Other(from.text()?.into())),
            place => Self::at(place),
        }
    }

    /// The type of that name.
    pub fn from_name(name: &str) -> Self {
        Self::known(name).unwrap_or_else(|| Self::Other(name.into()))
    }

    /// What events of this type tell of.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::QuizSubmitted | Self::ScoreUpdated | Self::QuestionAnswered => {
                EventKind::Assessment
            }
            Self::SessionStart | Self::SessionEnd | Self::Enrolled | Self::Unenrolled => {
                EventKind::State
            }
            _ => EventKind::Interaction,
        }
    }

    /// Whether events of this type start or stop a video.
    pub fn playback(&self) -> Option<Playback> {
        match self {
            Self::VideoPlayed => Some(Playback::Start),
            Self::VideoPaused | Self::VideoSeeked | Self::VideoEnded => Some(Playback::Stop),
            _ => None,
        }
    }

    /// Whether events of this type must say in which session they happened.
    pub fn needs_session(&self) -> bool {
        !matches!(self, Self::Enrolled | Self::Unenrolled)
    }
}
