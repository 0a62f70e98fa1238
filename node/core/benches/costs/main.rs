//! The cost of the core's operations, so that a regression shows before it reaches a cluster.
//!
//! All benches use the crate's public surface. If one iteration is several events, the throughput
//! gives their number.

mod bound;
mod checkpoint;
mod class;
mod encode;
mod entry;
mod event;
mod heavy;
mod read;
mod script;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .sample_size(30)
        .configure_from_args();
    event::benches(&mut criterion);
    entry::benches(&mut criterion);
    encode::benches(&mut criterion);
    checkpoint::benches(&mut criterion);
    read::benches(&mut criterion);
    heavy::benches(&mut criterion);
    bound::benches(&mut criterion);
    criterion.final_summary();
}
