//! `homeroom`: the command line of a Homeroom cluster.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
