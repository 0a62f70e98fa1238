//! A file of events, with the model of what they must give.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use homeroom_tests::generator::{EventLines, GeneratorSettings};
use homeroom_tests::oracle::{NaiveModel, Settings};

use super::home::Home;

/// Lines on disk, and in memory.
pub struct Input {
    pub path: PathBuf,
    pub lines: Vec<String>,
}

impl Input {
    /// Writes a generated file into a home's folder.
    pub fn generate(home: &Home, settings: GeneratorSettings) -> Input {
        Input::of(home, EventLines::new(settings).collect())
    }

    /// Writes these lines.
    pub fn of(home: &Home, lines: Vec<String>) -> Input {
        let path = home.folder().join("events.jsonl");
        fs::write(&path, lines.join("\n") + "\n").expect("a file of events");
        Input { path, lines }
    }

    /// The file's name, as an argument.
    pub fn name(&self) -> &str {
        self.path.to_str().expect("a UTF-8 path")
    }

    /// The same, gzipped.
    pub fn packed(&self) -> PathBuf {
        let path = self.path.with_extension("jsonl.gz");
        let file = File::create(&path).expect("a packed file");
        let mut packer = GzEncoder::new(file, Compression::fast());
        let packed = packer.write_all(&fs::read(&self.path).expect("the file of events"));
        packed
            .and_then(|()| packer.finish())
            .expect("a packed file");
        path
    }

    /// The model after `times` deliveries of all lines over gRPC.
    pub fn model(&self, times: usize) -> NaiveModel {
        let mut model = NaiveModel::new(settings());
        for line in (0..times).flat_map(|_| &self.lines) {
            model.deliver_native(line.as_bytes());
        }
        model
    }
}

/// The model's settings for events that arrive over gRPC now.
pub fn settings() -> Settings {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_ms = now.map_or(0, |now| now.as_millis());
    Settings {
        now_ms: i64::try_from(now_ms).ok(),
        listener: "listener:grpc".into(),
        ..Settings::default()
    }
}
