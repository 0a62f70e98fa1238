//! Compiles the .proto files with protox, so that a build needs no `protoc`.

use std::{env, fs, path::PathBuf};

use prost::Message;

const FILES: [&str; 6] = [
    "homeroom/v1/common.proto",
    "homeroom/v1/ingest.proto",
    "homeroom/v1/learner.proto",
    "homeroom/v1/course.proto",
    "homeroom/v1/dead_letter.proto",
    "homeroom/v1/cluster.proto",
];

/// Messages that are also written as JSON, with the field names of protobuf's JSON form.
const SHOWN_AS_JSON: [&str; 34] = [
    "Freshness",
    "SourceFreshness",
    "LearnerProfile",
    "Window",
    "OtherEventTypes",
    "Session",
    "CourseMembership",
    "HelpReason",
    "Interaction",
    "Assessment",
    "Accuracy",
    "SkillAccuracy",
    "DeadLetterGroup",
    "SourceCounters",
    "Settings",
    "AuthoritativeSources",
    "SourcePolicy",
    "NodeDescription",
    "ShardDescription",
    "Course",
    "RosterEntry",
    "CourseWindow",
    "Finding",
    "RedriveResponse",
    "RefusedAgain",
    "DiscardResponse",
    "GetLearnerResponse",
    "ListWindowsResponse",
    "WatchLearnerResponse",
    "ListCoursesResponse",
    "GetCourseResponse",
    "ListCourseWindowsResponse",
    "WatchCourseResponse",
    "EventOutcome",
];

/// Enum fields of these messages, and the function that writes their names.
const ENUMS: [(&str, &str); 11] = [
    ("Window.state", "window_state"),
    ("CourseMembership.status", "learner_status"),
    ("DeadLetterGroup.reason", "dead_letter_reason"),
    ("Settings.late_policy", "late_policy"),
    ("SourcePolicy.actor_form", "actor_form"),
    ("RosterEntry.status", "learner_status"),
    ("CourseWindow.state", "window_state"),
    ("Finding.severity", "severity"),
    ("RefusedAgain.reason", "dead_letter_reason"),
    ("EventOutcome.status", "event_status"),
    ("EventOutcome.reason", "dead_letter_reason"),
];

/// Messages written by hand: they hold events as the bytes in which they arrived.
const BY_HAND: [&str; 2] = ["PublishRequest", "PublishStreamRequest"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=homeroom");
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;

    let mut config = tonic_prost_build::configure()
        .bytes(".homeroom.v1")
        .btree_map(".homeroom.v1");
    for message in SHOWN_AS_JSON {
        config = config
            .type_attribute(
                format!(".homeroom.v1.{message}"),
                "#[derive(serde::Serialize)]",
            )
            .type_attribute(
                format!(".homeroom.v1.{message}"),
                "#[serde(rename_all = \"camelCase\")]",
            );
    }
    for (field, function) in ENUMS {
        config = config.field_attribute(
            format!(".homeroom.v1.{field}"),
            format!("#[serde(serialize_with = \"crate::json::{function}\")]"),
        );
    }
    for message in BY_HAND {
        config = config.extern_path(
            format!(".homeroom.v1.{message}"),
            format!("crate::requests::{message}"),
        );
    }
    config.compile_fds(descriptors)?;
    Ok(())
}
