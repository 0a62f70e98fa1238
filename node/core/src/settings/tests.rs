//! Tests of bounds and of the stored form.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    ActorForm, CHANGE_BYTES_MAX, LatePolicy, SETTINGS_BYTES_MAX, Settings, SettingsChange,
    SkillFrom, SourcePolicy, WindowShape,
    stored::{ChangeBefore, SettingsBefore},
};
use crate::{
    cluster::{ClusterCommand, ClusterState},
    entry::{Command, Entry},
    shard::ShardState,
};

/// What the build before wrote: an entry of a shard, a shard's state, the founding, a change, and
/// the control plane's state.
const ENTRY: &str = "0106020980e0fcb70602040101047175697a0104746f6f6c01036c6d7301000101010a01e0d403904e01056472696c6c";
const SHARD: &str = "030980e0fcb70602040101047175697a0104746f6f6c01036c6d7301000101010a01e0d403904e01056472696c6c00d00f0001036c6d7301000000000100010000d00f000001000000bff583808080808080010000";
const FOUNDING: &str = "01000163020101610980e0fcb70602040101047175697a0104746f6f6c01036c6d7301000101010a01e0d403904e01056472696c6c";
const CHANGE: &str = "01010180f4ee060000010001047175697a01036c6d73010373697301000101010a0100";
const CLUSTER: &str = "0101016301010161020101020101010301040980e0fcb70602040101047175697a0104746f6f6c01036c6d7301000101010a01e0d403904e01056472696c6c";

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn policy() -> SourcePolicy {
    SourcePolicy {
        ordered: true,
        drop_unknown_fields: true,
        actor_form: ActorForm::HomePageAndName,
        delay_ms: Some(5),
        ..SourcePolicy::default()
    }
}

fn written() -> Settings {
    Settings {
        version: 9,
        retention_ms: 864_000_000,
        allowed_lateness_ms: 1,
        source_delay_ms: 2,
        late_policy: LatePolicy::DeadLetter,
        authority: BTreeMap::from([("quiz".to_owned(), ["tool".to_owned()].into())]),
        sources: BTreeMap::from([("lms".to_owned(), policy())]),
        windows: vec![WindowShape::SLIDING],
        poison_drill_type: Some("drill".to_owned()),
        ..Settings::default()
    }
}

#[test]
fn what_the_build_before_stored_is_read_with_the_defaults_of_new_settings() {
    let entry = bytes(ENTRY);
    let entry = Entry::decode(&entry).unwrap();
    assert_eq!(entry.command, Command::Settings(Box::new(written())));
    let shard = ShardState::restore(&bytes(SHARD), std::iter::empty()).unwrap();
    assert_eq!(**shard.settings(), written());
    assert_eq!(shard.counters()["lms"].received, 1);
    let mut founded = ClusterState::default();
    let apply = |state: &mut ClusterState, index, entry: &[u8]| {
        let command = ClusterCommand::decode(entry).unwrap();
        state.apply(index, entry, command).unwrap();
    };
    apply(&mut founded, 1, &bytes(FOUNDING));
    let stored = ClusterState::decode(&bytes(CLUSTER)).unwrap();
    assert_eq!(founded.founded, stored.founded);
    assert_eq!(stored.entry_hash.since_index(), None);
    apply(&mut founded, 2, &bytes(CHANGE));
    let changed = founded.founded.clone().unwrap().settings;
    let expected = Settings {
        version: 10,
        retention_ms: 7_200_000,
        late_policy: LatePolicy::Amend,
        authority: BTreeMap::from([("quiz".to_owned(), ["lms".to_owned()].into())]),
        sources: BTreeMap::from([("lms".to_owned(), policy()), ("sis".to_owned(), policy())]),
        poison_drill_type: None,
        ..written()
    };
    assert_eq!(changed, expected);
    // And what this build writes of it.
    assert_eq!(ClusterState::decode(&founded.encode()), Ok(founded));
    let again = ShardState::restore(&shard.encode(), std::iter::empty());
    assert_eq!(again, Ok(shard));
}

