//! Runs the same work for every group, on a few threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use parking_lot::Mutex;

/// Runs `work` once for each item, and returns the results in the order of the items. After the
/// first error no further item is begun, and the error is returned.
pub(crate) fn for_each<T, E, I>(
    threads: usize,
    items: impl Iterator<Item = I> + Send,
    work: impl Fn(I) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E>
where
    T: Send,
    E: Send,
{
    let queue = Mutex::new(items.enumerate());
    let stop = AtomicBool::new(false);
    let run = || {
        let mut done = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let next = queue.lock().next();
            let Some((at, item)) = next else { break };
            let outcome = work(item).inspect_err(|_| stop.store(true, Ordering::Relaxed));
            done.push((at, outcome?));
        }
        Ok(done)
    };
    let mut all = Vec::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        for worker in workers {
            let done = worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            all.extend(done?);
        }
        Ok(())
    })?;
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().map(|(_, value)| value).collect())
}
