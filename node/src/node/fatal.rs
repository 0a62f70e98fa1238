//! Ends a process that cannot continue safely.

use parking_lot::Mutex;

/// Exit code when the state on disk is no longer certain: `EX_IOERR` of sysexits.
pub const FATAL_EXIT_CODE: i32 = 74;

static FIRST: Mutex<()> = Mutex::new(());

/// Logs the reason in one line and ends the process at once. What was acknowledged is on disk; the
/// next start recovers the rest from there.
///
/// Both locks are held until the exit, so that errors that follow from this one, here or in a
/// library, are not logged after it.
pub fn stop_process(why: &str) -> ! {
    let _first = FIRST.lock();
    let _silence = std::io::stderr().lock();
    tracing::error!("the node stops: {why}");
    std::process::exit(FATAL_EXIT_CODE)
}
