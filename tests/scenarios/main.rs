//! Real processes, driven through the public surface only: the command line, the client library,
//! gRPC and HTTP.
//!
//! Each test has its own node, in a temporary folder, on free ports. A random test that fails
//! prints its seed and the command that replays it. `HOMEROOM_KILLS` (default 8) is the number of
//! kills of a node in one test. `HOMEROOM_XAPI_STATEMENTS` is the path of a file of real
//! statements, which then are tested as well.

mod acknowledged;
mod authority;
mod bad_connections;
mod bases;
mod batch;
mod bounded_reads;
mod broken_messages;
mod courses;
mod crowded_listeners;
mod demo;
mod discard;
mod doctor;
mod drain;
mod entry_hash;
mod foreign_pages;
mod full_disk;
mod full_learners;
mod full_memory;
mod harness;
mod http_misuse;
mod http_reads;
mod kills;
mod late;
mod leadership;
mod load;
mod log_end;
mod made_up_sources;
mod openapi;
mod passivation;
mod poison;
mod posted_events;
mod prometheus;
mod readme;
mod reads;
mod redrive;
mod redrive_kills;
mod redriven_statements;
mod refusal_cases;
mod refusals;
mod refused_starts;
mod sealed;
mod settings;
mod statements;
mod stepped_clock;
mod stock_client;
mod streams;
mod surface;
mod systemd;
mod unknown;
mod watches;
mod windows;
mod xapi_clients;
mod xapi_posts;
