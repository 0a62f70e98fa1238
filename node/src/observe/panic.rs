//! The panic hook: a contained panic is logged and unwinds, any other one ends the process.
//!
//! After a panic at an unknown place the state of the process is uncertain. A process that ends
//! is replaced by its peers at once. Places that catch panics and can restore their state are
//! exempt.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::PanicHookInfo;

/// The exit code after a panic: `EX_SOFTWARE` of sysexits.
pub const PANIC_EXIT_CODE: i32 = 70;

/// A place that catches panics: its name, and whether the current thread is inside it.
pub type Guard = (&'static str, fn() -> bool);

/// Judging one event: if it panics, the event is refused as poison.
pub const CORE_GUARD: Guard = ("the core", homeroom_core::learner::catches_panics);

/// Installs the hook for the whole process. A panic unwinds inside one of `guards`, and inside
/// sled, whose panics the checkpoint store catches or detects. Any other panic exits with
/// [`PANIC_EXIT_CODE`].
pub fn install_hook(guards: &'static [Guard]) {
    std::panic::set_hook(Box::new(move |info| match container_of(info, guards) {
        Some(container) => tracing::warn!(
            place = %place(info),
            "a panic, contained in {container}: {}",
            message(info)
        ),
        None => end_process(info),
    }));
}

fn container_of(info: &PanicHookInfo<'_>, guards: &[Guard]) -> Option<&'static str> {
    if let Some((name, _)) = guards.iter().find(|(_, is_active)| is_active()) {
        return Some(name);
    }
    let path = info.location()?.file();
    is_sleds(path).then_some("sled")
}

/// sled also panics on its own threads, where no guard is active.
fn is_sleds(path: &str) -> bool {
    path.contains("/sled-")
}

fn end_process(info: &PanicHookInfo<'_>) -> ! {
    let line = format!(
        "a panic at {}, the process stops: {}",
        place(info),
        message(info)
    );
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!("{line}");
    } else {
        say(&line);
    }
    // Captured only if `RUST_BACKTRACE` is set.
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        say(&backtrace);
    }
    std::process::exit(PANIC_EXIT_CODE)
}

/// Writes a line to standard error. `eprintln` would panic where standard error is closed.
pub fn say(line: &dyn std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn place(info: &PanicHookInfo<'_>) -> String {
    info.location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string)
}

