//! Tests of the configuration's layers, bounds and faults.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use homeroom_core::Settings;

use super::field::{FIELDS, Kind};
use super::share::Share;
use super::*;

fn sources(flags: &[&str], environment: &[(&str, &str)]) -> Sources {
    let cli = Cli::try_parse_from(["homeroom-node", "serve"].iter().chain(flags)).expect("flags");
    let (Command::Serve(args) | Command::CheckConfig(args)) = cli.command else {
        panic!("a command without a configuration");
    };
    let environment = environment.iter();
    Sources::new(
        &args,
        environment.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
    )
}

fn loaded(flags: &[&str], environment: &[(&str, &str)]) -> LoadedConfig {
    load(&sources(flags, environment)).expect("no faults")
}

fn faults(flags: &[&str], environment: &[(&str, &str)]) -> Vec<String> {
    let error = load(&sources(flags, environment)).expect_err("faults");
    error.faults.iter().map(ToString::to_string).collect()
}

fn file(dir: &Path, content: &str) -> String {
    let path = dir.join("node.toml");
    std::fs::write(&path, content).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn the_defaults_in_force() {
    let expected = include_str!("golden/defaults.toml");
    assert_eq!(loaded(&[], &[]).to_toml(), expected);
}

#[test]
fn the_form_shown_is_itself_a_configuration() {
    let dir = tempfile::tempdir().expect("dir");
    let shown = loaded(&["--shards", "3"], &[]);
    let path = file(dir.path(), &shown.to_toml());
    assert_eq!(loaded(&["--config", &path], &[]).config, shown.config);
}

#[test]
fn every_field_is_documented_with_its_bounds() {
    let text = include_str!("defaults.toml");
    let mut section = String::new();
    let mut comment = String::new();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if let Some(words) = line.strip_prefix('#') {
            comment.push_str(words);
        } else if let Some((name, _)) = line.split_once(" = ") {
            let path = format!("{section}.{name}");
            let field = FIELDS.iter().find(|field| field.path == path);
            let bounds: Vec<String> = match field.expect("a field").kind {
                Kind::Path | Kind::Address | Kind::Hosts | Kind::WebOrigins => vec![],
                Kind::Integer(least, most) => vec![format!("{least} to {most}.")],
                Kind::Size(least, most) | Kind::Time(least, most) => {
                    vec![format!("{least} to {most}.")]
                }
                Kind::SizeOrShare(least, most) => {
                    let share = Share::BOUNDS;
                    vec![format!("{least} to {most},"), format!("{share}.")]
                }
                Kind::Choice(words) => words.iter().map(|word| format!("\"{word}\"")).collect(),
            };
            assert!(!comment.is_empty(), "{path} has no comment");
            for bound in bounds {
                assert!(comment.contains(&bound), "{path} does not say {bound}");
            }
            seen.insert(path);
            comment.clear();
        }
    }
    let fields: BTreeSet<String> = FIELDS.iter().map(|field| field.path.to_owned()).collect();
    assert_eq!(seen, fields);
}

#[test]
fn flags_go_over_environment_over_file_over_defaults() {
    let dir = tempfile::tempdir().expect("dir");
    let path = file(
        dir.path(),
        "[node]\nshards = 2\n[raft]\nheartbeat = \"200ms\"\n[ingest]\nlinger = \"2ms\"",
    );
    let environment = [
        ("HOMEROOM__NODE__SHARDS", "4"),
        ("HOMEROOM__RAFT__HEARTBEAT", "170ms"),
        ("HOMEROOM_ENDPOINT", "not ours"),
    ];
    let loaded = loaded(&["--config", &path, "--shards", "8"], &environment);
    assert_eq!(loaded.config.node.shards, 8);
    assert_eq!(loaded.config.raft.heartbeat, Duration::from_millis(170));
    assert_eq!(loaded.config.ingest.linger, Duration::from_millis(2));
    let origin = |path| loaded.origin(path).expect("a field").to_string();
    assert_eq!(origin("node.shards"), "flag --shards");
    assert_eq!(
        origin("raft.heartbeat"),
        "environment HOMEROOM__RAFT__HEARTBEAT"
    );
    assert_eq!(origin("ingest.linger"), format!("file {path}"));
    assert!(!loaded.is_given("founding.retention"));
}

