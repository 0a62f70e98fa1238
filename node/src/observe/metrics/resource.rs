//! Metrics of a node's resources.

use metrics::{Counter, Gauge};

use super::registry::Registry;
use crate::observe::resource_usage::{Fill, ResourceUsage};

/// Metrics of a node's resources.
pub struct ResourceMetrics {
    ingest_queue: [Gauge; 2],
    log_queue: [Gauge; 2],
    memory: [Gauge; 2],
    disk_free_bytes: Gauge,
    disk_size_bytes: Gauge,
    checkpoint_interval_seconds: Gauge,
    store_waits: Counter,
}

impl ResourceMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let gauge = |name, help| registry.one_gauge(name, help);
        Self {
            ingest_queue: [
                gauge(
                    "homeroom_ingest_queue_bytes",
                    "Events that wait to become log entries",
                ),
                gauge(
                    "homeroom_ingest_queue_limit_bytes",
                    "Beyond this publishers are refused",
                ),
            ],
            log_queue: [
                gauge(
                    "homeroom_log_queue_bytes",
                    "Writes that wait for the log's writer",
                ),
                gauge("homeroom_log_queue_limit_bytes", "Beyond this appends wait"),
            ],
            memory: [
                gauge(
                    "homeroom_learners_memory_bytes",
                    "Memory of the active learners, estimated",
                ),
                gauge(
                    "homeroom_learners_memory_limit_bytes",
                    "Beyond this publishers are refused; from 80 % on all learners leave that may",
                ),
            ],
            store_waits: registry.one_counter(
                "homeroom_store_waits_total",
                "Waits of the store for file handles or memory",
            ),
            disk_free_bytes: gauge(
                "homeroom_disk_free_bytes",
                "What the node may still write to the file system of its data folder",
            ),
            disk_size_bytes: gauge(
                "homeroom_disk_size_bytes",
                "Size of the file system of the data folder",
            ),
            checkpoint_interval_seconds: gauge(
                "homeroom_checkpoint_interval_seconds",
                "Time between two checkpoints of a group, as configured",
            ),
        }
    }

    /// Shows the resource usage. The figures of the disk stay unchanged if it could not be read.
    pub fn show(&self, resources: &ResourceUsage) {
        set(&self.ingest_queue, resources.ingest_queue);
        set(&self.log_queue, resources.log_queue);
        set(&self.memory, resources.memory);
        if let Ok(disk) = &resources.disk {
            self.disk_free_bytes.set(disk.free_bytes as f64);
            self.disk_size_bytes.set(disk.size_bytes as f64);
        }
        self.checkpoint_interval_seconds
            .set(resources.checkpoint_interval.as_secs_f64());
        self.store_waits.absolute(resources.store_waits);
    }
}

fn set([used, max]: &[Gauge; 2], fill: Fill) {
    used.set(fill.used_bytes as f64);
    max.set(fill.max_bytes as f64);
}
