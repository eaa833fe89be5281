//! What is in a backup, with the sum of each file: its last entry, so that a torn file has none.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Its name in the archive.
pub const NAME: &str = "manifest.json";

#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of Ringfleet that wrote it.
    pub version: String,
    /// The schema of the database.
    pub schema: i64,
    /// When it was begun.
    pub made_at: DateTime<Utc>,
    /// SHA-256 of each file, in hex.
    pub files: BTreeMap<String, String>,
}

impl Manifest {
    pub fn new(schema: i64, made_at: DateTime<Utc>) -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), schema, made_at, files: BTreeMap::new() }
    }
}
