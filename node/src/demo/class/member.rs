//! One member of the class: generates acts from the member's persona and the time since the start
//! of the lesson.

use std::collections::VecDeque;

use fastrand::Rng;

use super::personas::{self, Persona};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
/// The skills of the course.
pub(super) const SKILLS: [&str; 5] = ["fractions", "equations", "factoring", "slopes", "exponents"];
/// Items for each skill.
const ITEMS: usize = 12;
/// Pages of the course.
const PAGES: usize = 20;
/// Videos of the course.
const VIDEOS: usize = 30;
/// The video that is left running. It is longer than the demo's past.
const LONG_VIDEO: usize = VIDEOS - 1;
/// Learners arrive within this time after the start of the lesson.
const ARRIVAL_MS: i64 = 90 * SECOND_MS;
/// When stuck, guessing and rewatching learners begin to have trouble.
const TROUBLE_FROM_MS: i64 = 7 * MINUTE_MS;
/// When drifting learners stop.
const DRIFT_FROM_MS: i64 = 3 * MINUTE_MS;
/// When some learners start a video and leave.
const LEAVE_FROM_MS: i64 = 5 * MINUTE_MS;
/// How long an absent learner stays away.
const GONE_MS: i64 = 25 * MINUTE_MS;

/// The length of a video, ms: between two and a half and seven and a half minutes, one much longer.
pub(super) fn video_length_ms(video: usize) -> i64 {
    match i64::try_from(video) {
        Ok(number) if video != LONG_VIDEO => 150_000 + number * 97 % 24 * 13_000,
        _ => 1_260_000,
    }
}

/// An act of a learner.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Enters the lesson.
    Arrive,
    /// Opens a page.
    View(usize),
    /// Clicks on it.
    Click(usize),
    /// Starts a video at a position, ms.
    Play(usize, i64),
    /// Pauses it.
    Pause(usize, i64),
    /// Seeks in it.
    Seek(usize, i64),
    /// Watches it to its end.
    End(usize),
    /// Answers an item.
    Answer {
        /// Index of the skill.
        skill: usize,
        /// Which of the skill's items.
        item: usize,
        /// Whether the answer was right.
        right: bool,
    },
    /// Submits a quiz: its number among this learner's, and points of ten.
    Submit(u32, u32),
    /// A quiz is graded again: its number among this learner's, and points of ten.
    Regrade(u32, u32),
}

/// An act, and the time since the one before.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) after_ms: i64,
    pub(super) act: Act,
}

/// A member of the class.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    persona: Persona,
    rng: Rng,
    /// The share of right answers, 0 to 1.
    ability: f64,
    quizzes: u32,
    steps: VecDeque<Step>,
}

