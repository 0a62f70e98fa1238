//! What a node is told: defaults ◀ file ◀ environment ◀ flags, checked as a whole before anything starts.
//!
//! Knows nothing of the parts that it configures; they take their values from [`Config`].

mod cli;
mod fault;
mod field;
mod load;
mod loaded;
mod model;
mod origin;
mod relations;
mod share;

#[cfg(test)]
mod tests;

pub use cli::{Cli, Command, ConfigArgs, DemoArgs};
pub use fault::{ConfigError, Fault};
pub use load::{Sources, load};
pub use loaded::LoadedConfig;
pub use model::{
    CheckpointConfig, Config, FoundingConfig, IngestConfig, LatePolicyChoice, ListenConfig,
    LogConfig, LogFormat, LogLevel, LogOutputConfig, MemoryConfig, NodeConfig, PagesChoice,
    RaftConfig, ShutdownConfig, whole_ms,
};
pub use origin::Origin;
pub use share::MemoryBound;
