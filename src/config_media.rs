//! `[media]`: greetings, and where recordings are kept.

use std::path::PathBuf;

use ringfleet_blobs::{Blobs, Place};
use ringfleet_engine::Media;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{config::Config, config_api::wrong, config_error::ConfigError, process::Failure};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MediaConfig {
    /// Folder of the agents' greetings.
    pub greetings: Option<PathBuf>,
    /// Folder in which recordings are kept, where no bucket is named.
    pub recordings: Option<PathBuf>,
    /// Folder of this machine in which a worker writes recordings until they are kept.
    pub spool: Option<PathBuf>,
    /// A bucket in which recordings are kept instead of a folder.
    pub s3: Option<S3Config>,
    /// How many days recordings are kept; for ever where nothing is said.
    pub keep_recordings_days: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Config {
    /// The bucket.
    pub bucket: String,
    /// What all names in it begin with.
    #[serde(default)]
    pub prefix: String,
    /// `https://…` of whoever speaks S3's language; Amazon where nothing is said.
    pub endpoint: Option<Url>,
    /// Its region.
    pub region: Option<String>,
}

impl MediaConfig {
    /// # Errors
    /// The first setting that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        if let Some(days) = self.keep_recordings_days
            && !(1..=36_500).contains(&days)
        {
            return Err(wrong("media.keep_recordings_days", days, "must be 1 to 36500"));
        }
        let Some(s3) = &self.s3 else { return Ok(()) };
        if self.recordings.is_some() {
            let problem = "names a folder beside a bucket (media.s3); keep one of them";
            return Err(wrong("media.recordings", "…", problem));
        }
        if s3.bucket.is_empty() || s3.bucket.contains('/') {
            return Err(wrong("media.s3.bucket", &s3.bucket, "must be the name of a bucket"));
        }
        match &s3.endpoint {
            Some(url) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
                Err(wrong("media.s3.endpoint", url, "must be like https://s3.example.com"))
            }
            _ => Ok(()),
        }
    }
}

impl Config {
    pub fn greetings(&self) -> PathBuf {
        self.media.greetings.clone().unwrap_or_else(|| self.data.join("greetings"))
    }

    /// The folder in which recordings are kept, where no bucket is named.
    pub fn recordings(&self) -> PathBuf {
        self.media.recordings.clone().unwrap_or_else(|| self.data.join("recordings"))
    }

    /// Where a worker writes recordings until they are kept.
    pub fn spool(&self) -> PathBuf {
        self.media.spool.clone().unwrap_or_else(|| self.data.join("spool"))
    }

    /// Where recordings are kept, and what the links to them begin with.
    ///
    /// # Errors
    /// When the folder cannot be made, or the bucket's settings do not fit together.
    pub fn media(&self) -> Result<Media, Failure> {
        let place = match &self.media.s3 {
            Some(S3Config { bucket, prefix, endpoint, region }) => Place::S3 {
                bucket: bucket.clone(),
                prefix: prefix.clone(),
                endpoint: endpoint.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
                region: region.clone(),
            },
            None => Place::Folder(self.recordings()),
        };
        let blobs = Blobs::open(&place).map_err(|e| Failure::during("recordings cannot be kept", e))?;
        Ok(Media { blobs, base_url: self.base_url()?.to_string() })
    }
}
