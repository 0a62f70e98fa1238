# Recipes for everyday work. `verify` never writes; `fix` does.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Lists the recipes.
default:
    @just --list

# Everything that CI checks, in CI's order; compiled incrementally, as the other recipes do.
verify:
    CARGO_INCREMENTAL=1 .ci/run

# A quick check while working: format, lints, the tree's own rules.
check:
    CARGO_INCREMENTAL=1 .ci/run format lints dependencies
    cargo test --package homeroom-tests --test tidy

# Formats, and applies the fixes of clippy.
fix:
    cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged
    cargo fmt --all

# All tests, or those whose names contain the filter.
test *filter:
    cargo test --workspace {{ filter }}

# Benchmarks of the core, in under two minutes, compared with the last run. `just bench event/` runs some.
bench *filter:
    cargo bench --package homeroom-core {{ filter }}

# How long a log of 5 GiB takes to open, with a cold page cache (as root). It stays in the folder.
bench-log dir="target/bench-log" entry_bytes="16384":
    cargo run --release --package homeroom-node --example log_open {{ dir }} 5 {{ entry_bytes }} 17

# Runs a node with its data in this checkout; flags are passed on to `serve`.
run *flags:
    cargo run --release -- serve {{ flags }}

# Runs the command line.
cli *arguments:
    cargo run --release --package homeroom-cli -- {{ arguments }}

# The documentation of all crates, in a browser.
docs:
    cargo doc --workspace --no-deps --open