#[test]
fn an_unknown_version_of_settings_is_refused_by_name() {
    let mut newer = Settings::default().encode();
    newer[0] = 9;
    assert_eq!(
        Settings::decode(&newer),
        Err(crate::DecodeError::UnknownVersion(9))
    );
}

fn named(name: &str) -> SettingsChange {
    SettingsChange {
        sources: BTreeMap::from([(name.to_owned(), policy())]),
        ..SettingsChange::default()
    }
}

#[test]
fn iris_of_skills_are_bounded_and_printable() {
    let with = |iri: &str| {
        let skill_from = Some(SkillFrom::DefinitionExtension(iri.to_owned()));
        let policy = SourcePolicy {
            skill_from,
            ..policy()
        };
        let change = SettingsChange {
            sources: BTreeMap::from([("lms".to_owned(), policy)]),
            ..SettingsChange::default()
        };
        Settings::default().changed(&change)
    };
    let longest = "i".repeat(1_024);
    let settings = with(&longest).unwrap();
    assert_eq!(Settings::decode(&settings.encode()), Ok(settings));
    for wrong in ["", "a\u{1b}[2J", &format!("{longest}i")] {
        let error = with(wrong).unwrap_err().to_string();
        assert!(error.contains("skill-from") && error.len() < 200, "{error}");
    }
}

#[test]
fn names_are_bounded_and_printable() {
    let settings = Settings::default();
    let longest = "n".repeat(1_024);
    assert!(settings.changed(&named(&longest)).is_ok());
    for wrong in ["", "a\u{1b}[2J", "a\nb", &"n".repeat(1_025)] {
        let sources = named(wrong);
        let of_type = SettingsChange {
            authority: BTreeMap::from([(wrong.to_owned(), ["lms".to_owned()].into())]),
            ..SettingsChange::default()
        };
        let of_source = SettingsChange {
            authority: BTreeMap::from([("quiz".to_owned(), [wrong.to_owned()].into())]),
            ..SettingsChange::default()
        };
        for change in [sources, of_type, of_source] {
            let error = settings.changed(&change).unwrap_err();
            assert!(error.to_string().len() < 200, "{error}");
        }
    }
    let drill = |name: String| SettingsChange {
        poison_drill_type: Some(name),
        ..SettingsChange::default()
    };
    assert!(settings.changed(&drill("n".repeat(1_025))).is_err());
    assert!(settings.changed(&drill(String::new())).is_ok());
}

#[test]
fn a_default_policy_removes_the_entry() {
    let settings = Settings::default().changed(&named("lms")).unwrap();
    let removal = SettingsChange {
        sources: BTreeMap::from([("lms".to_owned(), SourcePolicy::default())]),
        ..SettingsChange::default()
    };
    assert!(settings.changed(&removal).unwrap().sources.is_empty());
}

#[test]
fn a_learners_bytes_have_bounds() {
    let change = |learner_bytes_max| SettingsChange {
        learner_bytes_max: Some(learner_bytes_max),
        ..SettingsChange::default()
    };
    let changed = |bytes| Settings::default().changed(&change(bytes));
    assert_eq!(Settings::default().learner_bytes_max, 1 << 20);
    assert_eq!(changed(64 << 10).unwrap().learner_bytes_max, 64 << 10);
    assert!(changed(16 << 20).is_ok());
    for outside in [0, (64 << 10) - 1, (16 << 20) + 1, u64::MAX] {
        assert!(changed(outside).is_err(), "{outside}");
    }
}

