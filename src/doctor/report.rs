//! What was found, for people and for programs.

use std::fmt::{self, Display};

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Finding {
    pub level: Level,
    /// What was looked at.
    pub what: String,
    /// What was found.
    pub found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

#[derive(Debug, Default, Serialize)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    pub fn ok(&mut self, what: impl Into<String>, found: impl Display) {
        self.add(Level::Ok, what, found, None);
    }

    pub fn warn(&mut self, what: impl Into<String>, found: impl Display, advice: impl Into<String>) {
        self.add(Level::Warn, what, found, Some(advice.into()));
    }

    pub fn fail(&mut self, what: impl Into<String>, found: impl Display, advice: impl Into<String>) {
        self.add(Level::Fail, what, found, Some(advice.into()));
    }

    fn add(&mut self, level: Level, what: impl Into<String>, found: impl Display, advice: Option<String>) {
        self.findings.push(Finding { level, what: what.into(), found: found.to_string(), advice });
    }

    pub fn has_failures(&self) -> bool {
        self.count(Level::Fail) > 0
    }

    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    #[cfg(test)]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { level, what, found, advice } in &self.findings {
            let level = match level {
                Level::Ok => "ok  ",
                Level::Warn => "warn",
                Level::Fail => "FAIL",
            };
            writeln!(f, "{level}  {what}: {found}")?;
            if let Some(advice) = advice {
                writeln!(f, "      → {advice}")?;
            }
        }
        let (failed, warned) = (self.count(Level::Fail), self.count(Level::Warn));
        writeln!(f, "{} looked at, {failed} failed, {warned} to look at", self.findings.len())
    }
}
