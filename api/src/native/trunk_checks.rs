//! What holds for the settings of trunks at providers, whichever it is.

use ringfleet_core::trunk::MediaStream;
use url::Url;

use crate::error::{ApiError, Result};

/// Longest id of an account or a key.
const SID_LIMIT: usize = 64;
/// Longest token or secret.
const SECRET_LIMIT: usize = 255;
/// Longest URL of a stream.
const STREAM_URL_LIMIT: usize = 1_000;
/// Longest name, and longest value, of what is told to a stream. Twilio takes 500 characters of both together.
const PARAMETER_LIMIT: usize = 240;
/// Most of them.
const PARAMETERS: usize = 20;

/// A field that has to be there.
pub(super) fn missing(field: &str, what: &str) -> ApiError {
    ApiError::invalid(field, format!("is missing; {what}"))
}

/// It becomes part of a path.
pub(super) fn check_sid(field: &str, text: &str) -> Result<()> {
    let fits =
        (1..=SID_LIMIT).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if fits { Ok(()) } else { Err(ApiError::invalid(field, "must be 1 to 64 letters, digits and hyphens")) }
}

/// It travels in a header.
pub(super) fn check_secret(field: &str, text: &str) -> Result<()> {
    check_line(field, text, SECRET_LIMIT)
}

/// Text on one line: whatever it travels in, no control character may end that. `limit`: in bytes.
pub(super) fn check_line(field: &str, text: &str, limit: usize) -> Result<()> {
    let fits = (1..=limit).contains(&text.len()) && !text.contains(char::is_control);
    let problem = format!("must be 1 to {limit} bytes without control characters");
    if fits { Ok(()) } else { Err(ApiError::invalid(field, problem)) }
}

/// The provider connects to it, not we: it need not be judged where that is.
pub(super) fn check_stream(stream: &MediaStream) -> Result<()> {
    let url = Url::parse(&stream.url).ok().filter(|url| {
        stream.url.starts_with("wss://")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
    });
    if url.is_none() || stream.url.chars().count() > STREAM_URL_LIMIT {
        let problem = "must be like wss://agent.example.com/calls, at most 1000 characters, without a query; use parameters instead";
        return Err(ApiError::invalid("stream.url", problem));
    }
    if stream.parameters.len() > PARAMETERS {
        return Err(ApiError::invalid("stream.parameters", "must be at most 20"));
    }
    let fits = |text: &str| text.chars().count() <= PARAMETER_LIMIT && !text.contains(char::is_control);
    for (name, value) in &stream.parameters {
        let field = format!("stream.parameters.{name}");
        if name == "session" {
            return Err(ApiError::invalid(field, "is told by itself: the id of the call; leave it out"));
        }
        if name.is_empty() || !fits(name) || !fits(value) {
            let problem = "name and value must be at most 240 characters without control characters, and the name not empty";
            return Err(ApiError::invalid(field, problem));
        }
    }
    Ok(())
}
