//! The file under a recording: written in the background while the call runs, in place only once it is whole.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use futures::FutureExt;
use tokio::task::JoinHandle;

/// Length of the header we write: RIFF, `fmt ` for PCM, `data`.
const HEADER: u32 = 44;
/// Bytes waiting for a slow disk before audio is given up for silence: ten seconds.
const MOST_WAITING: usize = 10 * 8000 * 4;

/// A stereo WAV file, 8 kHz, 16 bit. Writes run on the blocking pool, one at a time; appending never waits.
///
/// Until finished the file is `PATH.part`, with a header that players read to the end of the file, so that the recording
/// of a call whose process died can still be heard.
#[derive(Debug)]
pub(super) struct RecordingFile {
    path: PathBuf,
    writing: Option<JoinHandle<io::Result<File>>>,
    waiting: Vec<u8>,
    /// Bytes of silence after `waiting`, for audio the disk was too slow for.
    silence: u64,
    lost: bool,
}

impl RecordingFile {
    /// Begins the file, and the folder it lies in. Failure shows when finishing.
    pub fn create(path: PathBuf) -> Self {
        let part = part_of(&path);
        let writing = tokio::task::spawn_blocking(move || begin(&part));
        Self { path, writing: Some(writing), waiting: Vec::new(), silence: 0, lost: false }
    }

    /// Adds interleaved little-endian samples.
    pub fn append(&mut self, block: Vec<u8>) {
        if self.lost {
            return;
        }
        if self.silence > 0 || self.waiting.len() + block.len() > MOST_WAITING {
            self.silence += block.len() as u64;
        } else if self.waiting.is_empty() {
            self.waiting = block;
        } else {
            self.waiting.extend(block);
        }
        // Never waits: a write still going on is left alone.
        match self.writing.as_mut().and_then(FutureExt::now_or_never) {
            None => {}
            Some(done) => match flatten(done) {
                Ok(file) => self.write_on(file),
                Err(error) => self.give_up(&error),
            },
        }
    }

    /// Writes the rest, completes the header and renames the file. False if anything failed; the cause has been logged.
    pub async fn finish(mut self) -> bool {
        match self.complete().await {
            Ok(()) => !self.lost,
            Err(error) => {
                self.give_up(&error);
                false
            }
        }
    }

    async fn complete(&mut self) -> io::Result<()> {
        while let Some(writing) = self.writing.take() {
            let file = flatten(writing.await)?;
            if self.waiting.is_empty() && self.silence == 0 {
                let path = self.path.clone();
                return flatten(tokio::task::spawn_blocking(move || complete(file, &path)).await);
            }
            self.write_on(file);
        }
        Ok(())
    }

    fn write_on(&mut self, mut file: File) {
        let block = std::mem::take(&mut self.waiting);
        let silence = std::mem::take(&mut self.silence);
        self.writing = Some(tokio::task::spawn_blocking(move || {
            file.write_all(&block)?;
            if silence > 0 {
                let end = file.seek(SeekFrom::Current(silence.cast_signed()))?;
                file.set_len(end)?;
            }
            Ok(file)
        }));
    }

    fn give_up(&mut self, error: &io::Error) {
        tracing::warn!(path = %self.path.display(), %error, "a recording cannot be written; the call goes on without it");
        self.lost = true;
        self.writing = None;
        self.waiting = Vec::new();
    }
}

fn flatten<T>(done: Result<io::Result<T>, tokio::task::JoinError>) -> io::Result<T> {
    done.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn part_of(path: &Path) -> PathBuf {
    let mut part = OsString::from(path);
    part.push(".part");
    part.into()
}

fn begin(part: &Path) -> io::Result<File> {
    if let Some(folder) = part.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = File::create(part)?;
    file.write_all(&header(u32::MAX))?;
    Ok(file)
}

fn complete(mut file: File, path: &Path) -> io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    let data = u32::try_from(length - u64::from(HEADER)).unwrap_or(u32::MAX);
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&header(data))?;
    // Before the rename, so that a file in place is whole even after a power cut.
    file.sync_data()?;
    std::fs::rename(part_of(path), path)
}

/// The RIFF header for `data` bytes of stereo PCM, 8 kHz, 16 bit (Multimedia Programming Interface and Data Specifications 1.0).
fn header(data: u32) -> [u8; HEADER as usize] {
    const CHANNELS: u16 = 2;
    const RATE: u32 = 8000;
    const BITS: u16 = 16;
    let block = CHANNELS * BITS / 8;
    let mut header = [0; HEADER as usize];
    let mut rest = &mut header[..];
    let mut put = |bytes: &[u8]| {
        let (field, tail) = std::mem::take(&mut rest).split_at_mut(bytes.len());
        field.copy_from_slice(bytes);
        rest = tail;
    };
    put(b"RIFF");
    put(&data.saturating_add(HEADER - 8).to_le_bytes());
    put(b"WAVEfmt ");
    put(&16u32.to_le_bytes());
    put(&1u16.to_le_bytes());
    put(&CHANNELS.to_le_bytes());
    put(&RATE.to_le_bytes());
    put(&(RATE * u32::from(block)).to_le_bytes());
    put(&block.to_le_bytes());
    put(&BITS.to_le_bytes());
    put(b"data");
    put(&data.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/call.wav");
        let mut file = RecordingFile::create(path.clone());
        file.append(vec![1, 0, 2, 0]);
        assert!(!path.exists());
        file.append(vec![3, 0, 4, 0]);
        assert!(file.finish().await);
        assert!(!part_of(&path).exists());
        let mut reader = hound::WavReader::open(&path).unwrap();
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 8000, 16));
        assert_eq!(reader.samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn an_empty_recording_is_a_valid_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call.wav");
        assert!(RecordingFile::create(path.clone()).finish().await);
        assert_eq!(hound::WavReader::open(&path).unwrap().duration(), 0);
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_is_reported_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let in_the_way = folder.path().join("file");
        std::fs::write(&in_the_way, "").unwrap();
        let mut file = RecordingFile::create(in_the_way.join("call.wav"));
        file.append(vec![0; 4]);
        assert!(!file.finish().await);
    }

    #[tokio::test]
    async fn what_a_slow_disk_misses_becomes_silence_of_the_same_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call.wav");
        let mut file = RecordingFile::create(path.clone());
        // On this single-threaded runtime nothing polls the first write before we await, so everything piles up.
        let (release, held) = std::sync::mpsc::channel::<()>();
        let opened = file.writing.take().unwrap().await.unwrap().unwrap();
        file.writing = Some(tokio::task::spawn_blocking(move || {
            held.recv().map_err(io::Error::other)?;
            Ok(opened)
        }));
        for _ in 0..12 {
            file.append(vec![5; 8000 * 4]);
        }
        assert!(file.waiting.len() <= MOST_WAITING);
        release.send(()).unwrap();
        assert!(file.finish().await);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 44 + 12 * 8000 * 4);
        assert_eq!(bytes[44 + MOST_WAITING - 1], 5);
        assert!(bytes[44 + MOST_WAITING..].iter().all(|byte| *byte == 0));
    }
}
