//! `homeroom-node demo`: a real node in a temporary folder, and a simulated class that uses it in
//! real time.
//!
//! The class is a pure script: events from a seed and a time (`class`). `publish` sends them
//! through the client library, first the ten minutes before the demo, then everything as it falls
//! due; it counts the outcomes and measures. `screen` shows the figures, and compares them with the
//! node's own counters at the end. The demo starts its node (`host`) and then uses it like any
//! other client.
//!
//! *Latency of insight* is measured on live events, several times a second. It begins when a batch
//! is handed to the client. It ends when a query of the learner's profile (`GetLearner`,
//! consistency SESSION with the acknowledgement's position) has returned and shows the event. So it
//! includes the request, the fsync, the actor, and the query with its answer.

mod class;
mod course;
mod error;
mod host;
mod publish;
mod runner;
mod screen;

pub use error::DemoError;
pub use runner::{Demo, run};
