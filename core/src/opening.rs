//! What an agent says first, and what it is heard saying: texts with places that a recipient's variables fill.
//!
//! `{{name}}` is the variable `name`; `{{name|friend}}` is `friend` where there is no such variable or it is empty. Blanks around either are
//! not part of them. A brace that opens no place stands for itself.

use serde_json::{Map, Value};

use crate::call::{MISSING_VARIABLE, TEXT_TOO_LONG};

/// Longest text that is said in a call, in characters, before and after its places are filled. Providers of speech take about as much
/// (<https://platform.openai.com/docs/api-reference/audio/createSpeech>: 4,096).
pub const LIMIT: usize = 4_000;

/// Why a text cannot be said to somebody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsayable {
    /// These variables are missing and have no default.
    #[error("the variables {} are missing", .0.join(", "))]
    Missing(Vec<String>),
    /// With its places filled it is longer than [`LIMIT`].
    #[error("with its variables the text has more than {LIMIT} characters")]
    TooLong,
}

impl Unsayable {
    /// The reason kept with a call that was not placed for it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing(_) => MISSING_VARIABLE,
            Self::TooLong => TEXT_TOO_LONG,
        }
    }
}

/// The text that is said to whom these variables belong.
///
/// # Errors
/// When a place cannot be filled, or the text becomes too long.
pub fn say(template: &str, variables: &Map<String, Value>) -> Result<String, Unsayable> {
    let Filled { text, missing } = fill(template, variables);
    match missing.is_empty() {
        false => Err(Unsayable::Missing(missing)),
        true if text.chars().count() > LIMIT => Err(Unsayable::TooLong),
        true => Ok(text),
    }
}

/// A text with its places filled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filled {
    /// What is said. A place whose variable is missing is left out.
    pub text: String,
    /// The variables that are missing and have no default, each once, in their order.
    pub missing: Vec<String>,
}

/// Fills the places of `template`.
pub fn fill(template: &str, variables: &Map<String, Value>) -> Filled {
    let mut filled = Filled::default();
    let mut rest = template;
    while let Some((before, place, after)) = next_place(rest) {
        filled.text.push_str(before);
        let (name, default) = match place.split_once('|') {
            Some((name, default)) => (name.trim(), Some(default.trim())),
            None => (place.trim(), None),
        };
        match (variables.get(name).and_then(spoken), default) {
            (Some(value), _) => filled.text.push_str(&value),
            (None, Some(default)) => filled.text.push_str(default),
            (None, None) if !filled.missing.iter().any(|known| known == name) => {
                filled.missing.push(name.to_owned())
            }
            (None, None) => {}
        }
        rest = after;
    }
    filled.text.push_str(rest);
    filled
}

/// What stands before the first place, what is in it, and what comes after.
fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    let (end, _) = text.match_indices("}}").find(|(end, _)| text[..*end].contains("{{"))?;
    let begin = text[..end].rfind("{{")?;
    Some((&text[..begin], &text[begin + 2..end], &text[end + 2..]))
}

/// How a value sounds; none of what is empty or no single value.
fn spoken(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filled(template: &str) -> (String, Vec<String>) {
        let variables = json!({"name": "Asha", "n": 3, "empty": " ", "list": [1], "odd name": "x"});
        let Filled { text, missing } = fill(template, variables.as_object().unwrap());
        (text, missing)
    }

    #[test]
    fn places_are_filled() {
        let whole = |template: &str, text: &str| assert_eq!(filled(template), (text.to_owned(), vec![]));
        whole("Hello {{name}}, {{ n }} times {{odd name}}.", "Hello Asha, 3 times x.");
        whole("{{nobody|friend}} {{ nobody | dear friend }} {{name|friend}}", "friend dear friend Asha");
        whole("{{empty|there}}{{list|none}}", "therenone");
        whole("{{nobody|}}!", "!");
        whole("", "");
    }

    #[test]
    fn a_text_is_said_whole_or_not_at_all() {
        let variables = json!({"name": "Asha", "long": "x".repeat(LIMIT)});
        let said = |template: &str| say(template, variables.as_object().unwrap());
        assert_eq!(said("Hello {{name}}"), Ok("Hello Asha".into()));
        assert_eq!(said("{{a}}{{b|}}{{c}}"), Err(Unsayable::Missing(vec!["a".into(), "c".into()])));
        assert_eq!(said("{{long}}").map(|text| text.len()), Ok(LIMIT));
        assert_eq!(said("{{long}}!"), Err(Unsayable::TooLong));
    }

    #[test]
    fn what_is_missing_is_told_once() {
        let missing = |template: &str| filled(template).1;
        assert_eq!(filled("Hi {{who}}, {{who}}: {{what}}").0, "Hi , : ");
        assert_eq!(missing("{{who}} {{what}} {{who}} {{name}}"), ["who", "what"]);
        assert_eq!(missing("{{empty}}{{list}}{{}}"), ["empty", "list", ""]);
    }

    #[test]
    fn braces_without_a_place_stand_for_themselves() {
        for text in ["{{name", "name}}", "{name}", "}} {{", "{ {name} }"] {
            assert_eq!(filled(text), (text.to_owned(), vec![]), "{text}");
        }
        assert_eq!(filled("{{ {{name}}").0, "{{ Asha", "the innermost");
        assert_eq!(filled("}} {{name}} }}").0, "}} Asha }}");
        assert_eq!(filled("{{{name}}}").0, "{Asha}");
    }
}
