//! One operation while its parts are being put together.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use ringfleet_core::{
    Action,
    id::{Id, Kind},
};
use utoipa::{
    ToSchema,
    openapi::{
        Content, Ref, RefOr, Required, Response,
        path::{Parameter, ParameterBuilder, ParameterIn},
        request_body::RequestBody,
        schema::{AdditionalProperties, ObjectBuilder, Schema, SchemaType, Type},
    },
};

/// The parts of one operation.
#[derive(Default)]
pub(crate) struct Draft {
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<RequestBody>,
    pub(super) refusals: BTreeMap<u16, &'static str>,
    pub(super) answers: BTreeMap<u16, Response>,
    /// What has a name, as often as it is named: two things of one name must not hide each other.
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
    pub(super) action: Option<Action>,
    /// It is for users, not for keys.
    pub(super) for_users: bool,
    /// What a path calls its ids, and what the description calls them.
    pub(super) ids: Vec<(&'static str, String)>,
}

impl Draft {
    /// It needs somebody who may do this.
    pub(crate) fn needs(&mut self, action: Action) {
        self.action = Some(action);
        self.known_caller();
    }

    /// It needs a user who has logged in.
    pub(crate) fn needs_a_user(&mut self) {
        self.for_users = true;
        self.known_caller();
    }

    fn known_caller(&mut self) {
        self.refuses(StatusCode::UNAUTHORIZED, "No key or login, or none that is known.");
        self.refuses(StatusCode::FORBIDDEN, "The role of whoever asks may not do this.");
        self.refuses(StatusCode::NOT_FOUND, "There is no such thing in this workspace.");
        self.refuses(StatusCode::UNPROCESSABLE_ENTITY, "A value is wrong; `meta.field` names it.");
        self.refuses(StatusCode::TOO_MANY_REQUESTS, "Too many requests; `Retry-After` tells when to go on.");
    }

    /// It may answer so, with the form of all errors.
    pub(crate) fn refuses(&mut self, status: StatusCode, why: &'static str) {
        self.refusals.insert(status.as_u16(), why);
    }

    /// It has an id of kind `K` in its path, under the kind's prefix.
    pub(crate) fn id<K: Kind>(&mut self) {
        let mut name = K::ID.to_owned();
        name[..1].make_ascii_lowercase();
        let schema = self.of::<Id<K>>();
        self.parameters.push(parameter(&name, ParameterIn::Path, Required::True, schema));
        self.ids.push((K::PREFIX, name));
        self.refuses(StatusCode::NOT_FOUND, "There is no such thing in this workspace.");
    }

    /// It reads this from its query string.
    pub(crate) fn query(&mut self, name: &str, schema: RefOr<Schema>) {
        self.parameters.push(parameter(name, ParameterIn::Query, Required::False, schema));
    }

    /// It reads this header.
    pub(crate) fn header(&mut self, name: &str, description: &str) {
        let text =
            ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).pattern(Some("^[ -~]{1,255}$"));
        let header = parameter(name, ParameterIn::Header, Required::False, text.build().into());
        self.parameters.push(ParameterBuilder::from(header).description(Some(description)).build());
    }

    /// It reads this header, of this form.
    pub(crate) fn reads_header(&mut self, name: &str, schema: RefOr<Schema>, description: &str) {
        let header = parameter(name, ParameterIn::Header, Required::False, schema);
        self.parameters.push(ParameterBuilder::from(header).description(Some(description)).build());
    }

    /// Whether it reads this from its query string.
    pub(super) fn has_query(&self, name: &str) -> bool {
        self.parameters.iter().any(|one| one.name == name)
    }

    /// It reads a `T` as JSON.
    pub(crate) fn json<T: ToSchema>(&mut self, required: Required) {
        let schema = self.of::<T>();
        self.body("application/json", schema, required);
        self.refuses(StatusCode::BAD_REQUEST, "The body is no JSON, or it broke off.");
        self.refuses(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.");
        self.refuses(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not sent as JSON.");
        self.refuses(StatusCode::UNPROCESSABLE_ENTITY, "A value is wrong; `meta.field` names it.");
    }

    /// It reads a body of this media type; several are a choice.
    pub(crate) fn body(&mut self, media: &str, schema: RefOr<Schema>, required: Required) {
        let body = self.body.get_or_insert_with(RequestBody::new);
        body.required = Some(required);
        body.content.insert(media.to_owned(), Content::new(Some(schema)).into());
    }

    /// With this status it answers so.
    pub(crate) fn answers(&mut self, status: u16, answer: Response) {
        self.answers.insert(status, answer);
    }

    /// How `T` is named here; what it is made of is kept beside the operations.
    pub(crate) fn of<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let mut parts = Vec::new();
        T::schemas(&mut parts);
        self.schemas.extend(parts);
        match T::schema() {
            RefOr::T(schema @ Schema::Object(_)) if !is_plain(&schema) => self.named::<T>(schema.into()),
            RefOr::T(schema @ (Schema::AllOf(_) | Schema::OneOf(_))) if is_a_name(&T::name()) => {
                self.named::<T>(schema.into())
            }
            other => other,
        }
    }

    fn named<T: ToSchema>(&mut self, schema: RefOr<Schema>) -> RefOr<Schema> {
        let name = T::name().into_owned();
        self.schemas.push((name.clone(), schema));
        Ref::from_schema_name(name).into()
    }
}

/// A number, a flag or a text of any form needs no name.
fn is_plain(schema: &Schema) -> bool {
    let Schema::Object(object) = schema else { return false };
    let free = object.pattern.is_none() && object.enum_values.is_none() && object.properties.is_empty();
    let open_object =
        matches!(object.additional_properties.as_deref(), Some(AdditionalProperties::FreeForm(_)))
            && object.properties.is_empty();
    (free && object.schema_type != SchemaType::new(Type::Object)) || open_object
}

/// `Option` has no name of its own.
fn is_a_name(name: &str) -> bool {
    !matches!(name, "Option" | "Vec" | "Value")
}

fn parameter(name: &str, place: ParameterIn, required: Required, schema: RefOr<Schema>) -> Parameter {
    ParameterBuilder::new().name(name).parameter_in(place).required(required).schema(Some(schema)).build()
}

/// A whole number within these bounds.
pub(crate) fn whole_number(from: u32, to: u32, default: u32) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::Integer))
        .minimum(Some(from))
        .maximum(Some(to))
        .default(Some(default.into()))
        .build()
        .into()
}
