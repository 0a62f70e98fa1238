//! Work that can wait, such as saving learners: done in small slices, one at a time on the node, so that
//! no event and no query waits behind thousands of learners.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::yield_now,
};

/// The smallest slice, learners: a fifth of a millisecond's work.
const SLICE_MIN: usize = 8;
/// The largest, learners: on a node that is busy all the time, chores must get on too.
const SLICE_MAX: usize = 256;
/// Slices grow while other tasks, once they have their turn, keep it for so many times what a slice takes: up to a tenth of a
/// processor is for chores, however busy it is.
const OTHERS_SHARE: u32 = 8;

/// The turn that chores of all shards take. Clones share it.
#[derive(Clone, Debug)]
pub struct Slicer(Arc<Semaphore>);

impl Default for Slicer {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Slicer {
    /// Takes turns for work on all items.
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
    /// The slice that is being worked on, and since when.
    turn: Option<(OwnedSemaphorePermit, Instant)>,
}

impl<T> Slices<T> {
    /// The next slice, once it has its turn: that ends with the next call. Other tasks run in between.
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
