//! Errors as people read them.

use std::error::Error;

/// An error with the whole chain of its causes: "error sending request: connection refused" says more than its first half.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
