//! The end of a process that can't go on.

/// Exit code when state on disk is no longer certain: `EX_IOERR` of sysexits.
pub const FATAL_EXIT_CODE: i32 = 74;

/// Says why in one line, and ends the process at once: what was acknowledged is on disk, and everything else is recovered from
/// there at the next start.
pub fn stop_process(why: &str) -> ! {
    tracing::error!("the node stops: {why}");
    std::process::exit(FATAL_EXIT_CODE)
}
