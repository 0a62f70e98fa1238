//! The systems that publish.

/// A system that publishes events of its kind, on a stream of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The LMS: pages and sessions.
    Lms,
    /// The assessment tool: questions, quizzes and their scores.
    Assessment,
    /// The video player.
    Video,
}

impl Source {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Lms, Self::Assessment, Self::Video];

    /// The name that events carry.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lms => "lms",
            Self::Assessment => "assessment",
            Self::Video => "video",
        }
    }

    /// Whether it publishes interactions, which a profile lists.
    pub(crate) fn has_interactions(self) -> bool {
        !matches!(self, Self::Assessment)
    }

    /// The first letter of its events' ids.
    pub(super) fn letter(self) -> u8 {
        self.name().as_bytes()[0]
    }
}