#[test]
fn texts_of_the_environment_become_what_the_field_holds() {
    let environment = [
        ("HOMEROOM__NODE__DATA_DIR", "123"),
        ("HOMEROOM__LOG__SEGMENT_BYTES", "65536"),
        ("HOMEROOM__LOG__CACHE_BYTES", "2 MiB"),
        ("HOMEROOM__LISTEN__HTTP", "[::1]:0"),
        ("HOMEROOM__FOUNDING__LATE_POLICY", "dead_letter"),
        ("HOMEROOM__LOG_OUTPUT__FORMAT", "json"),
    ];
    let config = loaded(&[], &environment).config;
    assert_eq!(config.node.data_dir, Path::new("123"));
    assert_eq!(config.log.segment_bytes.as_u64(), 65536);
    assert_eq!(config.log.cache_bytes.as_u64(), 2 << 20);
    assert_eq!(config.listen.http.to_string(), "[::1]:0");
    assert_eq!(config.founding.late_policy, LatePolicyChoice::DeadLetter);
    assert_eq!(config.log_output.format, LogFormat::Json);
}

#[test]
fn all_faults_are_reported_at_once() {
    let dir = tempfile::tempdir().expect("dir");
    let path = file(
        dir.path(),
        "surprise = 1\n[node]\nshrads = 4\n[raft]\nelection_min = \"10s\"\nheartbeat = 500\n[log]\nsegment_bytes = -1",
    );
    let environment = [
        ("HOMEROOM__LISTEN", "everywhere"),
        ("HOMEROOM__INGEST__LINGER", "2s"),
        ("HOMEROOM__INGEST__REQUEST_BYTES_MAX", "16MiB"),
    ];
    let flags = ["--config", &path, "--shards", "300", "--retention", "10"];
    let in_file = |text: &str| text.replace("FILE", &format!("(from file {path})"));
    let expected = [
        "listen = \"everywhere\" (from environment HOMEROOM__LISTEN): must be a section",
        &in_file(
            "node.shrads = 4 FILE: there is no such field; there are data_dir, shards, runtime_threads",
        ),
        &in_file("surprise = 1 FILE: there is no such section"),
        "node.shards = 300 (from flag --shards): must be a whole number from 1 to 256",
        "ingest.linger = \"2s\" (from environment HOMEROOM__INGEST__LINGER): must be a time from 0ms to 1s, with its unit, like \"1s\"",
        &in_file(
            "log.segment_bytes = -1 FILE: must be a size from 4KiB to 1GiB, in bytes or like \"1GiB\"",
        ),
        &in_file(
            "raft.heartbeat = 500 FILE: must be a time from 10ms to 10s, with its unit, like \"10s\"",
        ),
        "founding.retention = \"10\" (from flag --retention): must be a time from 1h to 400d, with its unit, like \"400d\"",
        "ingest.stream_window_bytes = \"8MiB\" (from default): must be at least ingest.request_bytes_max, \
         which is \"16MiB\" (from environment HOMEROOM__INGEST__REQUEST_BYTES_MAX)",
        &in_file(
            "raft.election_max = \"700ms\" (from default): must be more than raft.election_min, which is \"10s\" FILE",
        ),
    ];
    assert_eq!(faults(&flags, &environment), expected);
}

#[test]
fn a_file_that_is_absent_or_no_toml_is_a_fault_beside_others() {
    let dir = tempfile::tempdir().expect("dir");
    let broken = file(dir.path(), "[node\n");
    for path in [broken.as_str(), "/no/such/file.toml"] {
        let found = faults(&["--config", path, "--shards", "no"], &[]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with(&format!("{path} (from flag --config): must be a readable")));
        assert!(found[1].starts_with("node.shards = \"no\" (from flag --shards)"));
    }
}

#[test]
fn founding_bounds_are_those_of_the_settings() {
    let defaults = loaded(&[], &[]).config.founding;
    assert_eq!(defaults.settings(), Settings::default());
    for field in FIELDS
        .iter()
        .filter(|field| field.path.starts_with("founding."))
    {
        let Kind::Time(least, most) = field.kind else {
            continue;
        };
        let name = format!("HOMEROOM__{}", field.path.replace('.', "__").to_uppercase());
        for bound in [least, most] {
            let founding = loaded(&[], &[(&name, bound)]).config.founding;
            assert_eq!(founding.settings().validate(), Ok(()), "{name} {bound}");
        }
    }
}

#[test]
fn only_listeners_beyond_loopback_are_warned_of() {
    assert!(loaded(&["--grpc", "[::1]:1"], &[]).warnings().is_empty());
    let warnings = loaded(&["--grpc", "0.0.0.0:7400"], &[]).warnings();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("listen.grpc = 0.0.0.0:7400 is reachable"));
}
