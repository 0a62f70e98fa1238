//! The configuration of a node: defaults ◀ file ◀ environment ◀ flags, checked as a whole
//! before anything starts.
//!
//! Must not know: the parts that it configures. They take their values from [`Config`].

mod cli;
mod fault;
mod field;
mod load;
mod loaded;
mod model;
mod origin;
mod relations;
mod share;
mod web;

#[cfg(test)]
mod tests;

pub use cli::{Cli, Command, ConfigArgs, DemoArgs};
pub use fault::{ConfigError, Fault};
pub use load::{Sources, load};
pub use loaded::LoadedConfig;
pub use model::{
    CheckpointConfig, Config, FoundingConfig, IngestConfig, LatePolicyChoice, ListenConfig,
    LogConfig, LogFormat, LogLevel, LogOutputConfig, MemoryConfig, NodeConfig, PagesChoice,
    RaftConfig, ShutdownConfig, WebConfig, whole_ms,
};
pub use origin::Origin;
pub use share::MemoryBound;
pub use web::{HostNames, Origins};
