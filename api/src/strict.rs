//! What serde lets pass and we do not: a name given twice in one object, and the NUL character in any text.

use std::{borrow::Cow, cell::RefCell, collections::HashSet, fmt};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, schema::Schema},
};

const NUL: &str = "holds the NUL character U+0000, which cannot be kept; take it out";
const TWICE: &str = "is given twice; give it once";

/// Something well-formed that is refused all the same.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Path of the value, like `recipients[3].variables.name`.
    pub(crate) field: String,
    /// What would be right.
    pub(crate) problem: &'static str,
}

/// Looks through a whole JSON text.
///
/// # Errors
///
/// `Ok(Err(_))` names what is refused, `Err(_)` says where the text is no JSON (RFC 8259).
pub(crate) fn look_through(json: &[u8]) -> serde_json::Result<Result<(), Refused>> {
    let trail = Trail::default();
    let mut reader = serde_json::Deserializer::from_slice(json);
    let walked = Walk(&trail).deserialize(&mut reader).and_then(|()| reader.end());
    match (trail.refused.into_inner(), walked) {
        (Some(refused), _) => Ok(Err(refused)),
        (None, walked) => walked.map(Ok),
    }
}

#[derive(Default)]
struct Trail {
    path: RefCell<String>,
    refused: RefCell<Option<Refused>>,
}

impl Trail {
    /// Runs `inside` one step deeper.
    fn within<T>(&self, step: fmt::Arguments<'_>, inside: impl FnOnce() -> T) -> T {
        let before = self.path.borrow().len();
        // Writing to a String cannot fail.
        let _ = fmt::Write::write_fmt(&mut *self.path.borrow_mut(), step);
        let done = inside();
        self.path.borrow_mut().truncate(before);
        done
    }

    fn refuse<E: Error>(&self, problem: &'static str) -> E {
        let field = self.path.borrow().trim_start_matches('.').to_owned();
        self.refused.borrow_mut().get_or_insert(Refused { field, problem });
        E::custom(problem)
    }

    fn text<E: Error>(&self, text: &str) -> Result<(), E> {
        match text.contains('\0') {
            true => Err(self.refuse(NUL)),
            false => Ok(()),
        }
    }
}

struct Walk<'a>(&'a Trail);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.text(text)
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for index in 0.. {
            let item = self.0.within(format_args!("[{index}]"), || items.next_element_seed(Walk(self.0)))?;
            if item.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = entries.next_key::<String>()? {
            self.0.within(format_args!(".{name}"), || {
                self.0.text(&name)?;
                match names.contains(&name) {
                    true => Err(self.0.refuse(TWICE)),
                    false => entries.next_value_seed(Walk(self.0)),
                }
            })?;
            names.insert(name);
        }
        Ok(())
    }
}

/// A `T` that is written as an object. Derived structs would also take an array of their fields in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Object<T>(pub(crate) T);

impl<T: ToSchema> PartialSchema for Object<T> {
    fn schema() -> RefOr<Schema> {
        T::schema()
    }
}

impl<T: ToSchema> ToSchema for Object<T> {
    fn name() -> Cow<'static, str> {
        T::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Only<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Only<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(entries))
            }
        }
        deserializer.deserialize_map(Only(std::marker::PhantomData)).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> (String, &'static str) {
        let refused = look_through(json.as_bytes()).unwrap().unwrap_err();
        (refused.field, refused.problem)
    }

    #[test]
    fn what_is_refused_is_named_by_its_path() {
        assert_eq!(refused(r#"{"a":1,"b":{"c":[0,{"d":1,"d":2}]}}"#), ("b.c[1].d".into(), TWICE));
        assert_eq!(refused(r#"{"a":["x","y\u0000"]}"#), ("a[1]".into(), NUL));
        assert_eq!(refused(r#"{"a\u0000":1}"#), ("a\0".into(), NUL));
        assert_eq!(refused(r#"{"a":1,"a":1"#), ("a".into(), TWICE), "before the end is missing");
    }

    #[test]
    fn everything_else_passes_or_is_no_json() {
        for json in ["{}", "[]", "null", r#"{"a":{"b":1},"c":{"b":[1.5,-1,true,null,"\\u0000"]}}"#] {
            assert_eq!(look_through(json.as_bytes()).unwrap(), Ok(()), "{json}");
        }
        for json in ["", "{", "{} x", "{'a':1}", "[1,]", "{\"a\":\"\\ud800\"}", "1e999", &"[".repeat(100_000)]
        {
            assert!(look_through(json.as_bytes()).is_err(), "{json:.20}");
        }
        assert!(look_through(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn an_object_is_not_an_array() {
        use ringfleet_core::trunk::Limits;
        let read = |json| serde_json::from_str::<Object<Limits>>(json);
        assert_eq!(read(r#"{"maxLiveCalls":3}"#).unwrap().0.max_live_calls, Some(3));
        assert!(read("[1,3]").unwrap_err().to_string().contains("expected an object"));
    }
}
