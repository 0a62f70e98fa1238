//! A node of Homeroom: takes events, keeps the state of learners, answers queries.
//!
//! The modules follow the path of an event: [`ingress`] takes it, [`route`] finds its shard,
//! [`shard`] writes it through [`raft`] into the log of [`store`] and has its [`learner`] apply it,
//! [`query`] and [`http`] answer reads. [`clock`] tells the time, [`control`] keeps the cluster's
//! state, [`observe`] measures, [`connections`] bounds what is open, [`node`] starts and connects
//! all parts. [`demo`] runs a simulated class on a node.

pub mod clock;
pub mod config;
pub mod connections;
pub mod control;
pub mod demo;
mod fan_in;
pub mod http;
pub mod ingress;
pub mod learner;
pub mod node;
pub mod observe;
pub mod query;
pub mod raft;
pub mod route;
pub mod shard;
mod status;
pub mod store;
