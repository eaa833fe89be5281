//! Loads a greeting from a WAV file of almost any kind.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use hound::{SampleFormat, WavReader, WavSpec};

use super::{SAMPLE_RATE, resample::Resampler};

/// Longest greeting, in seconds.
pub const MOST_SECONDS: u32 = 600;
/// Frames converted at a time.
const PIECE: usize = 4096;

/// Why a file cannot be a greeting.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// The file is missing or cannot be read.
    #[error("cannot read the file: {0}")]
    Io(#[from] std::io::Error),
    /// It is no WAV file, or a damaged one.
    #[error("not a WAV file: {0}")]
    NotWav(&'static str),
    /// A WAV file, but compressed; convert it to PCM.
    #[error(
        "the WAV file is compressed; convert it to PCM, for example with `sox in.wav -e signed -b 16 out.wav`"
    )]
    Compressed,
    /// Neither mono nor stereo.
    #[error("{0} channels; only mono and stereo are understood")]
    Channels(u16),
    /// A sampling rate out of bounds.
    #[error("{0} Hz; only 8000 to 48000 Hz is understood")]
    Rate(u32),
    /// A sample size out of the ordinary.
    #[error("{0} bits a sample; only 8, 16, 24 and 32 are understood")]
    Bits(u16),
    /// Longer than ten minutes.
    #[error("longer than {MOST_SECONDS} s")]
    TooLong,
    /// No audio in it.
    #[error("there is no audio in the file")]
    Empty,
}

impl From<hound::Error> for WavError {
    fn from(error: hound::Error) -> Self {
        match error {
            hound::Error::IoError(error) if cut_short(&error) => Self::NotWav("it ends too early"),
            hound::Error::IoError(error) => Self::Io(error),
            hound::Error::FormatError("no RIFF tag found") => Self::NotWav("it does not begin with RIFF"),
            hound::Error::FormatError(why) => Self::NotWav(why),
            hound::Error::Unsupported => Self::Compressed,
            _ => Self::NotWav("its samples do not fit their declared size"),
        }
    }
}

/// Reads a PCM WAV file (8, 16, 24 or 32 bit, or float; mono or stereo; 8 to 48 kHz) as 8 kHz mono. Blocks on the disk.
///
/// Stereo is mixed. A file cut short, or written by a pipe without knowing its length, is read as far as it goes.
///
/// # Errors
/// Says what is wrong with the file in words an operator can act on.
pub fn load_greeting(path: &Path) -> Result<Vec<i16>, WavError> {
    read_wav(BufReader::new(File::open(path)?))
}

/// The same from wherever the file comes.
///
/// # Errors
/// As for [`load_greeting`].
pub fn read_wav(file: impl Read) -> Result<Vec<i16>, WavError> {
    let mut reader = WavReader::new(file)?;
    let spec = reader.spec();
    check(spec)?;
    let mut mixer = Mixer::new(spec);
    match spec.sample_format {
        SampleFormat::Float => {
            for sample in reader.samples::<f32>() {
                if !mixer.take(sample, 32_767.0)? {
                    break;
                }
            }
        }
        SampleFormat::Int => read_integers(&mut reader, &mut mixer)?,
    }
    mixer.finish()
}

/// Brings samples without a header, 16 bit, little-endian, mono, to 8 kHz. Half a sample at the end is left out.
///
/// # Errors
/// When the rate is out of bounds, or there is no audio, or more than ten minutes of it.
pub fn read_samples(bytes: &[u8], sample_rate: u32) -> Result<Vec<i16>, WavError> {
    let spec = WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    check(spec)?;
    let mut mixer = Mixer::new(spec);
    for sample in bytes.as_chunks().0 {
        mixer.take(Ok(f32::from(i16::from_le_bytes(*sample))), 1.0)?;
    }
    mixer.finish()
}

fn read_integers<R: Read>(reader: &mut WavReader<R>, mixer: &mut Mixer) -> Result<(), WavError> {
    // 8 bits become 16 by a factor of 256, 24 bits by 1/256.
    let scale = f32::powi(2.0, 16 - i32::from(reader.spec().bits_per_sample));
    for sample in reader.samples::<i32>() {
        if !mixer.take(sample.map(|sample| sample as f32), scale)? {
            break;
        }
    }
    Ok(())
}

