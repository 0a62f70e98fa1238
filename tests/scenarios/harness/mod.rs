//! The base of the scenarios: processes with an owner, a home for nodes, inputs with their expected
//! results.

pub mod binaries;
pub mod check;
pub mod cli;
pub mod events;
mod home;
pub mod http;
mod input;
pub mod letters;
mod node;
pub mod passivation;
mod process;
pub mod scratch;
mod seed;
pub mod sse;
pub mod tool;
pub mod wait;

pub use binaries::node as node_binary;
pub use home::Home;
pub use input::{Input, settings};
pub use node::{Node, until_ready};
pub use process::Process;
pub use seed::{Seed, whole_number};
