//! The file of a backup: a tar of plain files, each with its sum in the manifest at the end.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Component, Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{DATABASE, GREETINGS, Manifest, RECORDINGS, manifest};
use crate::process::Failure;

/// An archive that is being written, beside where it will stand.
pub struct Writing {
    tar: tar::Builder<NamedTempFile>,
    files: BTreeMap<String, String>,
    bytes: u64,
}

impl Writing {
    /// `folder`: on the disk on which the archive will stand.
    pub fn new(folder: &Path) -> Result<Self, Failure> {
        let tar = tar::Builder::new(NamedTempFile::new_in(folder)?); // for its owner's eyes only
        Ok(Self { tar, files: BTreeMap::new(), bytes: 0 })
    }

    /// Adds a file under a name.
    pub fn add(&mut self, file: &Path, name: &str) -> Result<(), Failure> {
        let reading = |e: io::Error| Failure::during(&file.display().to_string(), e);
        let mut source = File::open(file).map_err(reading)?;
        let length = source.metadata().map_err(reading)?.len();
        let mut header = tar::Header::new_gnu();
        header.set_size(length);
        header.set_mode(0o600);
        // A file that grows meanwhile is taken as long as it was.
        let mut counted = Summed { inner: (&mut source).take(length), sum: Sha256::new(), read: 0 };
        self.tar.append_data(&mut header, name, &mut counted).map_err(reading)?;
        if counted.read < length {
            return Err(Failure::during(
                &file.display().to_string(),
                "was cut short while it was read; try again",
            ));
        }
        self.files.insert(name.to_owned(), hex::encode(counted.sum.finalize()));
        self.bytes += length;
        Ok(())
    }

    /// Adds the files that stand in a folder, if there is one; what a link leads to like any other.
    pub fn add_folder(&mut self, folder: &Path, name: &str) -> Result<(), Failure> {
        let reading = |e: io::Error| Failure::during(&folder.display().to_string(), e);
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(reading(e)),
        };
        for entry in entries {
            let path = entry.map_err(reading)?.path();
            if !path.is_file() {
                continue;
            }
            let Some(file) = path.file_name().and_then(|file| file.to_str()) else {
                return Err(Failure::during(
                    &path.display().to_string(),
                    "its name is no UTF-8; give it another",
                ));
            };
            match self.add(&path, &format!("{name}/{file}")) {
                Err(_) if !path.exists() => {} // forgotten meanwhile
                added => added?,
            }
        }
        Ok(())
    }

    /// Ends the archive and puts it in its place. Gives the number of files and their bytes.
    pub fn finish(mut self, manifest: Manifest, file: &Path) -> Result<(usize, u64), Failure> {
        let (count, bytes) = (self.files.len(), self.bytes);
        let text = serde_json::to_vec_pretty(&Manifest { files: self.files, ..manifest })?;
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        self.tar.append_data(&mut header, manifest::NAME, text.as_slice())?;
        let mut written = self.tar.into_inner()?;
        written.flush()?;
        written.as_file().sync_all()?;
        written.persist_noclobber(file).map_err(|e| Failure::during(&file.display().to_string(), e.error))?;
        Ok((count, bytes))
    }
}

/// An archive that is being read.
pub struct Reading {
    tar: tar::Archive<File>,
    path: PathBuf,
}

impl Reading {
    pub fn open(file: &Path) -> Result<Self, Failure> {
        let opened = File::open(file).map_err(|e| Failure::during(&file.display().to_string(), e))?;
        Ok(Self { tar: tar::Archive::new(opened), path: file.to_owned() })
    }

    /// Unpacks everything into an empty folder, and compares it with the manifest.
    pub fn unpack(mut self, folder: &Path) -> Result<Manifest, Failure> {
        let path = self.path.display().to_string();
        let torn = |why: String| Failure::during(&path, format!("it is no whole backup: {why}"));
        let (mut found, mut manifest) = (BTreeMap::new(), None);
        for entry in self.tar.entries().map_err(|e| torn(e.to_string()))? {
            let mut entry = entry.map_err(|e| torn(e.to_string()))?;
            let name = entry.path().map_err(|e| torn(e.to_string()))?.into_owned();
            if name == Path::new(manifest::NAME) {
                let mut text = String::new();
                entry.read_to_string(&mut text).map_err(|e| torn(e.to_string()))?;
                manifest = Some(serde_json::from_str(&text).map_err(|e| torn(e.to_string()))?);
                continue;
            }
            let name =
                known(&name).ok_or_else(|| torn(format!("{} does not belong there", name.display())))?;
            let sum = unpack(&mut entry, &folder.join(&name)).map_err(|e| torn(e.to_string()))?;
            found.insert(name, sum);
        }
        let manifest: Manifest = manifest.ok_or_else(|| torn("its end is missing".to_owned()))?;
        if let Some((name, _)) = manifest.files.iter().find(|(name, sum)| found.get(*name) != Some(*sum)) {
            return Err(torn(format!("{name} is missing or not as it was written")));
        }
        match manifest.files.contains_key(DATABASE) && found.len() == manifest.files.len() {
            true => Ok(manifest),
            false => Err(torn("it has other files than it says".to_owned())),
        }
    }
}

