//! Waits for a condition instead of a fixed time.

use std::thread;
use std::time::{Duration, Instant};

/// Time limit on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two calls of `look`.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Returns the first result of `look`; panics after [`PATIENCE`].
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, &mut look).unwrap_or_else(|| panic!("not within {PATIENCE:?}: {what}"))
}

/// The result of `look`, within `limit`.
pub fn within<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        let found = look();
        if found.is_some() || Instant::now() >= deadline {
            return found;
        }
        thread::sleep(LOOK_EVERY);
    }
}
