//! `homeroom`: the command line of a Homeroom cluster.

mod args;
mod commands;
mod error;
mod ingest;
mod input;
mod load;
mod output;
mod render;
mod terminal;

use std::process::ExitCode;

/// `load` allocates a million strings a second. With the system's allocator that costs an eighth of
/// a core.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::main()
}
