//! A gate before the disk. It blocks the log's writer, so that a test decides which writes share a
//! batch.

use std::path::Path;
use std::sync::Arc;

use homeroom_node::store::log::{FileLog, LogHooks, OpenError};
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::support::small;

/// Blocks every fdatasync while it is shut.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    shut: bool,
    /// Whether the writer is blocked.
    holds: bool,
}

impl Gate {
    /// Opens a log whose fdatasyncs go through the gate.
    pub fn open(&self, dir: &Path) -> Result<FileLog, OpenError> {
        let gate = self.clone();
        let mut hooks = LogHooks::new(Arc::new(|error| panic!("the log failed: {error}")));
        hooks.sync_fault = Some(Arc::new(move || {
            gate.pass();
            Ok(())
        }));
        FileLog::open(small(dir), hooks)
    }

    pub fn shut(&self) {
        self.state().shut = true;
    }

    pub fn wait_until_it_holds(&self) {
        let mut state = self.state();
        self.0.1.wait_while(&mut state, |state| !state.holds);
    }

    pub fn release(&self) {
        self.state().shut = false;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let mut state = self.state();
        if state.shut {
            state.holds = true;
            self.0.1.notify_all();
            self.0.1.wait_while(&mut state, |state| state.shut);
            state.holds = false;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock()
    }
}
