//! Three replicas of sixteen groups in one process: the node's Raft groups and the core, over a
//! log, a store, a network and clocks in memory, on a runtime with one thread and simulated time.
//!
//! A seed decides everything: the faults, the load, and what the libraries draw. Each seed runs
//! twice, each time in a fresh process, and both runs must have the same trace. See `README.md`.

mod bug;
mod checks;
mod client;
mod cluster;
mod faults;
mod run;
mod scenario;
mod sim;

use std::process::ExitCode;

fn main() -> ExitCode {
    if run::is_child() {
        run::be_child();
        return ExitCode::SUCCESS;
    }
    run::run_tests()
}
