//! Properties of the generated events.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::*;

const START_MS: i64 = 1_772_438_400_000;
const POPULATION: Population = Population {
    learners: 500,
    courses: 7,
};

fn run(seed: u64) -> Run {
    Run {
        seed,
        start_ms: START_MS,
    }
}

/// Batches of 100 of one source, 10 ms apart.
fn lived(run: Run, source: Source, batches: i64) -> Vec<v1::Event> {
    let mut generator = Generator::new(run, source, POPULATION);
    (0..batches)
        .flat_map(|k| generator.batch(100, START_MS + k * 10))
        .collect()
}

fn event_ms(event: &v1::Event) -> i64 {
    let at = event.timestamp.expect("every event has a time");
    at.seconds * 1_000 + i64::from(at.nanos) / 1_000_000
}

#[test]
fn one_seed_and_start_give_the_same_events() {
    for source in Source::ALL {
        assert!(lived(run(1), source, 20) == lived(run(1), source, 20));
        assert!(lived(run(1), source, 20) != lived(run(2), source, 20));
    }
}

#[test]
fn no_two_runs_have_an_event_in_common_not_even_of_one_seed() {
    let later = Run {
        start_ms: START_MS + 1,
        ..run(1)
    };
    let mut seen: HashMap<String, v1::Event> = HashMap::new();
    let mut arrivals = |run| Arrivals::new(run, POPULATION, 900).batch(10_000, START_MS);
    let mut all: Vec<v1::Event> = [run(1), run(2), later]
        .into_iter()
        .flat_map(&mut arrivals)
        .collect();
    for run in [run(1), run(2), later] {
        all.extend(
            Source::ALL
                .into_iter()
                .flat_map(|source| lived(run, source, 30)),
        );
    }
    for event in all {
        assert!(
            (16..=24).contains(&event.event_id.len()),
            "{}",
            event.event_id
        );
        let known = seen
            .entry(event.event_id.clone())
            .or_insert_with(|| event.clone());
        assert_eq!(*known, event, "one id, one content");
    }
}

#[test]
fn one_of_a_hundred_is_a_repetition_with_the_same_content() {
    for source in Source::ALL {
        let events = lived(run(3), source, 300);
        let ids: BTreeSet<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
        let repeated = events.len() - ids.len();
        assert!((150..600).contains(&repeated), "{repeated} of 30,000");
    }
}

#[test]
fn most_events_are_a_second_old_at_most_and_none_older_than_three_minutes_or_of_the_future() {
    let mut generator = Generator::new(run(4), Source::Lms, POPULATION);
    let mut ages: Vec<i64> = Vec::new();
    let mut seen = BTreeSet::new();
    for k in 0..500 {
        let at_ms = START_MS + k * 10;
        for event in generator.batch(100, at_ms) {
            if seen.insert(event.event_id.clone()) {
                ages.push(at_ms - event_ms(&event));
            }
        }
    }
    let share = |from: i64, to: i64| {
        let within = ages.iter().filter(|age| (from..to).contains(*age));
        within.count() as f64 / ages.len() as f64
    };
    assert!(share(0, 1_000) > 0.94, "within a second");
    assert!((0.02..0.06).contains(&share(1_000, 8_000)), "within eight");
    assert!((0.001..0.006).contains(&share(8_000, delay::DELAY_MAX_MS)));
    assert!(
        ages.iter()
            .all(|age| (0..delay::DELAY_MAX_MS).contains(age))
    );
}

#[test]
fn all_learners_are_equally_active_in_no_order() {
    let events = lived(run(5), Source::Video, 1_000);
    let mut by_learner: BTreeMap<&str, usize> = BTreeMap::new();
    for event in &events {
        *by_learner.entry(event.user_id.as_str()).or_default() += 1;
    }
    assert_eq!(by_learner.len(), POPULATION.learners as usize);
    assert!(by_learner.values().all(|count| (100..320).contains(count)));
    let ascents = events
        .windows(2)
        .filter(|pair| pair[0].user_id < pair[1].user_id);
    assert!((45_000..55_000).contains(&ascents.count()));
}

