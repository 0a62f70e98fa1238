//! Deferrable work on many learners, such as saving them, in small slices. One slice runs at a time
//! on the node, so that no event and no query waits behind thousands of learners.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::yield_now,
};

/// The smallest slice, learners: about 0.2 ms of work.
const SLICE_MIN: usize = 8;
/// The largest slice, learners: deferrable work must progress on a busy node, too.
const SLICE_MAX: usize = 256;
/// A slice doubles while other tasks, once scheduled, run for more than 8 times as long as the
/// slice took. So deferrable work uses up to a tenth of a processor, however busy it is.
const OTHERS_SHARE: u32 = 8;

/// The permit for which all shards' slices take turns. Clones share it.
#[derive(Clone, Debug)]
pub struct Slicer(Arc<Semaphore>);

impl Default for Slicer {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Slicer {
    /// Slices of these items.
    pub fn slices<T>(&self, items: Vec<T>) -> Slices<T> {
        Slices {
            slicer: self.clone(),
            items,
            done: 0,
            size: SLICE_MIN,
            turn: None,
        }
    }
}

/// Items, slice by slice.
#[derive(Debug)]
pub struct Slices<T> {
    slicer: Slicer,
    items: Vec<T>,
    done: usize,
    size: usize,
    /// The permit of the slice in progress, and when it began.
    turn: Option<(OwnedSemaphorePermit, Instant)>,
}

impl<T> Slices<T> {
    /// The next slice, once it has the permit. The permit is returned with the next call, and other
    /// tasks run in between.
    pub async fn next(&mut self) -> Option<&[T]> {
        if let Some((turn, begun)) = self.turn.take() {
            drop(turn);
            let left = Instant::now();
            yield_now().await;
            self.size = next_size(self.size, left - begun, left.elapsed());
        }
        if self.done == self.items.len() {
            return None;
        }
        let turn = Arc::clone(&self.slicer.0).acquire_owned().await.ok()?;
        self.turn = Some((turn, Instant::now()));
        let from = self.done;
        self.done = self.items.len().min(from + self.size);
        Some(&self.items[from..self.done])
    }
}

fn next_size(size: usize, worked: Duration, waited: Duration) -> usize {
    if waited > worked * OTHERS_SHARE {
        (size * 2).min(SLICE_MAX)
    } else {
        (size / 2).max(SLICE_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_grow_while_they_mostly_wait_and_shrink_when_they_do_not() {
        const EACH: Duration = Duration::from_micros(20);
        let after = |waited, size| {
            (0..20).fold(size, |size, _| next_size(size, EACH * size as u32, waited))
        };
        let busy = after(Duration::from_millis(100), SLICE_MIN);
        assert_eq!(busy, SLICE_MAX);
        assert_eq!(after(Duration::from_micros(10), busy), SLICE_MIN);
    }

    #[tokio::test]
    async fn every_item_gets_its_turn_once() {
        let items: Vec<usize> = (0..SLICE_MIN * 3 + 1).collect();
        let mut done = Vec::new();
        let mut slices = Slicer::default().slices(items.clone());
        while let Some(some) = slices.next().await {
            done.extend_from_slice(some);
        }
        assert_eq!(done, items);
    }
}
