//! The write path: the queue that callers fill, the thread that drains it, and the end of the
//! active segment.

pub(super) mod queue;
pub(super) mod shared;
pub(super) mod tail;
pub(super) mod writer;
