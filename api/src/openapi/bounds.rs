//! What a value of a request may be, told to programs by the figures that the checks have: for `#[schema(schema_with = …)]`.
//!
//! A description never forbids what the checks let through. They may refuse more than it says: no schema counts bytes, knows time zones or compares values.

use std::ops::RangeInclusive;

use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

/// How such a value is described.
pub(crate) type Bounds = Object;

/// A name that [`crate::check::name`] takes: something visible, and none of the characters that it refuses.
const NAME: &str = r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\s][^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$";

/// A name of at most `MOST` characters.
pub(crate) fn name<const MOST: usize>() -> Bounds {
    required(Type::String).min_length(Some(1)).max_length(Some(MOST)).pattern(Some(NAME)).build()
}

/// The same, or null.
pub(crate) fn maybe_name<const MOST: usize>() -> Bounds {
    optional(Type::String).min_length(Some(1)).max_length(Some(MOST)).pattern(Some(NAME)).build()
}

/// A text of at most `MOST` characters, or null.
pub(crate) fn maybe_text<const MOST: usize>() -> Bounds {
    optional(Type::String).max_length(Some(MOST)).build()
}

/// A text of this form (ECMA-262), or null.
pub(crate) fn maybe_of_form(pattern: &str) -> Bounds {
    optional(Type::String).pattern(Some(pattern)).build()
}

/// A whole number within these bounds, or null.
pub(crate) fn maybe_whole(bounds: RangeInclusive<u64>) -> Bounds {
    optional(Type::Integer).minimum(Some(*bounds.start())).maximum(Some(*bounds.end())).build()
}

/// A number within these bounds, or null.
pub(crate) fn maybe_number(bounds: RangeInclusive<f64>) -> Bounds {
    optional(Type::Number).minimum(Some(*bounds.start())).maximum(Some(*bounds.end())).build()
}

fn required(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(kind))
}

fn optional(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::from_iter([kind, Type::Null]))
}
