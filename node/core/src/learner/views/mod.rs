//! Views of a learner: profile, windows, standings, reasons and emissions.

mod emission;
mod help;
mod profile;
mod reasons;
mod revision;
mod standing;
mod window;

pub use emission::Emission;
pub use help::{HelpCode, HelpReason, Status};
pub use profile::{Accuracy, Assessment, CourseStanding, Profile};
pub use revision::{Revision, WindowState};
pub use standing::Standing;
pub use window::{Window, WindowContent, WindowQuery};
