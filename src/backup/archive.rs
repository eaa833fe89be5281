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
        let mut counted = Summed { inner: (&mut source).take(length), sum: Sha256::new() };
        self.tar.append_data(&mut header, name, &mut counted).map_err(reading)?;
        self.files.insert(name.to_owned(), hex::encode(counted.sum.finalize()));
        self.bytes += length;
        Ok(())
    }

    /// Adds the files that stand in a folder, if there is one.
    pub fn add_folder(&mut self, folder: &Path, name: &str) -> Result<(), Failure> {
        let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
        for entry in entries {
            let entry = entry?;
            let plain = entry.file_type()?.is_file();
            if let Some(file) = entry.file_name().to_str().filter(|_| plain) {
                match self.add(&entry.path(), &format!("{name}/{file}")) {
                    Err(_) if !entry.path().exists() => {} // forgotten meanwhile
                    added => added?,
                }
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
    let mut counted = Summed { inner: entry, sum: Sha256::new() };
    io::copy(&mut counted, &mut made)?;
    made.sync_all()?;
    Ok(hex::encode(counted.sum.finalize()))
}

/// What is read, summed up.
struct Summed<R> {
    inner: R,
    sum: Sha256,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.sum.update(&buffer[..read]);
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
