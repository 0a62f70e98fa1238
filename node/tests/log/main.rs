//! Tests of the node's log through its public API: case by case, with openraft's own suite, with
//! crashes and with kills.

mod barrier;
mod crash;
mod engine;
mod files;
mod footers;
mod gate;
mod harm;
mod history;
mod kill;
mod machine;
mod mark;
mod memory;
mod suite;
mod support;
mod upgrade;
