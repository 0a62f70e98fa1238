//! `homeroom-node demo`: a real node in a temporary folder, and a simulated class that lives in it in real time.
//!
//! The class is a pure `script`: from a seed and a time come events. `lesson` publishes them through the node's gRPC door, first
//! the ten minutes that have passed, then what falls due. `ledger` counts what the node answered, `screen` shows it, `summary`
//! holds it against the node's own counters. The demo knows the node from outside only: it starts it (`host`), and from then on
//! asks like any other client.
//!
//! *Latency of insight* is measured on live events, several times a second: from the moment a batch is handed to the wire until a query of
//! the learner's profile (`GetLearner`, consistency SESSION with the acknowledgement's position) has come back and shows the event.
//! So it holds the way in, the fsync, the way through the actor, and the way of a question and its answer.

mod class;
mod course;
mod error;
mod host;
mod publish;
mod run;
mod screen;

pub use error::DemoError;
pub use run::{Demo, run};
