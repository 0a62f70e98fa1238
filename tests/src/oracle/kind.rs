//! The kinds of events and the types that rules name.

/// What an event counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something a learner did; also every type the design does not know.
    Interaction,
    /// Something that is, or replaces, a score.
    Assessment,
    /// A change of state that is no activity of its own.
    State,
}

impl Kind {
    /// The kind of an event type; case matters.
    pub fn of(event_type: &str) -> Kind {
        match event_type {
            "quiz_submitted" | "score_updated" | "question_answered" => Kind::Assessment,
            "session_start" | "session_end" | "enrolled" | "unenrolled" => Kind::State,
            _ => Kind::Interaction,
        }
    }
}

/// Whether a rule names the type; the name of any other counts as a text.
pub(crate) fn is_well_known(event_type: &str) -> bool {
    Kind::of(event_type) != Kind::Interaction
        || is_click(event_type)
        || starts_playback(event_type)
        || stops_playback(event_type)
}

/// Whether a type counts as a click.
pub(crate) fn is_click(event_type: &str) -> bool {
    matches!(event_type, "page_view" | "click")
}

/// Whether a type starts playback.
pub(crate) fn starts_playback(event_type: &str) -> bool {
    event_type == "video_played"
}

/// Whether a type stops playback.
pub(crate) fn stops_playback(event_type: &str) -> bool {
    matches!(event_type, "video_paused" | "video_seeked" | "video_ended")
}

/// Whether a type may come without a session.
pub(crate) fn needs_no_session(event_type: &str) -> bool {
    matches!(event_type, "enrolled" | "unenrolled")
}
