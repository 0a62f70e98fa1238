//! The oracle: a naive model of Homeroom's meaning, recomputed from the input alone.
//!
//! It is written only from the design and `docs/MEANING.md`. An error in the core is missed only if
//! the same error was made here independently. The code prefers clarity to speed: a learner's
//! figures are computed from scratch from the sorted set of accepted events, without watermark and
//! increments. So they do not depend on the order of arrival.
//!
//! It leaves out what depends on arrival: revisions, the state `AMENDED`, and the policy that
//! refuses late events.

mod attempt;
mod compare;
mod counts;
mod course;
mod draft;
mod event;
mod fields;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod golden_intake;
mod help;
mod kept;
mod kind;
mod learner;
mod lines;
mod model;
mod pane;
mod parse_native;
mod parse_xapi;
mod reason;
mod rolling;
mod room;
mod session;
mod settings;
mod watched;
mod window;
mod window_line;

pub use attempt::Attempt;
pub use compare::{Comparison, compare_rows};
pub use counts::{Counts, SourceCounts};
pub use course::CourseStanding;
pub use event::NaiveEvent;
pub use help::{Moment, NaiveStanding};
pub use kind::Kind;
pub use learner::NaiveLearner;
pub use lines::read_lines;
pub use model::{NaiveModel, Outcome};
pub use pane::{PANE_MS, PaneSums};
pub use parse_native::parse_native;
pub use parse_xapi::parse_xapi;
pub use reason::{Reason, Refusal};
pub use rolling::RollingAccuracy;
pub use room::NaiveEntry;
pub use session::SessionRow;
pub use settings::{ActorForm, Settings, SkillPlace};
pub use watched::WatchedCredit;
pub use window::{TypeList, WindowRow, WindowSpec, WindowState, engagement};
pub use window_line::WindowLine;
