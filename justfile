# Recipes for everyday work. `verify` never writes; `fix` does.

set shell := ["bash", "-euo", "pipefail", "-c"]

# What is there.
default:
    @just --list

# Everything that CI checks, in CI's order; compiled incrementally, as the other recipes do.
verify:
    CARGO_INCREMENTAL=1 .ci/run

# A quick look while working: format, lints, the tree's own rules.
check:
    CARGO_INCREMENTAL=1 .ci/run format lints dependencies
    cargo test --package homeroom-tests --test tidy

# Formats, and applies what clippy can apply by itself.
fix:
    cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged
    cargo fmt --all

# All tests, or those whose names contain a text.
test *filter:
    cargo test --workspace {{ filter }}

# What the core costs, in under two minutes; compared with the run before. `just bench event/` runs some.
bench *filter:
    cargo bench --package homeroom-core {{ filter }}

# A node in a folder of this checkout; further flags go to `serve`.
run *flags:
    cargo run --release -- serve {{ flags }}

# The command line against a node.
cli *arguments:
    cargo run --release --package homeroom-cli -- {{ arguments }}

# The documentation of all crates, in a browser.
docs:
    cargo doc --workspace --no-deps --open
