//! The node's log, tested through its public face: case by case, by openraft's own suite, by
//! crashes and by kills.

mod crash;
mod engine;
mod files;
mod gate;
mod harm;
mod history;
mod kill;
mod machine;
mod suite;
mod support;