/// The name of a file that belongs into a backup: nothing leaves the folder.
fn known(path: &Path) -> Option<String> {
    let parts: Vec<&str> = path
        .components()
        .map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect::<Option<_>>()?;
    match parts.as_slice() {
        [DATABASE] => Some(DATABASE.to_owned()),
        [folder @ (GREETINGS | RECORDINGS), file] => Some(format!("{folder}/{file}")),
        _ => None,
    }
}

fn unpack(entry: &mut impl Read, file: &Path) -> io::Result<String> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut made = File::create_new(file)?;
    let mut counted = Summed { inner: entry, sum: Sha256::new(), read: 0 };
    io::copy(&mut counted, &mut made)?;
    made.sync_all()?;
    Ok(hex::encode(counted.sum.finalize()))
}

/// What is read, summed up.
struct Summed<R> {
    inner: R,
    sum: Sha256,
    read: u64,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.sum.update(&buffer[..read]);
        self.read += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_into_a_backup_is_unpacked() {
        assert_eq!(known(Path::new("ringfleet.sqlite")).as_deref(), Some("ringfleet.sqlite"));
        assert_eq!(known(Path::new("greetings/a.wav")).as_deref(), Some("greetings/a.wav"));
        for wrong in
            ["/etc/passwd", "../x", "greetings/../x", "greetings", "greetings/a/b", "secrets.keys", "x"]
        {
            assert_eq!(known(Path::new(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_in_a_folder_is_taken_and_what_cannot_be_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (place, elsewhere) = (folder.path().join("greetings"), folder.path().join("shared.wav"));
        fs::create_dir_all(place.join("old")).unwrap();
        fs::write(place.join("a.wav"), "RIFF").unwrap();
        fs::write(&elsewhere, "RIFF, shared").unwrap();
        std::os::unix::fs::symlink(&elsewhere, place.join("b.wav")).unwrap();
        let mut writing = Writing::new(folder.path()).unwrap();
        writing.add_folder(&place, GREETINGS).unwrap();
        writing.add_folder(&folder.path().join("none"), RECORDINGS).unwrap();
        assert_eq!(writing.files.keys().collect::<Vec<_>>(), ["greetings/a.wav", "greetings/b.wav"]);
        assert_eq!(writing.bytes, 4 + 12, "what a link leads to");
        assert!(writing.add_folder(&elsewhere, RECORDINGS).is_err(), "it is no folder");
    }

    #[test]
    fn a_torn_or_changed_archive_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("db");
        fs::write(&database, "rows ".repeat(10_000)).unwrap();
        let file = folder.path().join("backup.tar");
        let mut writing = Writing::new(folder.path()).unwrap();
        writing.add(&database, DATABASE).unwrap();
        writing.finish(Manifest::new(1, chrono::DateTime::UNIX_EPOCH), &file).unwrap();
        let whole = fs::read(&file).unwrap();
        let unpack = |bytes: &[u8]| {
            let (file, into) = (folder.path().join("other.tar"), tempfile::tempdir().unwrap());
            fs::write(&file, bytes).unwrap();
            let unpacked = Reading::open(&file).unwrap().unpack(into.path());
            unpacked.map(|manifest| manifest.files.len()).map_err(|error| error.to_string())
        };
        assert_eq!(unpack(&whole), Ok(1));
        for end in [0, 300, 20_000, whole.len() - 3_000] {
            let refused = unpack(&whole[..end]).unwrap_err();
            assert!(refused.contains("no whole backup"), "{end}: {refused}");
        }
        let mut changed = whole.clone();
        changed[1_000] ^= 1;
        assert!(unpack(&changed).unwrap_err().contains("not as it was written"));
    }
}