fn check(spec: WavSpec) -> Result<(), WavError> {
    if !matches!(spec.channels, 1 | 2) {
        return Err(WavError::Channels(spec.channels));
    }
    if !(SAMPLE_RATE..=48_000).contains(&spec.sample_rate) {
        return Err(WavError::Rate(spec.sample_rate));
    }
    if !matches!(spec.bits_per_sample, 8 | 16 | 24 | 32) {
        return Err(WavError::Bits(spec.bits_per_sample));
    }
    Ok(())
}

/// Makes mono of the channels and 8 kHz of the rate, a piece at a time.
struct Mixer {
    channels: usize,
    left: Option<f32>,
    piece: Vec<f32>,
    frames: u64,
    most_frames: u64,
    resampler: Option<Resampler>,
    out: Vec<i16>,
}

impl Mixer {
    fn new(spec: WavSpec) -> Self {
        Self {
            channels: usize::from(spec.channels),
            left: None,
            piece: Vec::with_capacity(PIECE),
            frames: 0,
            most_frames: u64::from(MOST_SECONDS) * u64::from(spec.sample_rate),
            resampler: (spec.sample_rate != SAMPLE_RATE).then(|| Resampler::new(spec.sample_rate)),
            out: Vec::new(),
        }
    }

    /// Takes the next sample; false at the end of a file cut short.
    fn take(&mut self, sample: Result<f32, hound::Error>, scale: f32) -> Result<bool, WavError> {
        let sample = match sample {
            Ok(sample) if sample.is_finite() => sample * scale,
            Ok(_) => 0.0,
            Err(hound::Error::IoError(error)) if cut_short(&error) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mono = match (self.channels, self.left.take()) {
            (1, _) => sample,
            (_, Some(left)) => (left + sample) / 2.0,
            (_, None) => {
                self.left = Some(sample);
                return Ok(true);
            }
        };
        self.frames += 1;
        if self.frames > self.most_frames {
            return Err(WavError::TooLong);
        }
        self.piece.push(mono);
        if self.piece.len() == PIECE {
            self.convert();
        }
        Ok(true)
    }

    fn convert(&mut self) {
        match &mut self.resampler {
            Some(resampler) => resampler.push(&self.piece, &mut self.out),
            None => self.out.extend(self.piece.iter().map(|sample| sample.round() as i16)),
        }
        self.piece.clear();
    }

    fn finish(mut self) -> Result<Vec<i16>, WavError> {
        if self.frames == 0 {
            return Err(WavError::Empty);
        }
        self.convert();
        if let Some(resampler) = self.resampler {
            resampler.finish(&mut self.out);
        }
        Ok(self.out)
    }
}

/// hound reports a missing sample as `UnexpectedEof`, or as `Other` with a text of its own.
fn cut_short(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::UnexpectedEof || error.to_string() == "Failed to read enough bytes."
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::{super::resample::sine, *};

    fn write(folder: &Path, spec: WavSpec, seconds: u32) -> PathBuf {
        let path =
            folder.join(format!("{}-{}-{}.wav", spec.channels, spec.sample_rate, spec.bits_per_sample));
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        for sample in sine(440.0, spec.sample_rate, (seconds * spec.sample_rate) as usize) {
            for _ in 0..spec.channels {
                match spec.sample_format {
                    SampleFormat::Float => writer.write_sample(sample / 32_767.0).unwrap(),
                    SampleFormat::Int => {
                        let scale = f64::powi(2.0, i32::from(spec.bits_per_sample) - 16);
                        writer.write_sample((f64::from(sample) * scale) as i32).unwrap();
                    }
                }
            }
        }
        writer.finalize().unwrap();
        path
    }

    fn spec(channels: u16, sample_rate: u32, bits_per_sample: u16, sample_format: SampleFormat) -> WavSpec {
        WavSpec { channels, sample_rate, bits_per_sample, sample_format }
    }

    #[test]
    fn every_kind_of_pcm_gives_the_same_sound() {
        let folder = tempfile::tempdir().unwrap();
        let expected = sine(440.0, 8000, 8000);
        for (bits, format) in [
            (8, SampleFormat::Int),
            (16, SampleFormat::Int),
            (24, SampleFormat::Int),
            (32, SampleFormat::Int),
            (32, SampleFormat::Float),
        ] {
            for (channels, rate) in [(1, 8000), (2, 8000), (1, 16_000), (2, 44_100), (1, 48_000)] {
                let path = write(folder.path(), spec(channels, rate, bits, format), 1);
                let pcm = load_greeting(&path).unwrap();
                assert!(pcm.len().abs_diff(8000) <= 1);
                let tolerance = if bits == 8 { 330.0 } else { 80.0 };
                for n in 200..7800 {
                    let off = (f32::from(pcm[n]) - expected[n]).abs();
                    assert!(off < tolerance, "{channels} {rate} {bits}: sample {n} is off by {off}");
                }
            }
        }
    }

    #[test]
    fn samples_without_a_header_give_the_same_sound() {
        let bytes: Vec<u8> =
            sine(440.0, 24_000, 24_000).iter().flat_map(|sample| (*sample as i16).to_le_bytes()).collect();
        let (pcm, expected) = (read_samples(&bytes, 24_000).unwrap(), sine(440.0, 8000, 8000));
        assert!(pcm.len().abs_diff(8000) <= 1);
        assert!((200..7800).all(|n| (f32::from(pcm[n]) - expected[n]).abs() < 80.0));
        assert!(matches!(read_samples(&[1], 24_000), Err(WavError::Empty)));
    }

    #[test]
    fn mistakes_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let said = |path: &Path| load_greeting(path).unwrap_err().to_string();
        assert!(said(&folder.path().join("none.wav")).starts_with("cannot read the file"));
        let text = folder.path().join("text.wav");
        std::fs::write(&text, "hello, this is no audio at all").unwrap();
        assert_eq!(said(&text), "not a WAV file: it does not begin with RIFF");
        std::fs::write(&text, "RI").unwrap();
        assert_eq!(said(&text), "not a WAV file: it ends too early");
        let int = |channels, rate| spec(channels, rate, 16, SampleFormat::Int);
        assert!(said(&write(folder.path(), int(3, 8000), 1)).starts_with("3 channels"));
        assert!(said(&write(folder.path(), int(1, 4000), 1)).starts_with("4000 Hz"));
        assert!(said(&write(folder.path(), int(1, 96_000), 1)).starts_with("96000 Hz"));
        assert_eq!(said(&write(folder.path(), int(1, 8000), 0)), "there is no audio in the file");
        assert_eq!(said(&write(folder.path(), int(1, 8000), MOST_SECONDS + 1)), "longer than 600 s");
        let compressed = folder.path().join("alaw.wav");
        let mut bytes = std::fs::read(write(folder.path(), int(1, 8000), 1)).unwrap();
        let tag = bytes.windows(4).position(|four| four == b"fmt ").unwrap() + 8;
        bytes[tag..tag + 2].copy_from_slice(&6u16.to_le_bytes());
        std::fs::write(&compressed, bytes).unwrap();
        assert!(said(&compressed).starts_with("the WAV file is compressed"));
    }

    #[test]
    fn a_file_without_its_true_length_is_read_as_far_as_it_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), spec(1, 8000, 16, SampleFormat::Int), 1);
        let mut bytes = std::fs::read(&path).unwrap();
        let length = bytes.windows(4).position(|four| four == b"data").unwrap() + 4;
        bytes[length..length + 4].copy_from_slice(&(u32::MAX - 1).to_le_bytes());
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(load_greeting(&path).unwrap().len(), 8000);
    }

    proptest! {
        #[test]
        fn damaged_files_are_survived(changes in proptest::collection::vec((0usize..60, any::<u8>()), 1..6), cut in 0usize..200) {
            let folder = tempfile::tempdir().unwrap();
            let path = write(folder.path(), spec(1, 8000, 16, SampleFormat::Int), 0);
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.resize(200, 0x55);
            for (at, value) in changes {
                bytes[at] = value;
            }
            bytes.truncate(cut);
            std::fs::write(&path, bytes).unwrap();
            if let Ok(pcm) = load_greeting(&path) {
                prop_assert!(!pcm.is_empty() && pcm.len() < 400);
            }
        }
    }
}
