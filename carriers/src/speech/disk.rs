//! Speech that outlives a restart: WAV files under the hash of what they say, in a folder that several processes may share.

use std::{
    fs::{DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use hound::{SampleFormat, WavSpec, WavWriter};
use parking_lot::Mutex;
use ringfleet_core::{Clock, SystemClock};

use super::{Name, Pcm};
use crate::media::{SAMPLE_RATE, WavError, load_greeting};

/// A part of a file that is older than this belongs to a process that died.
const LEFT_BEHIND: Duration = Duration::from_secs(3_600);

/// A folder, bounded by the bytes of its files; what has not been read the longest goes first. A disk that fails costs the memory of it,
/// not the speech.
#[derive(Clone)]
pub(super) struct Disk(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    most: u64,
    /// Bytes in the folder, once somebody has looked. Others may have added theirs since.
    used: Mutex<Option<u64>>,
}

impl Disk {
    pub fn new(folder: PathBuf, most: u64) -> Self {
        Self(Arc::new(Inner { folder, most, used: Mutex::new(None) }))
    }

    pub async fn get(&self, name: Name) -> Option<Vec<i16>> {
        let inner = self.0.clone();
        tokio::task::spawn_blocking(move || inner.read(name)).await.ok().flatten()
    }

    pub async fn keep(&self, name: Name, pcm: Pcm) {
        let inner = self.0.clone();
        let kept = tokio::task::spawn_blocking(move || inner.write(name, &pcm)).await;
        if let Ok(Err(error)) = kept {
            tracing::warn!(%error, folder = %self.0.folder.display(), "speech cannot be kept on the disk; it will be rendered again after a restart");
        }
    }
}

impl Inner {
    fn path(&self, name: Name) -> PathBuf {
        let hex = hex::encode(name);
        self.folder.join(hex).with_extension("wav")
    }

    fn read(&self, name: Name) -> Option<Vec<i16>> {
        let path = self.path(name);
        match load_greeting(&path) {
            Ok(pcm) => {
                // Only for the order in which files go.
                let _ = File::options().append(true).open(&path).and_then(|file| file.set_modified(now()));
                Some(pcm)
            }
            Err(WavError::Io(_)) => None,
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "kept speech is damaged and is rendered again");
                let _ = std::fs::remove_file(&path);
                None
            }
        }
    }

    /// Under another name first, so that nobody reads half a file.
    fn write(&self, name: Name, pcm: &[i16]) -> io::Result<()> {
        // What is said to people is nobody else's business.
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let path = self.path(name);
        let part = path.with_extension(format!("{:08x}.part", rand::random::<u32>()));
        let written = write_wav(&part, pcm).and_then(|()| std::fs::rename(&part, &path));
        if written.is_err() {
            let _ = std::fs::remove_file(&part);
            return written;
        }
        let bytes = std::fs::metadata(&path)?.len();
        let mut used = self.used.lock();
        let sum = match *used {
            Some(used) => used + bytes,
            None => self.files()?.iter().map(|file| file.bytes).sum(),
        };
        *used = Some(if sum > self.most { self.shrink()? } else { sum });
        Ok(())
    }

    /// Removes the oldest until a quarter is free; gives what is left.
    fn shrink(&self) -> io::Result<u64> {
        let mut files = self.files()?;
        files.sort_by_key(|file| file.modified);
        let mut left: u64 = files.iter().map(|file| file.bytes).sum();
        for file in files {
            let is_left_behind = file.is_part && file.modified + LEFT_BEHIND < now();
            if is_left_behind || (!file.is_part && left > self.most / 4 * 3) {
                // Somebody else may have been faster.
                let _ = std::fs::remove_file(&file.path);
                left -= file.bytes;
            }
        }
        Ok(left)
    }

    fn files(&self) -> io::Result<Vec<Kept>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let is_part = path.extension().is_some_and(|extension| extension == "part");
            if !is_part && path.extension().is_none_or(|extension| extension != "wav") {
                continue;
            }
            // One that is gone meanwhile is none.
            let Ok(metadata) = std::fs::metadata(&path) else { continue };
            let modified = metadata.modified()?;
            files.push(Kept { path, bytes: metadata.len(), modified, is_part });
        }
        Ok(files)
    }
}

struct Kept {
    path: PathBuf,
    bytes: u64,
    modified: SystemTime,
    is_part: bool,
}

fn write_wav(path: &Path, pcm: &[i16]) -> io::Result<()> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::create(path, spec).map_err(io::Error::other)?;
    pcm.iter().try_for_each(|sample| writer.write_sample(*sample)).map_err(io::Error::other)?;
    writer.finalize().map_err(io::Error::other)
}

fn now() -> SystemTime {
    SystemClock.now().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(n: u8) -> Name {
        [n; 32]
    }

    async fn there(disk: &Disk, names: &[u8]) -> Vec<bool> {
        let mut there = Vec::new();
        for n in names {
            there.push(disk.0.path(name(*n)).exists());
        }
        there
    }

    /// As if it had been read last so long ago.
    fn age(disk: &Disk, n: u8, seconds: u64) {
        let file = File::options().append(true).open(disk.0.path(name(n))).unwrap();
        file.set_modified(now() - Duration::from_secs(seconds)).unwrap();
    }

    #[tokio::test]
    async fn speech_is_read_back_and_the_oldest_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("speech");
        // A file of 100 samples has 244 bytes.
        let disk = Disk::new(place.clone(), 1000);
        for n in [1, 2, 3, 4] {
            disk.keep(name(n), Arc::new(vec![i16::from(n); 100])).await;
            age(&disk, n, 100 - u64::from(n));
        }
        assert_eq!(disk.get(name(1)).await, Some(vec![1; 100]), "and it was read last from now on");
        disk.keep(name(5), Arc::new(vec![5; 100])).await;
        assert_eq!(there(&disk, &[1, 2, 3, 4, 5]).await, [true, false, false, true, true]);
        let again = Disk::new(place, 1000);
        assert_eq!(again.get(name(5)).await, Some(vec![5; 100]), "after a restart");
        assert_eq!(again.get(name(2)).await, None);
    }

    #[tokio::test]
    async fn a_damaged_file_is_no_speech_and_what_a_dead_process_left_goes() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path().to_owned(), 500);
        disk.keep(name(1), Arc::new(vec![1; 100])).await;
        std::fs::write(disk.0.path(name(1)), "no audio").unwrap();
        assert_eq!(disk.get(name(1)).await, None);
        assert_eq!(there(&disk, &[1]).await, [false]);
        let parts = ["old.part", "new.part"].map(|part| folder.path().join(part));
        parts.iter().for_each(|part| std::fs::write(part, "RIFF").unwrap());
        File::options().append(true).open(&parts[0]).unwrap().set_modified(now() - 2 * LEFT_BEHIND).unwrap();
        for n in [2, 3, 4] {
            disk.keep(name(n), Arc::new(vec![1; 100])).await;
        }
        assert_eq!([parts[0].exists(), parts[1].exists()], [false, true], "somebody is writing that one");
    }
}
