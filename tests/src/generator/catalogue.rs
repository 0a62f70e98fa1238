//! The courses, with their pages, videos, quizzes and skills.

use fastrand::Rng;

const VIDEOS_PER_COURSE: usize = 12;

/// One course.
pub(crate) struct Course {
    pub(crate) id: String,
    /// Lengths of the videos; a video's number is its index.
    video_lengths_ms: Vec<i64>,
}

/// A video of a course.
pub(crate) struct Video {
    pub(crate) id: String,
    pub(crate) length_ms: i64,
}

impl Course {
    pub(crate) fn some_video(&self, rng: &mut Rng) -> Video {
        let number = rng.usize(..self.video_lengths_ms.len());
        Video {
            id: format!("{}/video-{number}", self.id),
            length_ms: self.video_lengths_ms[number],
        }
    }

    pub(crate) fn some_page(&self, rng: &mut Rng) -> String {
        format!("{}/page-{}", self.id, rng.u32(..20))
    }

    pub(crate) fn some_quiz(&self, rng: &mut Rng) -> String {
        format!("{}/quiz-{}", self.id, rng.u32(..6))
    }

    pub(crate) fn some_skill(&self, rng: &mut Rng) -> String {
        format!("{}/skill-{}", self.id, rng.u32(..5))
    }
}

/// The courses. One has a name beyond ASCII, as real ones do.
pub(crate) fn courses(count: u32, rng: &mut Rng) -> Vec<Course> {
    let course = |number: u32| Course {
        id: if number == 1 {
            "algèbre-1".to_owned()
        } else {
            format!("course-{number}")
        },
        video_lengths_ms: (0..VIDEOS_PER_COURSE)
            .map(|_| rng.i64(120_000..900_000))
            .collect(),
    };
    (0..count.max(1)).map(course).collect()
}
