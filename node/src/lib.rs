//! A node of Homeroom: takes events, keeps learners, answers queries.
//!
//! The modules follow an event on its way: [`ingress`] takes it in, [`route`] finds its shard, [`shard`] writes it through
//! [`raft`] into the log of [`store`] and has its [`learner`] apply it, [`query`] and [`http`] answer. [`control`] knows the
//! cluster, [`observe`] counts, [`node`] puts all of it together. [`demo`] lets a
//! simulated class live in one.

pub mod config;
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
