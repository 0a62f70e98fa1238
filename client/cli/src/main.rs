//! `homeroom`: the command line of a Homeroom cluster.

mod args;
mod commands;
mod error;
mod ingest;
mod input;
mod load;
mod output;
mod render;

use std::process::ExitCode;

/// A load makes and drops a million texts a second: an eighth of a core with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::main()
}
