//! Cuts groups of payloads into batches of even size.

use std::collections::VecDeque;

use bytes::Bytes;
use homeroom_proto::v1::RawFormat;

use crate::input::PayloadGroup;

/// Cuts groups of payloads into batches of even size.
#[derive(Debug)]
pub(super) struct Batcher {
    count_max: usize,
    bytes_max: usize,
    format: RawFormat,
    payloads: Vec<Bytes>,
    bytes: usize,
    /// Complete batches. Bounded by the number that one group completes.
    full: VecDeque<Vec<Bytes>>,
}

impl Batcher {
    pub(super) fn new(count_max: usize, bytes_max: usize) -> Self {
        Self {
            count_max: count_max.max(1),
            bytes_max,
            format: RawFormat::NativeJson,
            payloads: Vec::new(),
            bytes: 0,
            full: VecDeque::new(),
        }
    }

    /// Whether no incomplete batch waits for more payloads.
    pub(super) fn is_empty(&self) -> bool {
        self.payloads.is_empty()
    }

    pub(super) fn add(&mut self, group: PayloadGroup) {
        // An input has one format throughout.
        self.format = group.format;
        if self.payloads.is_empty() && group.payloads.len() >= self.count_max {
            self.full.push_back(group.payloads);
            return;
        }
        for payload in group.payloads {
            if self.bytes + payload.len() > self.bytes_max {
                self.complete();
            }
            self.bytes += payload.len();
            self.payloads.push(payload);
            if self.payloads.len() >= self.count_max {
                self.complete();
            }
        }
    }

    /// Completes the batch that waits for more payloads.
    pub(super) fn complete(&mut self) {
        if self.payloads.is_empty() {
            return;
        }
        self.bytes = 0;
        self.full.push_back(std::mem::take(&mut self.payloads));
    }

    pub(super) fn next_full(&mut self) -> Option<(RawFormat, Vec<Bytes>)> {
        Some((self.format, self.full.pop_front()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(lengths: &[usize]) -> PayloadGroup {
        let payloads: Vec<_> = lengths
            .iter()
            .map(|&length| vec![b'x'; length].into())
            .collect();
        PayloadGroup {
            format: RawFormat::NativeJson,
            payloads,
        }
    }

    #[test]
    fn batches_are_closed_by_count_and_by_bytes() {
        let mut batcher = Batcher::new(3, 10);
        batcher.add(group(&[1]));
        assert!(batcher.next_full().is_none() && !batcher.is_empty());
        batcher.add(group(&[1, 1, 9, 20, 1]));
        batcher.complete();
        let mut lengths: Vec<Vec<usize>> = Vec::new();
        while let Some((_, batch)) = batcher.next_full() {
            lengths.push(batch.iter().map(Bytes::len).collect());
        }
        assert_eq!(lengths, [vec![1, 1, 1], vec![9], vec![20], vec![1]]);
        assert!(batcher.is_empty());
    }
}
