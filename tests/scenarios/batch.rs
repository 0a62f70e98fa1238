//! A file sent through the command line gives the model's windows, however often it is sent.

use homeroom_tests::generator::GeneratorSettings;
use homeroom_tests::oracle::{SourceCounts, WindowSpec};

use crate::harness::{Home, Input, Seed, check};

fn unruly(seed: &Seed, lines: u64) -> GeneratorSettings {
    GeneratorSettings {
        lines,
        learners: 200,
        late: 0.005,
        broken: 0.01,
        seed: seed.seed,
        ..GeneratorSettings::default()
    }
}

#[test]
fn a_batch_leads_to_the_windows_that_follow_from_it() {
    let seed = Seed::of("batch::a_batch_leads_to_the_windows_that_follow_from_it");
    let home = Home::new(&["--shards", "4"]);
    let input = Input::generate(&home, unruly(&seed, 20_000));
    let (once, twice) = (input.model(1), input.model(2));
    let _node = home.start();
    let cli = home.cli();

    let summary = cli.json(&["ingest", input.name()]);
    check::summary(&summary, &SourceCounts::default(), &once.counts().total());
    check::windows(&cli, &once);
    check::ledger(&cli, &once);
    let before = cli.lines(&check::ALL_MINUTES);

    let again = cli.json(&["ingest", input.name()]);
    check::summary(&again, &once.counts().total(), &twice.counts().total());
    assert_eq!(
        (&again["accepted"], &again["deadLettered"]),
        (&0.into(), &serde_json::json!({}))
    );
    assert!(
        before == cli.lines(&check::ALL_MINUTES),
        "duplicates changed a window"
    );
    check::ledger(&cli, &twice);
}

#[test]
fn other_sizes_and_courses_follow_from_the_same_events() {
    let seed = Seed::of("batch::other_sizes_and_courses_follow_from_the_same_events");
    let home = Home::new(&["--shards", "2"]);
    let settings = GeneratorSettings {
        learners: 20,
        ..unruly(&seed, 2_000)
    };
    let input = Input::generate(&home, settings);
    let model = input.model(1);
    let _node = home.start();
    let cli = home.cli();
    cli.json(&["ingest", input.name()]);

    let sliding = ["windows", "--all", "--size", "30s", "--step", "5s"];
    check::windows_of(&cli, &model, WindowSpec::SLIDING, &sliding);
    let hours = WindowSpec {
        size_ms: 3_600_000,
        step_ms: 3_600_000,
        floor_ms: None,
    };
    check::windows_of(&cli, &model, hours, &["windows", "--all", "--size", "1h"]);
    for learner in model.learners() {
        for course in learner.courses() {
            let name = course.course_id.as_str();
            let expected = learner.windows(WindowSpec::MINUTE, Some(name));
            let arguments = ["windows", learner.user_id, "--course", name];
            check::rows(&expected, cli.lines(&arguments));
        }
    }
}

#[test]
fn a_pipe_and_a_packed_file_are_taken_alike() {
    let seed = Seed::of("batch::a_pipe_and_a_packed_file_are_taken_alike");
    let home = Home::new(&["--shards", "2"]);
    let settings = GeneratorSettings {
        learners: 20,
        ..unruly(&seed, 1_000)
    };
    let input = Input::generate(&home, settings);
    let model = input.model(1);
    let _node = home.start();
    let packed = input.packed();
    let first = home
        .cli()
        .json(&["ingest", packed.to_str().expect("UTF-8")]);
    check::summary(&first, &SourceCounts::default(), &model.counts().total());
    check::windows(&home.cli(), &model);
    let piped = home.cli().json_from(&["ingest", "-"], &input);
    check::summary(
        &piped,
        &model.counts().total(),
        &input.model(2).counts().total(),
    );
}