/// Changes of a build without bounds in bytes: the log has them, so they apply.
#[test]
fn earlier_changes_apply_whatever_their_size_and_leave_bounded_settings() {
    let mut settings = Settings::default();
    for number in 0..5 {
        let change = named(&format!("n{number}{}", "x".repeat(3_500_000)));
        settings = settings.changed_as_before(&change).unwrap();
    }
    settings = settings.changed_as_before(&named("lms")).unwrap();
    assert_eq!(settings.version, 7);
    assert_eq!(settings.sources.keys().collect::<Vec<_>>(), ["lms"]);
    // Of names that events can have there may be more than a change adds now. They stay, may go,
    // and nothing comes in addition.
    let many = |of: std::ops::Range<u32>| SettingsChange {
        authority: BTreeMap::from([(
            "quiz".to_owned(),
            of.map(|number| format!("{number:01000}")).collect(),
        )]),
        ..SettingsChange::default()
    };
    let large = settings.changed_as_before(&many(0..1_200)).unwrap();
    assert!(large.encode().len() > SETTINGS_BYTES_MAX);
    let retention = SettingsChange {
        retention_ms: Some(7_200_000),
        ..SettingsChange::default()
    };
    assert!(large.changed(&retention).is_ok());
    assert!(large.changed(&named("sis")).is_err());
    assert!(
        large
            .changed(&many(0..0))
            .unwrap()
            .changed(&named("sis"))
            .is_ok()
    );
    // Above what a record holds the lists go.
    let huge = large.changed_as_before(&many(0..12_000)).unwrap();
    assert_eq!((huge.version, huge.authority.len()), (large.version + 1, 0));
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        400 => (1..=256_usize, "[a-z]{4}").prop_map(|(times, name)| name.repeat(times)),
        400 => "[a-zé ]{1,3}",
        1 => (".{0,4}", 1..300_usize).prop_map(|(name, times)| name.repeat(times)),
    ]
}

fn any_policy() -> impl Strategy<Value = SourcePolicy> {
    let skill_from = any_name().prop_map(SkillFrom::ContextExtension);
    (
        any::<bool>(),
        proptest::option::of(0..=3_600_000_i64),
        proptest::option::of(skill_from),
    )
        .prop_map(|(ordered, delay_ms, skill_from)| SourcePolicy {
            ordered,
            delay_ms,
            skill_from,
            ..SourcePolicy::default()
        })
}

fn any_change() -> impl Strategy<Value = SettingsChange> {
    use proptest::collection::{btree_map, btree_set};
    (
        btree_map(any_name(), btree_set(any_name(), 0..40), 0..20),
        btree_map(any_name(), any_policy(), 0..60),
        proptest::option::of(any_name()),
        proptest::option::of(0..18_000_000_u64),
    )
        .prop_map(
            |(authority, sources, poison_drill_type, learner_bytes_max)| SettingsChange {
                authority,
                sources,
                poison_drill_type,
                learner_bytes_max,
                ..SettingsChange::default()
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever changes are accepted, the settings and each change fit their bounds, and every
    /// state comes back from its encoding.
    #[test]
    fn accepted_changes_stay_within_the_bounds(changes in proptest::collection::vec(any_change(), 1..8)) {
        let mut settings = Settings::default();
        for change in changes {
            let Ok(changed) = settings.changed(&change) else { continue };
            let encoded = changed.encode();
            prop_assert!(encoded.len() <= SETTINGS_BYTES_MAX);
            prop_assert!(changed.validate().is_ok());
            prop_assert_eq!(&Settings::decode(&encoded), &Ok(changed.clone()));
            let command = ClusterCommand::Change(change);
            let bytes = command.encode();
            prop_assert!(bytes.len() <= CHANGE_BYTES_MAX);
            prop_assert_eq!(ClusterCommand::decode(&bytes), Ok(command));
            settings = changed;
        }
    }

    /// Nothing that is no encoding is read as one, and reading never panics.
    #[test]
    fn damaged_settings_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Settings::decode(&bytes);
        let _ = postcard::from_bytes::<SettingsBefore>(&bytes);
        let _ = postcard::from_bytes::<ChangeBefore>(&bytes);
    }
}
