//! How the values of the API are described to programs: JSON Schema 2020-12, as OpenAPI 3.1 has it.

use utoipa::openapi::{
    Object, RefOr,
    schema::{ObjectBuilder, Schema, SchemaType, Type},
};

/// A text of the form `pattern` (ECMA-262), with a word on what it is.
pub(crate) fn text(description: &str, pattern: &str, example: &str) -> RefOr<Schema> {
    described(description, example).pattern(Some(pattern)).build().into()
}

/// One of these texts.
pub(crate) fn one_of(values: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).enum_values(Some(values)).build().into()
}

/// A text without a form that a pattern could tell.
pub(crate) fn free_text(description: &str, example: &str) -> RefOr<Schema> {
    described(description, example).build().into()
}

fn described(description: &str, example: &str) -> ObjectBuilder {
    let text: Object = Object::with_type(Type::String);
    ObjectBuilder::from(text).description(Some(description)).examples([example])
}