#[test]
fn each_source_publishes_its_own_types_with_what_belongs_to_them() {
    let types = |source| -> BTreeSet<String> {
        let events = lived(run(6), source, 50);
        events.iter().for_each(|event| check(event, source));
        events.into_iter().map(|event| event.event_type).collect()
    };
    let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let lms: BTreeSet<String> = of(&["page_view", "click", "session_start", "session_end"]);
    assert_eq!(types(Source::Lms), lms);
    let quiz: BTreeSet<String> = of(&["question_answered", "quiz_submitted", "score_updated"]);
    assert_eq!(types(Source::Assessment), quiz);
    let video: BTreeSet<String> = of(&[
        "video_played",
        "video_paused",
        "video_seeked",
        "video_ended",
    ]);
    assert_eq!(types(Source::Video), video);
}

fn check(event: &v1::Event, source: Source) {
    assert_eq!(event.source, source.name());
    assert!(
        event.user_id.starts_with("learner-") && event.session_id.len() == 14,
        "{event:?}"
    );
    assert!(event.course_id.starts_with("course-"), "{event:?}");
    let is_scored = event
        .score
        .zip(event.max_score)
        .is_some_and(|(score, max)| (0.0..=max).contains(&score));
    let is_right = match event.event_type.as_str() {
        "session_start" | "session_end" => event.object_id.is_empty(),
        "page_view" | "click" => event.object_id.starts_with("page-"),
        "question_answered" => {
            event.skill_id.starts_with("skill-") && (is_scored != event.success.is_some())
        }
        "quiz_submitted" | "score_updated" => is_scored && !event.attempt_id.is_empty(),
        _ => event.object_id.starts_with("video-") && event.position_ms <= event.length_ms,
    };
    assert!(is_right, "{event:?}");
}

#[test]
fn a_changed_score_is_of_a_learners_own_attempt() {
    let events = lived(run(7), Source::Assessment, 200);
    let begun: HashMap<&str, &str> = events
        .iter()
        .filter(|event| event.event_type == "quiz_submitted")
        .map(|event| (event.attempt_id.as_str(), event.user_id.as_str()))
        .collect();
    let changed: Vec<_> = events
        .iter()
        .filter(|event| event.event_type == "score_updated")
        .collect();
    assert!(changed.len() > 100);
    for event in changed {
        assert_eq!(
            begun.get(event.attempt_id.as_str()),
            Some(&event.user_id.as_str())
        );
    }
}

#[test]
fn a_watched_event_is_an_interaction_and_the_newest() {
    for source in Source::ALL
        .into_iter()
        .filter(|source| source.has_interactions())
    {
        let mut generator = Generator::new(run(8), source, POPULATION);
        let event = generator.newest_interaction(START_MS);
        assert_eq!(event_ms(&event), START_MS);
        assert!(["page_view", "click", "video_played"].contains(&event.event_type.as_str()));
    }
}

#[test]
fn everyone_arrives_once_those_who_came_earlier_first_and_in_order_of_time() {
    let mut arrivals = Arrivals::new(run(9), POPULATION, 2_000);
    let mut events = Vec::new();
    loop {
        let batch = arrivals.batch(100, START_MS);
        if batch.is_empty() {
            break;
        }
        assert!(batch.len() <= 101);
        events.extend(batch);
    }
    assert!(events.is_sorted_by_key(event_ms));
    let learners: BTreeSet<&str> = events.iter().map(|event| event.user_id.as_str()).collect();
    assert_eq!(learners.len(), 2_000);
    let (earlier, active) = events.split_at(events.len() - 500);
    assert_eq!(earlier.len(), 1_500 + 750, "one or two events each");
    assert!(
        earlier
            .iter()
            .all(|event| event_ms(event) <= START_MS - 5 * 60_000)
    );
    assert!(
        active
            .iter()
            .all(|event| event.event_type == "session_start")
    );
}

/// Prints the cost of an event. There is no limit to assert: the machine may be busy.
#[test]
fn the_cost_of_an_event_is_told() {
    let mut generator = Generator::new(run(10), Source::Lms, POPULATION);
    let begun = std::time::Instant::now();
    let events: usize = (0..2_000)
        .map(|_| generator.batch(100, START_MS).len())
        .sum();
    let nanos = begun.elapsed().as_nanos() / events as u128;
    println!("{nanos} ns an event, built as tests are");
}
