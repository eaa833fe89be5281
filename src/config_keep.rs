//! `[keep]`: for how many days each kind of thing is kept.

use ringfleet_engine::Keep;
use serde::{Deserialize, Serialize};

use crate::{config_api::wrong, config_error::ConfigError};

/// Days; for ever where nothing is said.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeepConfig {
    /// Calls and messages that are over, and single ones.
    pub calls: Option<u32>,
    /// Recipients of campaigns that are over.
    pub recipients: Option<u32>,
    /// What was said in calls.
    pub transcripts: Option<u32>,
    /// What people have written.
    pub replies: Option<u32>,
    /// Rejected rows of imports.
    pub rejects: Option<u32>,
    /// Uploads that nobody uses; a week in any case.
    pub uploads: Option<u32>,
    /// Who changed what.
    pub audit_log: Option<u32>,
}

impl KeepConfig {
    /// # Errors
    /// The first setting that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let days = [
            ("keep.calls", self.calls),
            ("keep.recipients", self.recipients),
            ("keep.transcripts", self.transcripts),
            ("keep.replies", self.replies),
            ("keep.rejects", self.rejects),
            ("keep.uploads", self.uploads),
            ("keep.audit_log", self.audit_log),
        ];
        for (key, days) in days {
            if let Some(days) = days.filter(|days| !(1..=36_500).contains(days)) {
                return Err(wrong(key, days, "must be 1 to 36500"));
            }
        }
        match (self.recipients, self.calls) {
            (Some(days), None) => Err(wrong(
                "keep.recipients",
                days,
                "needs keep.calls: a recipient stays as long as its calls",
            )),
            (Some(days), Some(calls)) if days < calls => Err(wrong(
                "keep.recipients",
                days,
                "must be at least keep.calls: a recipient stays as long as its calls",
            )),
            _ => Ok(()),
        }
    }

    pub fn settings(&self) -> Keep {
        let Self { calls, recipients, transcripts, replies, rejects, uploads, audit_log } = self.clone();
        Keep { calls, recipients, transcripts, replies, rejects, uploads, audit_log }
    }
}
