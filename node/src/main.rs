//! The command line of the server.

use std::{fmt::Display, process::ExitCode, time::Duration};

use clap::Parser;
use homeroom_node::{
    config::{
        self, Cli, Command, ConfigArgs, DemoArgs, LoadedConfig, LogFormat, LogLevel,
        LogOutputConfig, PagesChoice, Sources,
    },
    connections::raise_handle_limit,
    demo, node,
    observe::{
        self,
        panic::{self, say},
    },
    store::checkpoint::panic_is_caught_here,
};
use tokio::signal::unix::{SignalKind, signal};

/// Learners are many small allocations with mixed lifetimes, whose freed memory glibc's allocator
/// does not return.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Places that catch panics and handle them.
const GUARDS: &[panic::Guard] = &[panic::CORE_GUARD, ("the checkpoints", panic_is_caught_here)];

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => with_config(&args, serve),
        Command::CheckConfig(args) => with_config(&args, |loaded| {
            print!("{}", loaded.to_toml());
            ExitCode::SUCCESS
        }),
        Command::Demo(args) => run_demo(args),
    }
}

fn with_config(args: &ConfigArgs, run: impl FnOnce(&LoadedConfig) -> ExitCode) -> ExitCode {
    match config::load(&Sources::of_process(args)) {
        Ok(loaded) => run(&loaded),
        Err(faults) => {
            say(&faults);
            ExitCode::FAILURE
        }
    }
}

fn serve(loaded: &LoadedConfig) -> ExitCode {
    if !begin(&loaded.config.log_output) {
        return ExitCode::FAILURE;
    }
    for warning in loaded.warnings() {
        tracing::warn!("{warning}");
    }
    raise_handle_limit();
    choose_pages(loaded.config.memory.pages);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let threads @ 1.. = loaded.config.node.runtime_threads {
        builder.worker_threads(threads.into());
    }
    let ended = match builder.enable_all().build() {
        Ok(runtime) => runtime.block_on(node::serve(loaded, termination())),
        Err(error) => {
            tracing::error!(%error, "the runtime does not start");
            return ExitCode::FAILURE;
        }
    };
    exit_code(ended, |error| tracing::error!("{error}"))
}

/// Sets up log lines and the panic hook. Writes the reason to standard error and returns `false` if
/// that fails.
fn begin(log_output: &LogOutputConfig) -> bool {
    let rust_log = std::env::var("RUST_LOG").ok();
    let begun = observe::tracing::init(log_output, rust_log.as_deref());
    panic::install_hook(GUARDS);
    begun.inspect_err(|error| say(error)).is_ok()
}

/// The exit code of a command that has ended. Passes its error to `report`.
fn exit_code<E: Display>(ended: Result<(), E>, report: impl Fn(&dyn Display)) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// Disables huge pages for the whole process. With them, the first write to a page clears 2 MiB,
/// which takes some tenths of a millisecond, and several milliseconds on a virtual machine.
fn choose_pages(pages: PagesChoice) {
    #[cfg(not(target_os = "linux"))]
    let _ = pages;
    #[cfg(target_os = "linux")]
    if pages == PagesChoice::Small
        && let Err(error) = rustix::thread::disable_transparent_huge_pages(true)
    {
        tracing::warn!(%error, "huge pages stay on: some events may wait for them");
    }
}

fn run_demo(args: DemoArgs) -> ExitCode {
    // Log lines would disturb the picture, so only errors are shown; `RUST_LOG` can ask for more.
    let log_output = LogOutputConfig {
        level: LogLevel::Error,
        format: LogFormat::Text,
    };
    if !begin(&log_output) {
        return ExitCode::FAILURE;
    }
    raise_handle_limit();
    let demo = demo::Demo {
        learners: args.learners.into(),
        seed: args.seed,
        live_for: args
            .seconds
            .map(|seconds| Duration::from_secs(seconds.into())),
        json: args.json,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(demo::run(demo, termination_or_hangup())),
        Err(error) => {
            say(&format_args!("the runtime does not start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    exit_code(ended, say)
}

/// SIGTERM, SIGINT, or SIGHUP when the terminal closes.
async fn termination_or_hangup() {
    let hung_up = async {
        match signal(SignalKind::hangup()) {
            Ok(mut hangup) => {
                hangup.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = termination() => {}
        () = hung_up => {}
    }
}

/// SIGTERM or SIGINT.
async fn termination() {
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    match signals {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        _ => {
            tracing::warn!("signals can't be heard: the node can only be killed");
            std::future::pending().await
        }
    }
}
