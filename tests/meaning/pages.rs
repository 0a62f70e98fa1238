//! Windows in pages: joined, they are all windows at once, whatever is in memory and however small
//! the steps are.

use fastrand::Rng;
use homeroom_core::learner::{
    ALWAYS, PartsSource, TYPES_LISTED_MAX, Window, WindowMaker, WindowQuery, WindowStep,
};
use homeroom_core::shard::ReadPoint;
use homeroom_core::{Settings, WindowShape};
use homeroom_tests::oracle::{self, NaiveEvent, NaiveModel};

use crate::residence::{lesson, some_windows};
use crate::seeds::each_seed;
use crate::watermark::click;
use homeroom_tests::rig::{CoreRig, Delivery, USERS, Unruly, assert_windows, core_event};

const HOUR_MS: i64 = 3_600_000;
const START_MS: i64 = 1_741_168_800_000;
/// Shapes besides those of the lesson: large ones, and steps that overlap often.
const WIDE: [WindowShape; 3] = [
    WindowShape {
        size_ms: HOUR_MS,
        step_ms: 5_000,
    },
    WindowShape {
        size_ms: 2 * HOUR_MS,
        step_ms: 2 * HOUR_MS,
    },
    WindowShape {
        size_ms: 600_000,
        step_ms: 300_000,
    },
];

/// One page, as a node makes it: blocks are read from the store, residents copied in steps. Returns
/// where the next page begins; `None` after the last window.
fn page(
    rig: &CoreRig,
    (user_id, query, at): (&str, &WindowQuery, &ReadPoint),
    (windows_max, counts_max): (usize, usize),
    windows: &mut Vec<Window>,
) -> Option<i64> {
    let learner = &rig.learners[user_id];
    let plan = learner.window_plan(query, at.floor_ms)?;
    let mut maker = WindowMaker::new(query, &plan, at, TYPES_LISTED_MAX);
    let full = windows.len() + windows_max;
    while windows.len() < full {
        match maker.step() {
            WindowStep::Made(window) => windows.push(window),
            WindowStep::Done => return None,
            WindowStep::Needs(from_ms) => maker.add(match plan.source(from_ms) {
                PartsSource::Memory(span_ms) => learner.window_parts(&plan, span_ms, counts_max),
                PartsSource::Stored(block) => {
                    let bytes = rig.stored_block(user_id, block.span_ms.start);
                    let parts = plan.stored_parts(&block, from_ms, bytes);
                    parts.expect("what was written can be read")
                }
            }),
        }
    }
    Some(maker.reached_ms())
}

/// All pages of a query, joined.
fn in_pages(
    rng: &mut Rng,
    rig: &CoreRig,
    (user_id, query, at): (&str, &WindowQuery, &ReadPoint),
) -> Vec<Window> {
    let mut query = query.clone();
    let mut windows = Vec::new();
    let sizes = (rng.usize(1..20), rng.usize(1..10));
    while let Some(next_ms) = page(rig, (user_id, &query, at), sizes, &mut windows) {
        query.from_ms = Some(next_ms);
    }
    windows
}

#[test]
fn pages_joined_are_all_windows_at_once() {
    each_seed("pages::pages_joined_are_all_windows_at_once", 3, |rng| {
        let settings = Settings {
            retention_ms: [HOUR_MS, 24 * HOUR_MS][rng.usize(..2)],
            ..Settings::default()
        };
        let (mut whole, mut sparse) = (CoreRig::new(settings.clone()), CoreRig::new(settings));
        let mut compared = 0;
        for (now_ms, event) in lesson(rng) {
            let delivery = [Delivery::Event(core_event(&event))];
            whole.apply(now_ms, &delivery);
            sparse.apply(now_ms, &delivery);
            match rng.usize(..30) {
                0 => sparse.passivate(&event.user_id),
                1 => sparse.passivate_long(USERS[rng.usize(..USERS.len())]),
                2..20 => sparse.checkpoint(),
                _ => {}
            }
            if rng.usize(..12) > 0 {
                continue;
            }
            let mut query = some_windows(rng, now_ms);
            if rng.bool() {
                query.shape = WIDE[rng.usize(..WIDE.len())];
            }
            let at = whole.at();
            let expected = whole.learners[&event.user_id].windows(&query, &at);
            let got = in_pages(rng, &sparse, (&event.user_id, &query, &at));
            assert_eq!(got, expected, "{query:?}");
            for window in expected.iter().step_by(7) {
                let learner = &whole.learners[&event.user_id];
                let revision = learner.revision(window.start_ms, window.end_ms, &at);
                assert_eq!(
                    (window.state, window.revision),
                    (revision.state, revision.revision)
                );
            }
            compared += expected.len();
        }
        assert!(compared > 200, "hardly any window was compared: {compared}");
    });
}

/// A checkpoint between two steps of a page evicts blocks that the page would take from memory.
#[test]
fn a_page_begins_again_when_blocks_leave_memory() {
    let mut rig = CoreRig::new(Settings::default());
    for number in 0..20 {
        let at_ms = START_MS + number * 60_000;
        rig.apply_one(at_ms, click("lms", &number.to_string(), at_ms));
    }
    rig.checkpoint();
    let query = WindowQuery::all(WindowShape::MINUTE);
    let plan = |rig: &CoreRig| rig.learners["ada"].window_plan(&query, rig.at().floor_ms);
    let before = plan(&rig).expect("she has windows");
    assert!(before.evicted.is_empty());
    assert_eq!(rig.learners["ada"].version(), before.version);
    rig.checkpoint();
    assert!(!rig.learners["ada"].missing_within(&ALWAYS).is_empty());
    assert_ne!(rig.learners["ada"].version(), before.version);
    let after = plan(&rig).expect("she has windows");
    assert_eq!(rig.learners["ada"].version(), after.version);
}

#[test]
fn a_window_lists_its_most_frequent_types_and_sums_the_others() {
    each_seed(
        "pages::a_window_lists_its_most_frequent_types_and_sums_the_others",
        2,
        |rng| {
            let mut rig = CoreRig::new(Settings::default());
            let mut model = NaiveModel::new(oracle::Settings::default());
            let mut unruly = Unruly::new(rng, 60_000);
            let mut now_ms = START_MS;
            for number in 0..500 {
                now_ms += rng.i64(0..1_200);
                // Few types are frequent; many have one event each.
                let named = rng.usize(..250).min(rng.usize(..500));
                let event = NaiveEvent {
                    event_id: number.to_string(),
                    user_id: "ada".to_owned(),
                    event_type: match named {
                        0..20 => ["click", "page_view", "session_start"][named % 3].to_owned(),
                        _ => format!("type {named}"),
                    },
                    session_id: Some("s".to_owned()),
                    timestamp_ms: now_ms,
                    ..unruly.event(rng)
                };
                rig.apply_one(now_ms, core_event(&event));
                model.deliver_event(event);
                if rng.usize(..50) == 0 {
                    rig.checkpoint();
                }
            }
            let naive = model.learners().next().expect("somebody");
            let (whole, at) = (rig.whole("ada"), rig.at());
            assert_windows(&whole, &naive, &at);
            let query = WindowQuery::all(WindowShape {
                size_ms: 300_000,
                step_ms: 60_000,
            });
            let windows = whole.windows(&query, &at);
            assert!(windows.iter().any(|window| window.content.other_types > 20));
            assert_eq!(in_pages(rng, &rig, ("ada", &query, &at)), windows);
        },
    );
}
