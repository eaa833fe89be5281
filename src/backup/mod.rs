//! `ringfleet backup` and `ringfleet restore`: the embedded database and what belongs to it, in one file.
//!
//! A fleet's database is copied with PostgreSQL's own programs, which know more than a wrapper of ours would say; only what comes after
//! that, pausing what was calling, is done here as well (`ringfleet restore --pause-only`).

mod archive;
mod manifest;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use ringfleet_core::{Clock, SystemClock, clock::rfc3339};
use ringfleet_engine::Engine;
use ringfleet_fleet::Fleet;
use ringfleet_store::{SCHEMA, Store};

use crate::{
    config::Config,
    process::{Failure, open_store, own_data},
    secrets,
};
use archive::{Reading, Writing};
use manifest::Manifest;

/// The database within a backup, and in a data folder.
const DATABASE: &str = "ringfleet.sqlite";
const GREETINGS: &str = "greetings";
const RECORDINGS: &str = "recordings";
/// What may lie in a folder that counts as empty.
const ALLOWED: [&str; 2] = ["ringfleet.lock", "secrets.keys"];

#[derive(Args)]
pub struct BackupArgs {
    /// The file to write; it must not exist
    file: PathBuf,
    /// Also the recordings, where they are kept in a folder
    #[arg(long)]
    with_recordings: bool,
}

#[derive(Args)]
pub struct RestoreArgs {
    /// The backup
    #[arg(required_unless_present = "pause_only")]
    file: Option<PathBuf>,
    /// Only pause what was calling: for a database that was put back by other means, such as pg_restore
    #[arg(long, conflicts_with = "file")]
    pause_only: bool,
}

/// Writes a backup, also while others work on the database.
pub async fn write(config: &Config, args: &BackupArgs) -> Result<(), Failure> {
    if config.database_url.is_some() {
        return Err(Failure::new(
            "a fleet's database is copied with PostgreSQL's own programs: pg_dump --format=custom --file=FILE \"$DATABASE_URL\"; see docs/OPERATIONS.md",
        ));
    }
    if args.file.exists() {
        return Err(Failure::new(format!("{} exists already; name another file", args.file.display())));
    }
    if !config.sqlite_file().is_file() {
        return Err(Failure::new(format!("there is no database in {}", config.data.display())));
    }
    if args.with_recordings && config.media.s3.is_some() {
        return Err(Failure::new(
            "recordings are kept in a bucket; copy that with the means of its provider",
        ));
    }
    let folder = args.file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let copies = tempfile::tempdir_in(folder.unwrap_or(Path::new(".")))?;
    let copy = copies.path().join(DATABASE);
    let schema = copy_database(config, &copy).await?;
    let mut writing = Writing::new(copies.path())?;
    writing.add(&copy, DATABASE)?;
    writing.add_folder(&config.greetings(), GREETINGS)?;
    if args.with_recordings {
        writing.add_folder(&config.recordings(), RECORDINGS)?;
    }
    let (files, bytes) = writing.finish(Manifest::new(schema, SystemClock.now()), &args.file)?;
    println!("{}: {files} files, {} MiB", args.file.display(), bytes >> 20);
    println!(
        "secrets.keys is not in it: keep that file apart, for without it the secrets in the backup are lost"
    );
    Ok(())
}

async fn copy_database(config: &Config, copy: &Path) -> Result<i64, Failure> {
    let store = Store::sqlite_to_look_at(&config.sqlite_file()).await?;
    let copied = store.copy_to(copy).await;
    store.close().await;
    copied.map_err(|e| Failure::during("the database cannot be copied", e))?;
    let copied = Store::sqlite_to_look_at(copy).await?;
    let schema = copied.applied_schema().await?;
    copied.close().await;
    schema.ok_or_else(|| Failure::new("the database is empty; there is nothing to copy"))
}

