//! Views of a learner: profile, windows, standings, reasons and emissions.

pub mod emission;
pub mod help;
pub mod profile;
pub mod reasons;
pub mod revision;
pub mod standing;
pub mod window;

pub use emission::Emission;
pub use help::{HelpCode, HelpReason, Status};
pub use profile::{Accuracy, Assessment, CourseStanding, Profile};
pub use revision::{Revision, WindowState};
pub use standing::Standing;
pub use window::{Window, WindowContent, WindowQuery};
