//! Pictures for terminals of several sizes.

use console::measure_text_width;
use homeroom_client::Tally;
use homeroom_proto::v1::{
    Course, DeadLetterReason, EventOutcome, EventStatus, GetCourseResponse, HelpReason, RosterEntry,
};
use jiff::tz::TimeZone;

use super::{
    text_lines,
    view::{Picture, clock, grouped},
};
use crate::demo::{
    class,
    publish::{Latency, Snapshot},
};

fn in_need(index: usize) -> RosterEntry {
    let reason = |code: &str, count| HelpReason {
        code: code.to_owned(),
        skill_id: "equations".to_owned(),
        count,
        since_ms: 1_772_448_130_000,
    };
    RosterEntry {
        user_id: class::name(index),
        reasons: vec![reason("wrong_in_a_row", 8), reason("stuck_on_item", 8)],
        ..RosterEntry::default()
    }
}

fn refuse(tally: &mut Tally, reason: DeadLetterReason, count: usize) {
    let refused = EventOutcome {
        status: EventStatus::DeadLettered.into(),
        reason: reason.into(),
        ..EventOutcome::default()
    };
    tally.add(&vec![refused; count]);
}

fn picture() -> Picture {
    let course = Course {
        course_id: "algebra-1".to_owned(),
        learners: 300,
        active: 268,
        watching: 9,
        idle: 17,
        away: 6,
        needing_help: 57,
        ..Course::default()
    };
    let mut tally = Tally::default();
    (tally.accepted, tally.duplicate) = (21_034, 1_002);
    refuse(&mut tally, DeadLetterReason::BadTimestamp, 2);
    Picture {
        lesson_ms: 623_000,
        is_live: true,
        learners: 300,
        snapshot: Snapshot {
            tally,
            insight: Some(Latency {
                p50_ms: 1.9,
                p99_ms: 6.25,
                count: 100,
            }),
            age_p50_ms: Some(640.0),
            behind_ms: 40,
        },
        rates: (0..200).map(|second| second % 40).collect(),
        course: Some(GetCourseResponse {
            found: true,
            course: Some(course),
            roster: (0..50).map(in_need).collect(),
            ..GetCourseResponse::default()
        }),
        grpc: ([127, 0, 0, 1], 7400).into(),
        http: ([127, 0, 0, 1], 7401).into(),
        zone: TimeZone::UTC,
    }
}

fn drawn(picture: &Picture, columns: usize, rows: usize) -> String {
    picture.draw(columns, rows, false).join("\n")
}

#[test]
fn a_picture_fits_its_terminal_coloured_or_not() {
    for (columns, rows) in [(80, 23), (120, 39), (200, 60), (40, 12), (20, 5)] {
        for is_coloured in [true, false] {
            for picture in [picture(), elsewhere()] {
                let lines = picture.draw(columns, rows, is_coloured);
                assert!(lines.len() <= rows, "{columns}×{rows}: {}", lines.len());
                let widest = lines.iter().map(|line| measure_text_width(line)).max();
                assert!(widest <= Some(columns), "{columns}×{rows}: {widest:?}");
                let has_escapes = lines.iter().any(|line| line.contains('\u{1b}'));
                assert_eq!(has_escapes, is_coloured);
            }
        }
    }
}

/// On other ports, and on a slow machine.
fn elsewhere() -> Picture {
    let mut elsewhere = picture();
    elsewhere.grpc = ([127, 0, 0, 1], 45_123).into();
    elsewhere.snapshot.behind_ms = 2_500;
    elsewhere
}

#[test]
fn a_small_terminal_shows_everything_that_matters() {
    let text = drawn(&picture(), 80, 23);
    for expected in [
        "algebra-1, a simulated class of 300",
        "lesson 10:23  live",
        "268 active   9 watching   17 idle   6 away   57 need help",
        "mia.schmidt       10:42:10  8 wrong in a row on equations · 8 tries at one item",
        "more",
        "p50 1.9 ms, p99 6.2 ms; events 0.6 s old",
        "22,038 = 21,034 accepted + 1,002 duplicate + 0 shadowed + 2 refused",
        "2 bad_timestamp",
        "homeroom-cli -- get mia.schmidt",
        "watch mia.schmidt | course algebra-1 | doctor",
        "http://127.0.0.1:7401/v1/courses/algebra-1",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    assert!(!text.contains("HOMEROOM_ENDPOINT") && !text.contains("behind"));
}

#[test]
fn a_tall_terminal_shows_whole_commands_and_all_reasons() {
    let mut picture = picture();
    for reason in [
        DeadLetterReason::Oversized,
        DeadLetterReason::Malformed,
        DeadLetterReason::MissingField,
        DeadLetterReason::SchemaMismatch,
    ] {
        refuse(&mut picture.snapshot.tally, reason, 3);
    }
    let text = drawn(&picture, 80, 39);
    for expected in [
        "homeroom-cli -- watch mia.schmidt",
        "homeroom-cli -- course algebra-1",
        "homeroom-cli -- doctor",
        "2 bad_timestamp, 3 malformed",
        "3 schema_mismatch",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    let short = drawn(&picture, 80, 23);
    assert!(
        !short.contains("3 schema_mismatch") && short.contains(" …"),
        "{short}"
    );
}

#[test]
fn every_state_that_someone_is_in_has_its_part_of_the_bar() {
    let mut picture = picture();
    let course = picture.course.as_mut().and_then(|of| of.course.as_mut());
    let course = course.expect("a course");
    (course.active, course.watching, course.idle, course.away) = (9_997, 1, 1, 1);
    course.learners = 10_000;
    for columns in [80, 120] {
        let lines = picture.draw(columns, 23, false);
        let bar = lines[3].trim();
        assert_eq!(bar.chars().count(), columns - 10, "{bar}");
        assert!(bar.ends_with("█▓▒░"), "{bar}");
    }
}

#[test]
fn those_who_are_not_shown_are_counted() {
    let lines = picture().draw(80, 23, false);
    let shown = lines
        .iter()
        .filter(|line| line.contains("10:42:10"))
        .count();
    let more = format!("and {} more", 57 - shown);
    assert!(lines.contains(&more), "{lines:#?}");
}

#[test]
fn other_ports_and_a_slow_machine_are_told() {
    let elsewhere = elsewhere();
    let text = drawn(&elsewhere, 80, 24);
    assert!(text.contains("export HOMEROOM_ENDPOINT=http://127.0.0.1:45123"));
    assert!(text.contains("this machine is 2.5 s behind the class"));
    assert!(text_lines::line(&elsewhere).contains("2.5 s behind"));
}

#[test]
fn without_a_course_the_rest_is_shown() {
    let mut empty = picture();
    empty.course = None;
    let text = drawn(&empty, 80, 23);
    assert!(text.contains("the node tells no courses yet"), "{text}");
    assert!(text.contains("homeroom-cli -- get mia.schmidt"), "{text}");
}

#[test]
fn times_and_numbers_read_well() {
    assert_eq!(
        (clock(623_000), clock(3_723_000)),
        ("10:23".to_owned(), "1:02:03".to_owned())
    );
    assert_eq!(grouped(0), "0");
    assert_eq!(grouped(1_234_567), "1,234,567");
    assert_eq!(grouped(123), "123");
}
