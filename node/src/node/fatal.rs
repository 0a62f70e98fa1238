//! The end of a process that can't go on.

use parking_lot::Mutex;

/// Exit code when state on disk is no longer certain: `EX_IOERR` of sysexits.
pub const FATAL_EXIT_CODE: i32 = 74;

static FIRST: Mutex<()> = Mutex::new(());

/// Says why in one line, and ends the process at once: what was acknowledged is on disk, and everything else is recovered from
/// there at the next start.
///
/// That line is the last word: what fails in consequence, here or in a library, does not come to say so.
pub fn stop_process(why: &str) -> ! {
    let _first = FIRST.lock();
    let _silence = std::io::stderr().lock();
    tracing::error!("the node stops: {why}");
    std::process::exit(FATAL_EXIT_CODE)
}