/// The payload on one line, because sled prints whole trees and each log line has to be one
/// message.
fn message(info: &PanicHookInfo<'_>) -> String {
    const CHARS_MAX: usize = 1_000;
    let payload = info.payload();
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let one_line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    one_line.take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        process::{Command, Output},
        sync::Arc,
    };

    use homeroom_core::{
        Event, EventType, Reason, Settings,
        learner::{Learner, Missing, StatePart, Verdict},
        shard::EntryContext,
    };

    use super::*;

    const IN_CHILD: &str = "HOMEROOM_TEST_PANICS";

    /// The hook is the whole process's, and ends it: so it is tried in another one.
    fn run(test: &str) -> Output {
        let this = std::env::current_exe().expect("the test binary");
        Command::new(this)
            .args(["--exact", "--nocapture", "--test-threads=1"])
            .arg(format!(
                "{}::{test}",
                module_path!().split_once("::").expect("a path").1
            ))
            .env(IN_CHILD, "1")
            .env("RUST_BACKTRACE", "0")
            .output()
            .expect("run")
    }

    fn is_child() -> bool {
        std::env::var_os(IN_CHILD).is_some()
    }

    #[test]
    fn child_panics_outside_guards() {
        if is_child() {
            install_hook(&[CORE_GUARD]);
            let _ = std::panic::catch_unwind(|| panic!("two\nlines"));
        }
    }

    #[test]
    fn child_panics_inside_a_guard() {
        if is_child() {
            install_hook(&[CORE_GUARD, ("a test", || true)]);
            let caught = std::panic::catch_unwind(|| panic!("contained"));
            assert!(caught.is_err());
        }
    }

    /// A learner all of whose blocks but the newest are evicted, the record of each by its start.
    fn with_evicted_blocks(context: &EntryContext) -> (Learner, BTreeMap<i64, Vec<u8>>) {
        let mut learner = Learner::new("ada");
        for hour in 0..5 {
            apply(&mut learner, context, "click", hour).expect("nothing is evicted");
        }
        let stored = learner.take_changes(false).into_iter();
        let blocks = stored.filter_map(|change| match change.part {
            StatePart::Block(from_ms) => Some((from_ms, change.bytes?)),
            StatePart::Head => None,
        });
        let blocks = blocks.collect();
        assert!(learner.evict_blocks());
        (learner, blocks)
    }

    fn apply(
        learner: &mut Learner,
        context: &EntryContext,
        event_type: &str,
        hour: i64,
    ) -> Result<Verdict, Missing> {
        let (id, kind) = (hour.to_string(), EventType::from_name(event_type));
        let event = Event::bare("ada", id, hour * 3_600_000, kind, "lms");
        let mut encoded = Vec::new();
        event.encode_into(&mut encoded);
        let applied = learner.apply(context, &event, &encoded);
        applied.map(|applied| applied.verdict)
    }

    /// A context in which checking an event of the type `drill` panics, or one in which it passes.
    fn context(panics: bool) -> EntryContext {
        EntryContext {
            index: 1,
            log_time_ms: 0,
            watermark_ms: 0,
            floor_ms: 0,
            block_events: 1,
            settings: Arc::new(Settings {
                poison_drill_type: panics.then(|| "drill".to_owned()),
                ..Settings::default()
            }),
        }
    }

    /// Checks an event that panics while blocks are evicted. Then all are read, and it panics again
    /// or does not.
    fn check_twice(panics_again: bool) -> Result<Verdict, Missing> {
        let (mut learner, blocks) = with_evicted_blocks(&context(false));
        let Err(Missing(needed)) = apply(&mut learner, &context(true), "drill", 5) else {
            panic!("a verdict before all blocks are read");
        };
        for from_ms in needed {
            let read = learner.restore_block(from_ms, &blocks[&from_ms]);
            read.expect("its own encoding");
        }
        apply(&mut learner, &context(panics_again), "drill", 5)
    }

    #[test]
    fn child_panics_in_applying() {
        if is_child() {
            install_hook(&[CORE_GUARD]);
            let poison = Verdict::Refused(Reason::Poison);
            assert_eq!(check_twice(true), Ok(poison));
        }
    }

    #[test]
    fn child_panics_for_want_of_a_block() {
        if is_child() {
            install_hook(&[CORE_GUARD]);
            let _ = std::panic::catch_unwind(|| check_twice(false));
        }
    }

    #[test]
    fn a_panic_of_applying_is_poison_and_one_of_residency_ends_the_process() {
        let output = run("child_panics_in_applying");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let output = run("child_panics_for_want_of_a_block");
        assert_eq!(output.status.code(), Some(PANIC_EXIT_CODE));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("residency is at fault"), "{errors}");
    }

    #[test]
    fn a_panic_ends_the_process_even_where_it_would_be_caught() {
        let output = run("child_panics_outside_guards");
        assert_eq!(output.status.code(), Some(PANIC_EXIT_CODE));
        let errors = String::from_utf8_lossy(&output.stderr);
        let last_words = errors
            .lines()
            .filter(|line| line.contains("the process stops"));
        let last_words: Vec<&str> = last_words.collect();
        assert_eq!(last_words.len(), 1, "{errors}");
        assert!(
            last_words[0].starts_with("a panic at src/observe/panic.rs:")
                || last_words[0].contains("/observe/panic.rs:")
        );
        assert!(last_words[0].ends_with("the process stops: two lines"));
    }

    #[test]
    fn a_guarded_panic_unwinds() {
        let output = run("child_panics_inside_a_guard");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }

    #[test]
    fn sleds_own_sources_are_distinguished_from_others() {
        assert!(is_sleds(
            "/home/a/.cargo/registry/src/index.crates.io-1/sled-0.34.7/src/tree.rs"
        ));
        assert!(!is_sleds("node/src/store/checkpoint/tree/sled_dir.rs"));
    }
}