/// Puts a backup into an empty data folder.
pub async fn restore(config: &Config, args: &RestoreArgs) -> Result<(), Failure> {
    let Some(file) = &args.file else { return pause_only(config).await };
    if config.database_url.is_some() {
        return Err(Failure::new(
            "a fleet's database is put back with PostgreSQL's own programs: pg_restore --dbname=\"$DATABASE_URL\" FILE, then ringfleet restore --pause-only; see docs/OPERATIONS.md",
        ));
    }
    refuse_used(&config.data)?;
    let beside = [(GREETINGS, config.greetings()), (RECORDINGS, config.recordings())];
    for (_, folder) in &beside {
        refuse_used(folder)?;
    }
    let own = own_data(config)?;
    let unpacked = tempfile::tempdir_in(&config.data)?;
    let manifest = Reading::open(file)?.unpack(unpacked.path())?;
    if manifest.schema > SCHEMA {
        return Err(Failure::new(format!(
            "the backup is of schema {}, newer than {SCHEMA}, the last this version knows; restore it with the version that wrote it ({}), or a later one",
            manifest.schema, manifest.version
        )));
    }
    let paused = pause_what_called(config, &unpacked.path().join(DATABASE), &manifest).await?;
    for (name, folder) in &beside {
        put_into(&unpacked.path().join(name), folder)?;
    }
    // The database last: without it the folder is no data folder, and can be emptied and restored again.
    fs::rename(unpacked.path().join(DATABASE), config.data.join(DATABASE))?;
    drop(own);
    println!("{}: restored as of {}", config.data.display(), rfc3339(manifest.made_at));
    told_of(paused);
    if !secrets::file(config).exists() && config.secrets.keys.is_empty() && config.secrets.file.is_none() {
        println!(
            "put secrets.keys into {} before the first start: the secrets in the database are sealed with it",
            config.data.display()
        );
    }
    Ok(())
}

/// Puts the files of a folder into another, which may be on another disk.
fn put_into(from: &Path, to: &Path) -> Result<(), Failure> {
    let Ok(files) = fs::read_dir(from) else { return Ok(()) }; // the backup has none
    fs::create_dir_all(to).map_err(|e| Failure::during(&to.display().to_string(), e))?;
    for file in files {
        let file = file?;
        let target = to.join(file.file_name());
        let put = fs::rename(file.path(), &target).or_else(|_| fs::copy(file.path(), &target).map(drop));
        put.map_err(|e| Failure::during(&target.display().to_string(), e))?;
    }
    Ok(())
}

fn told_of(paused: usize) {
    println!(
        "{paused} campaigns were calling, or about to, and are paused: calls made since the backup are not known, so look before you start them"
    );
}

fn refuse_used(folder: &Path) -> Result<(), Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()), // it is made
        Err(e) => return Err(Failure::during(&folder.display().to_string(), e)),
    };
    for entry in entries {
        let name = entry?.file_name();
        if !ALLOWED.iter().any(|allowed| name == *allowed) {
            return Err(Failure::new(format!(
                "{} is not empty ({}); name an empty folder, or move what is in it away",
                folder.display(),
                name.to_string_lossy()
            )));
        }
    }
    Ok(())
}

async fn pause_what_called(config: &Config, database: &Path, manifest: &Manifest) -> Result<usize, Failure> {
    let store = Store::sqlite(database).await?;
    store.migrate().await?;
    let reason = format!("restored from a backup of {}; look before you go on", rfc3339(manifest.made_at));
    let paused = halt(config, store.clone(), &reason).await;
    store.close().await;
    paused
}

async fn pause_only(config: &Config) -> Result<(), Failure> {
    let own = own_data(config)?;
    let store = open_store(config).await?;
    store.check_schema().await?;
    let reason = "put back from a backup; look before you go on";
    let paused = halt(config, store.clone(), reason).await;
    store.close().await;
    drop(own);
    told_of(paused?);
    Ok(())
}

async fn halt(config: &Config, store: Store, reason: &str) -> Result<usize, Failure> {
    let engine = Engine::new(store, Fleet::in_process(), Arc::new(SystemClock), config.retries());
    Ok(engine.halt_all(reason).await?)
}
