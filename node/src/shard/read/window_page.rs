//! A page of windows, bounded in number and bytes.

use std::sync::Arc;

use homeroom_core::learner::Window;

use crate::shard::view::View;

/// Size of a window in an answer besides its types, bytes: an upper bound.
const WINDOW_BYTES: usize = 160;
/// Size of a type in an answer besides its name, bytes: an upper bound.
const TYPE_BYTES: usize = 20;

/// Bounds of a page. It has at least one window, if there is any.
#[derive(Clone, Copy, Debug)]
pub struct PageLimits {
    /// Maximum windows.
    pub windows_max: usize,
    /// Maximum size of the windows as messages, bytes.
    pub bytes_max: usize,
    /// Maximum event types that a window lists one by one.
    pub types_max: usize,
}

/// A page of a learner's windows, all of one position.
#[derive(Clone, Debug)]
pub struct WindowPage {
    /// Whether the learner is known.
    pub found: bool,
    /// Oldest first.
    pub windows: Vec<Window>,
    /// The next page begins with windows that start at or after this, ms; `None` after the last
    /// page.
    pub next_ms: Option<i64>,
    /// Size of the windows as messages, bytes: an upper bound.
    pub bytes: usize,
    /// The shard when the page was begun.
    pub view: Arc<View>,
}

/// A page that is being filled.
pub(super) struct PageBuilder {
    limits: PageLimits,
    windows: Vec<Window>,
    bytes: usize,
}

impl PageBuilder {
    pub fn new(limits: PageLimits) -> Self {
        Self {
            limits,
            windows: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds a window. Returns whether there was room for it.
    pub fn add(&mut self, window: Window) -> bool {
        let bytes = self.bytes + bytes_of(&window);
        let is_full = self.windows.len() >= self.limits.windows_max
            || (bytes > self.limits.bytes_max && !self.windows.is_empty());
        if !is_full {
            self.bytes = bytes;
            self.windows.push(window);
        }
        !is_full
    }

    pub fn into_page(self, view: Arc<View>, next_ms: Option<i64>) -> WindowPage {
        WindowPage {
            found: true,
            windows: self.windows,
            next_ms,
            bytes: self.bytes,
            view,
        }
    }

    pub fn into_empty(self, view: Arc<View>, found: bool) -> WindowPage {
        WindowPage {
            found,
            ..self.into_page(view, None)
        }
    }
}

fn bytes_of(window: &Window) -> usize {
    let types = window.content.events_by_type.keys();
    let types = types.map(|event_type| TYPE_BYTES + event_type.name().len());
    WINDOW_BYTES + types.sum::<usize>()
}
