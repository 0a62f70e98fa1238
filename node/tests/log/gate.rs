//! A gate before the disk. It blocks the log's writer, so that a test decides which writes share a
//! batch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use homeroom_node::store::log::{FileLog, LogHooks, OpenError};
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::files::mark_in;
use crate::support::small;

/// Blocks every fdatasync while it is shut.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    shut: bool,
    /// Whether the writer is blocked.
    holds: bool,
    /// By directory: the log's mark before its last fdatasync.
    marks: BTreeMap<PathBuf, Vec<u8>>,
}

impl Gate {
    /// Opens a log whose fdatasyncs go through the gate.
    pub fn open(&self, dir: &Path) -> Result<FileLog, OpenError> {
        let (gate, of) = (self.clone(), dir.to_path_buf());
        let mut hooks = LogHooks::new(Arc::new(|error| panic!("the log failed: {error}")));
        hooks.sync_fault = Some(Arc::new(move || {
            gate.pass(&of);
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

    /// The log's mark before its last fdatasync, as a crash during that one would leave it.
    pub fn mark_before(&self, dir: &Path) -> Vec<u8> {
        let marks = &self.state().marks;
        marks.get(dir).cloned().expect("an fdatasync")
    }

    fn pass(&self, dir: &Path) {
        let mark = mark_in(dir).expect("an open log has a mark");
        let mut state = self.state();
        state.marks.insert(dir.to_path_buf(), mark);
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
