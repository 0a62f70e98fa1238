//! Tests of the checkpoint store as a whole, against a naive model.
//!
//! Random tests print their seed; `HOMEROOM_SEED=<seed>` repeats one. `HOMEROOM_CHECKPOINT_FLIPS`
//! and `HOMEROOM_CHECKPOINT_KILLS` set the number of damaged files and killed processes.

mod bases;
mod bases_of_changes;
mod basics;
mod flips;
mod harness;
mod install;
mod install_kill;
mod kill;
mod model;
mod random_runs;
mod rebuild;
mod seeds;
mod two_phases;
