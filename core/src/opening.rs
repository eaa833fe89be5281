//! What an agent says first: a text with places that a recipient's variables fill.
//!
//! `{{name}}` is the variable `name`; `{{name|friend}}` is `friend` where there is no such variable or it is empty. Blanks around either are
//! not part of them. A brace that opens no place stands for itself.

use serde_json::{Map, Value};

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
