//! Why a configuration cannot be used: which key, which value, what would be right.

use std::{fmt, path::PathBuf};

use figment::{
    Figment,
    error::{Kind, OneOf},
};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the configuration cannot be used: {0}")]
    Unreadable(Misread),
    #[error("the configuration cannot be used: {key} = {value}: {problem}")]
    Wrong { key: &'static str, value: String, problem: &'static str },
    #[error("the configuration cannot be used: {key} = {value}: {problem}")]
    WrongValue { key: &'static str, value: String, problem: String },
    #[error("there is no configuration file at {0}")]
    NoFile(PathBuf),
}

/// What the parser did not understand, in words that name key, value and origin, one sentence a key.
#[derive(Debug)]
pub struct Misread(Vec<String>);

impl Misread {
    /// `figment` is what was being read: it still has the values.
    pub fn new(figment: &Figment, error: figment::Error) -> Self {
        Self(error.into_iter().map(|error| sentence(figment, &error)).collect())
    }
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

fn sentence(figment: &Figment, error: &figment::Error) -> String {
    if error.path.is_empty() {
        return error.to_string(); // the file is no TOML at all; this names the line
    }
    let key = error.path.join(".").to_lowercase();
    let origin = error.metadata.as_ref().map_or_else(String::new, |origin| match &origin.source {
        Some(source) => format!(" (in {source})"),
        None => format!(" (in {})", origin.name),
    });
    match &error.kind {
        Kind::UnknownField(_, known) => format!("there is no key {key}; it must be {}{origin}", OneOf(known)),
        Kind::UnknownVariant(value, known) => format!("{key} = {value:?}: must be {}{origin}", OneOf(known)),
        kind => format!("{key}{}: {}{origin}", value_of(figment, &key), in_plain_words(kind)),
    }
}

/// What the parser would have liked, said for people who do not know its types.
fn in_plain_words(kind: &Kind) -> String {
    let must_be = |what: &str| format!("must be {what}");
    match kind {
        Kind::InvalidType(_, wanted) | Kind::InvalidValue(_, wanted) => match wanted.as_str() {
            "u16" | "u32" | "u64" | "usize" => must_be("a whole number, zero or more"),
            "a string" | "string" => must_be("a text in quotes"),
            "socket address" => must_be("a socket address such as 127.0.0.1:8080"),
            wanted if wanted.starts_with("struct") => must_be("a section with keys of its own"),
            _ => kind.to_string(),
        },
        Kind::Message(text) if text == "invalid socket address syntax" => {
            must_be("a socket address such as 127.0.0.1:8080")
        }
        Kind::Message(text) if text == "invalid IP address syntax" => {
            must_be("an IP address such as 127.0.0.1 or 0.0.0.0")
        }
        kind => kind.to_string(),
    }
}

/// ` = value`, as far as the value is known and may be shown: a URL may hold a password.
fn value_of(figment: &Figment, key: &str) -> String {
    if key.ends_with("_url") {
        return String::new();
    }
    let value = figment.find_value(key).ok().and_then(|value| serde_json::to_string(&value).ok());
    value.map_or_else(String::new, |value| format!(" = {value}"))
}
