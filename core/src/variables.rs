//! What is known of a recipient beside its number.

use serde::{Serialize, Serializer};
use serde_json::{Value, value::RawValue};

/// The variables of a recipient who is to be added: a JSON object, kept as its text, for a list has a million of them.
#[derive(Debug, Clone)]
pub struct Variables(Box<str>);

impl Variables {
    /// An object of texts; no name may come twice.
    #[allow(clippy::expect_used)] // texts have a form in JSON, and memory takes them
    pub fn of_texts<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut json = Vec::with_capacity(128);
        serde_json::Serializer::new(&mut json).collect_map(texts).expect("texts can be written");
        Self(String::from_utf8(json).expect("JSON is text").into())
    }

    /// The JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The object; null where the text is none, which cannot be.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl From<Value> for Variables {
    fn from(value: Value) -> Self {
        Self(value.to_string().into())
    }
}

impl Serialize for Variables {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        json.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_become_an_object_whatever_they_hold() {
        let texts = [("name", "O'Neill \"the\" \\"), ("", "\u{1F600}\n"), ("z\"", "")];
        let variables = Variables::of_texts(texts.into_iter());
        let expected = json!({"name": "O'Neill \"the\" \\", "": "\u{1F600}\n", "z\"": ""});
        assert_eq!(variables.value(), expected);
        assert_eq!(Variables::of_texts([].into_iter()).as_str(), "{}");
        assert_eq!(Variables::from(expected.clone()).value(), expected);
    }

    #[test]
    fn inside_other_json_it_is_an_object() {
        let row = json!({"v": Variables::from(json!({"a": 1}))});
        assert_eq!(serde_json::to_string(&row).unwrap(), r#"{"v":{"a":1}}"#);
    }
}
