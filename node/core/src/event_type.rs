//! Types of events.

use serde::{Deserialize, Serialize};

use crate::wire::{Put, Reader};

/// Defines the well-known types. The order is that of the encoding; the names are those that
/// sources send.
macro_rules! event_types {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// The type of an event. An unknown type is an interaction under its own name.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[allow(missing_docs)]
        pub enum EventType {
            $($variant,)*
            Other(Box<str>),
        }

        const KNOWN: &[EventType] = &[$(EventType::$variant),*];

        impl EventType {
            /// The well-known type with a name, if there is one.
            pub fn known(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The name as sources send it.
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

/// What an event describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An action of the learner.
    Interaction,
    /// A score for an action of the learner.
    Assessment,
    /// Start or end of a session or an enrolment.
    State,
}

/// What an event means for watched time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Playback {
    /// The video starts to play.
    Start,
    /// The video stops, or jumps to another position.
    Stop,
}

impl EventType {
    /// Number of well-known types.
    pub(crate) const KNOWN: usize = KNOWN.len();

    /// The name of the well-known type at a position.
    pub(crate) fn name_at(place: usize) -> Option<&'static str> {
        KNOWN.get(place).map(EventType::name)
    }

    /// The position of a well-known type in the encoding.
    pub(crate) fn place(&self) -> Option<usize> {
        KNOWN.iter().position(|known| known == self)
    }

    /// The well-known type at a position.
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

    /// The type with a name.
    pub fn from_name(name: &str) -> Self {
        Self::known(name).unwrap_or_else(|| Self::Other(name.into()))
    }

    /// The kind of events of this type.
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

    /// Whether events of this type must carry a session id.
    pub fn needs_session(&self) -> bool {
        !matches!(self, Self::Enrolled | Self::Unenrolled)
    }
}