impl Member {
    /// The learner with this index in the class of this seed.
    pub(super) fn new(seed: u64, index: usize) -> Self {
        let own = seed ^ (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut rng = Rng::with_seed(own);
        let mut member = Self {
            name: personas::name(index),
            persona: personas::persona(index),
            ability: 0.92 + 0.08 * rng.f64(),
            rng,
            quizzes: 0,
            steps: VecDeque::new(),
        };
        let arrival_ms = member.rng.i64(0..ARRIVAL_MS);
        member.then(arrival_ms, Act::Arrive);
        member
    }

    /// The next act at `lesson_ms` since the start of the lesson; none for a learner who never
    /// arrives.
    pub(super) fn next(&mut self, lesson_ms: i64) -> Option<Step> {
        if self.persona == Persona::Absent {
            return None;
        }
        if self.steps.is_empty() {
            self.plan(lesson_ms);
        }
        self.steps.pop_front()
    }

    fn plan(&mut self, lesson_ms: i64) {
        let in_trouble = lesson_ms >= TROUBLE_FROM_MS;
        match self.persona {
            Persona::Stuck if in_trouble => self.fail_at_one_item(),
            Persona::Guessing if in_trouble => self.fail_at_one_skill(),
            Persona::Rewatching if in_trouble => self.play_again_and_again(),
            Persona::LeftRunning if lesson_ms >= LEAVE_FROM_MS => self.leave_a_video_running(),
            Persona::Drifting if lesson_ms >= DRIFT_FROM_MS => self.drift_off(),
            Persona::Fading => self.practise(if in_trouble { 0.05 } else { 0.95 }, 20),
            _ => self.go_on(),
        }
    }

    fn go_on(&mut self) {
        match self.rng.u32(0..10) {
            0..=3 => self.read(),
            4..=6 => self.watch(),
            _ => self.practise(self.ability, 5),
        }
    }

    fn read(&mut self) {
        let page = self.rng.usize(..PAGES);
        self.after_seconds(3..9, Act::View(page));
        for _ in 0..self.rng.u32(2..6) {
            self.after_seconds(2..9, Act::Click(page));
        }
    }

    fn watch(&mut self) {
        let video = self.rng.usize(..VIDEOS);
        let length_ms = video_length_ms(video);
        let from_ms = self.rng.i64(0..length_ms / 2);
        let watched_ms = self.rng.i64(12..45) * SECOND_MS;
        self.after_seconds(3..12, Act::Play(video, from_ms));
        if from_ms + watched_ms >= length_ms {
            self.then(length_ms - from_ms, Act::End(video));
            return;
        }
        let at_ms = from_ms + watched_ms;
        if self.rng.u32(0..6) == 0 {
            let to_ms = (at_ms - 20 * SECOND_MS).max(0);
            self.then(watched_ms, Act::Seek(video, to_ms));
            self.then(SECOND_MS, Act::Play(video, to_ms));
            self.then(watched_ms, Act::Pause(video, to_ms + watched_ms));
        } else {
            self.then(watched_ms, Act::Pause(video, at_ms));
        }
    }

    /// Answers items of one skill, then a quiz on them; `pace` is the shortest time for an item, s.
    fn practise(&mut self, ability: f64, pace: i64) {
        let skill = self.rng.usize(..SKILLS.len());
        let count = self.rng.u32(3..6);
        let mut points = 0;
        for _ in 0..count {
            let right = self.rng.f64() < ability;
            points += u32::from(right);
            let item = self.rng.usize(..ITEMS);
            let act = Act::Answer { skill, item, right };
            self.after_seconds(pace..pace + 8, act);
        }
        self.quizzes += 1;
        let points = points * 10 / count;
        self.after_seconds(8..20, Act::Submit(self.quizzes, points));
        if self.rng.u32(0..12) == 0 {
            let mended = (points + 1).min(10);
            self.after_seconds(5..20, Act::Regrade(self.quizzes, mended));
        }
    }

    /// Eight wrong answers, then a right one and a break.
    fn fail_at_one_item(&mut self) {
        let (skill, item) = (self.rng.usize(..SKILLS.len()), self.rng.usize(..ITEMS));
        for attempt in 0..9 {
            let right = attempt == 8;
            self.after_seconds(18..30, Act::Answer { skill, item, right });
        }
        self.read();
        self.watch();
    }

    fn fail_at_one_skill(&mut self) {
        let skill = self.rng.usize(..SKILLS.len());
        let last = self.rng.u32(5..8);
        for attempt in 0..=last {
            let item = self.rng.usize(..ITEMS);
            let right = attempt == last;
            self.after_seconds(22..40, Act::Answer { skill, item, right });
        }
        self.read();
    }

    fn play_again_and_again(&mut self) {
        let video = self.rng.usize(..LONG_VIDEO);
        let from_ms = self.rng.i64(0..60) * SECOND_MS;
        for _ in 0..8 {
            self.after_seconds(2..6, Act::Play(video, from_ms));
            let watched_ms = self.rng.i64(18..35) * SECOND_MS;
            self.then(watched_ms, Act::Pause(video, from_ms + watched_ms));
        }
        self.read();
    }

    fn leave_a_video_running(&mut self) {
        self.after_seconds(2..20, Act::Play(LONG_VIDEO, 0));
        self.then(GONE_MS, Act::View(0));
    }

    fn drift_off(&mut self) {
        self.then(GONE_MS, Act::View(0));
        self.read();
        self.practise(self.ability, 12);
    }

    fn then(&mut self, after_ms: i64, act: Act) {
        self.steps.push_back(Step { after_ms, act });
    }

    fn after_seconds(&mut self, seconds: std::ops::Range<i64>, act: Act) {
        let ms = seconds.start * SECOND_MS..seconds.end * SECOND_MS;
        let after_ms = self.rng.i64(ms);
        self.then(after_ms, act);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All acts of a learner within `until_ms` of the lesson, with their times.
    fn lived(index: usize, until_ms: i64) -> Vec<(i64, Act)> {
        let mut member = Member::new(7, index);
        let (mut lived, mut at_ms) = (Vec::new(), 0);
        while let Some(step) = member.next(at_ms) {
            at_ms += step.after_ms;
            if at_ms > until_ms {
                break;
            }
            lived.push((at_ms, step.act));
        }
        lived
    }

    #[test]
    fn whoever_is_stuck_fails_at_one_item_when_the_lesson_is_looked_at() {
        let lived = lived(0, 10 * MINUTE_MS);
        let answers: Vec<_> = lived
            .iter()
            .filter_map(|(_, act)| match act {
                Act::Answer { skill, item, right } => Some((*skill, *item, *right)),
                _ => None,
            })
            .collect();
        let newest = &answers[answers.len() - 3..];
        let (skill, item, _) = newest[0];
        assert!(newest.iter().all(|answer| *answer == (skill, item, false)));
    }

    #[test]
    fn a_video_is_left_running() {
        let lived = lived(3, 10 * MINUTE_MS);
        let last = lived.last().expect("something was done");
        assert!(matches!(last.1, Act::Play(LONG_VIDEO, 0)), "{last:?}");
    }

    #[test]
    fn one_drifts_off_and_one_does_not_come() {
        let lived_through = lived(29, 10 * MINUTE_MS);
        let (last_ms, _) = lived_through.last().expect("something was done");
        assert!(10 * MINUTE_MS - last_ms >= 5 * MINUTE_MS, "{last_ms}");
        assert_eq!(lived(47, 10 * MINUTE_MS), []);
    }

    #[test]
    fn a_lesson_goes_on_for_hours() {
        let lived = lived(1, 6 * 60 * MINUTE_MS);
        assert!(lived.len() > 500, "{}", lived.len());
    }
}
