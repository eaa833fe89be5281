//! A greeting that agents can name: as long as it plays, a call stays.

use std::time::Duration;

use crate::support::guard;

/// The file's name, for an agent.
pub const NAME: &str = "long.wav";

/// A folder with one greeting: silence.
pub struct Greeting(tempfile::TempDir);

impl Greeting {
    pub fn lasting(time: Duration) -> Self {
        let folder = guard::folder();
        let format = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let file = hound::WavWriter::create(folder.path().join(NAME), format);
        let mut file = file.expect("the folder is writable");
        for _ in 0..time.as_millis() * 8 {
            file.write_sample(0_i16).expect("the folder has room");
        }
        file.finalize().expect("the folder has room");
        Self(folder)
    }

    /// The value of `RINGFLEET_MEDIA__GREETINGS`.
    pub fn folder(&self) -> &str {
        self.0.path().to_str().expect("a plain path")
    }
}
