//! The keys that secrets are kept with: from the configuration, from a file it names, or, alone with an embedded database, from a file
//! beside that database, which is made when there is none.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use ringfleet_core::Keyring;
use ringfleet_store::{Store, StoreError};

use crate::{
    config::Config,
    process::{Failure, open_store, own_data},
};

/// Its name in the data folder.
const FILE: &str = "secrets.keys";

/// The keys of this installation, the one that seals first. None with PostgreSQL where none are configured: then secrets can be neither
/// kept nor read, and whoever tries is told.
///
/// # Errors
/// When one is no key, or the file cannot be read or made.
pub fn keyring(config: &Config) -> Result<Arc<Keyring>, Failure> {
    let mut keys = config.secrets.keys.clone();
    if let Some(file) = &config.secrets.file {
        keys.extend(read(file).map_err(|e| Failure::during(&format!("secrets.file {}", file.display()), e))?);
    }
    if config.database_url.is_none() {
        let file = file(config);
        let kept = read_or_make(&file, keys.is_empty());
        keys.extend(kept.map_err(|e| Failure::during(&format!("the key file {}", file.display()), e))?);
    }
    let ring = Keyring::parse(&keys).map_err(|e| Failure::during("secrets.keys", e))?;
    Ok(Arc::new(ring))
}

/// The file of the key that an installation of one process makes for itself.
pub fn file(config: &Config) -> PathBuf {
    config.data.join(FILE)
}

/// A key was made just now beside a database that was there before: takes it away again where that is sealed with another, so that nobody takes
/// it for the one that is missing.
///
/// # Errors
/// When it is.
pub async fn refuse_another_key(config: &Config, store: &Store) -> Result<(), Failure> {
    let opened = async { store.read().await?.open_all().await };
    let Err(StoreError::Secret(_)) = opened.await else { return Ok(()) }; // what else is wrong is told by whoever meets it
    let file = file(config);
    if config.secrets.keys.is_empty() && config.secrets.file.is_none() {
        let _ = fs::remove_file(&file);
    }
    Err(Failure::new(format!(
        "the secrets in the database are sealed with a key that is not there: put {} back, from where you keep it apart from the database",
        file.display()
    )))
}

/// Tells the operator what a missing key means, before somebody finds out.
pub fn warn_without_keys(store: &Store) {
    if !store.has_keys() {
        tracing::warn!(
            "secrets.keys is not set: webhooks, and trunks with a password, cannot be created; make a key with openssl rand -base64 32"
        );
    }
}

/// `ringfleet secrets rotate`: seals everything anew with the first key.
pub async fn rotate(config: &Config) -> Result<(), Failure> {
    // Beside a running `up` it is only another writer of the database.
    let _own = own_data(config).ok();
    let store = open_store(config).await?;
    store.check_schema().await?;
    if !store.has_keys() {
        return Err(Failure::new("secrets.keys is not set; make a key with: openssl rand -base64 32"));
    }
    let changed = ringfleet_engine::reseal_secrets(&store).await?;
    store.close().await;
    println!(
        "{changed} rows were sealed anew; keys behind the first one are needed for 24 hours more, for answers that are kept for an Idempotency-Key"
    );
    Ok(())
}

/// One key a line; empty lines and those that begin with # do not count.
fn read(file: &Path) -> std::io::Result<Vec<String>> {
    let mut text = String::new();
    File::open(file)?.read_to_string(&mut text)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

fn read_or_make(file: &Path, make: bool) -> std::io::Result<Vec<String>> {
    match read(file) {
        Err(error) if error.kind() == ErrorKind::NotFound && make => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => return read,
    }
    // Made whole under another name first: a crash leaves no half of a key, and of two who make one, both use the one that stays.
    let mut made = tempfile::NamedTempFile::new_in(file.parent().unwrap_or(Path::new(".")))?;
    writeln!(
        made,
        "# What webhook secrets and trunk passwords are kept with. Without this file they are lost: back it up apart from the database."
    )?;
    writeln!(made, "{}", ringfleet_core::seal::encode_key(rand::random()))?;
    made.as_file().sync_all()?;
    match made.persist_noclobber(file) {
        Ok(_) => {}
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error),
    }
    read(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_is_its_owners_business() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        assert!(read_or_make(&file, false).unwrap().is_empty() && !file.exists(), "keys are configured");
        let made = read_or_make(&file, true).unwrap();
        assert_eq!(made.len(), 1);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_or_make(&file, true).unwrap(), made);
        assert!(Keyring::parse(&made).is_ok());
    }
}
