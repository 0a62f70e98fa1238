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
const SHOWN_AS_JSON: [&str; 35] = [
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
    "EntryHash",
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

/// Enum fields of these messages, the function that writes their names, and their type.
const ENUMS: [(&str, &str, &str); 12] = [
    ("ShardDescription.role", "replica_role", "ReplicaRole"),
    ("Window.state", "window_state", "WindowState"),
    ("CourseMembership.status", "learner_status", "LearnerStatus"),
    (
        "DeadLetterGroup.reason",
        "dead_letter_reason",
        "DeadLetterReason",
    ),
    ("Settings.late_policy", "late_policy", "LatePolicy"),
    ("SourcePolicy.actor_form", "actor_form", "ActorForm"),
    ("RosterEntry.status", "learner_status", "LearnerStatus"),
    ("CourseWindow.state", "window_state", "WindowState"),
    ("Finding.severity", "severity", "Severity"),
    (
        "RefusedAgain.reason",
        "dead_letter_reason",
        "DeadLetterReason",
    ),
    ("EventOutcome.status", "event_status", "EventStatus"),
    (
        "EventOutcome.reason",
        "dead_letter_reason",
        "DeadLetterReason",
    ),
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
            )
            .type_attribute(
                format!(".homeroom.v1.{message}"),
                "#[cfg_attr(feature = \"openapi\", derive(utoipa::ToSchema))]",
            );
    }
    for (field, function, name) in ENUMS {
        config = config
            .field_attribute(
                format!(".homeroom.v1.{field}"),
                format!("#[serde(serialize_with = \"crate::json::{function}\")]"),
            )
            .field_attribute(
                format!(".homeroom.v1.{field}"),
                format!("#[cfg_attr(feature = \"openapi\", schema(value_type = {name}))]"),
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
