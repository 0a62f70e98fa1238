//! Views of a learner: profile, windows, standings, reasons and emissions.

mod accuracy;
mod course_standing;
mod emission;
mod help;
mod profile;
mod reasons;
mod revision;
mod standing;
mod type_counts;
mod window;
mod window_maker;
mod window_parts;
mod windows;

pub use accuracy::Accuracy;
pub use course_standing::CourseStanding;
pub use emission::Emission;
pub use help::{HelpCode, HelpReason, Status};
pub use profile::{Assessment, Profile};
pub use revision::{Revision, WindowState};
pub use standing::Standing;
pub use window::{Window, WindowContent, WindowQuery};
pub use window_maker::{TYPES_LISTED_MAX, WindowMaker, WindowStep};
pub use window_parts::{LearnerVersion, NeededBlock, PartsSource, WindowParts, WindowPlan};
