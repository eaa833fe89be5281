//! The form of every answer under `/api/v1`: `{success, data, message, meta}`; and the two of Samora's.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use ringfleet_core::clock::rfc3339;
use ringfleet_engine::{KeptAnswer, Target};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, RefOr, SchemaFormat,
        schema::{ObjectBuilder, Schema, SchemaType, Type},
    },
};

use crate::{error::ApiError, tag::tag_of};

#[derive(Serialize)]
struct Envelope<T> {
    success: bool,
    data: Option<T>,
    message: Option<String>,
    meta: Option<Map<String, Value>>,
}

#[derive(Serialize)]
struct Said<T> {
    message: &'static str,
    data: T,
}

#[derive(Serialize)]
struct Unsaid<T> {
    data: T,
}

/// A success, in the form `F`.
pub(crate) struct Reply<T, F = Native> {
    status: StatusCode,
    data: T,
    meta: Option<Map<String, Value>>,
    target: Option<Target>,
    detail: Value,
    tag: Option<String>,
    count: Option<(HeaderName, u64)>,
    form: F,
}

/// The form `{success, data, message, meta}`.
#[derive(Clone, Copy)]
pub(crate) struct Native;

/// The form `{message, data}` (Samora).
#[derive(Clone, Copy)]
pub(crate) struct Saying(&'static str);

/// The form `{data}` (Samora).
#[derive(Clone, Copy)]
pub(crate) struct Wordless;

/// The data alone.
#[derive(Clone, Copy)]
pub(crate) struct Bare;

/// A form in which answers are given.
pub(crate) trait Form: Copy + Send + 'static {
    /// The body as JSON.
    fn body<T: Serialize>(self, data: T, meta: Option<Map<String, Value>>) -> serde_json::Result<Vec<u8>>;

    /// What it looks like, of data that look so.
    fn describe(data: RefOr<Schema>, meta: RefOr<Schema>) -> RefOr<Schema>;
}

impl Form for Native {
    fn body<T: Serialize>(self, data: T, meta: Option<Map<String, Value>>) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Envelope { success: true, data: Some(data), message: None, meta })
    }

    fn describe(data: RefOr<Schema>, meta: RefOr<Schema>) -> RefOr<Schema> {
        let yes = ObjectBuilder::new().schema_type(SchemaType::new(Type::Boolean)).enum_values(Some([true]));
        let null = ObjectBuilder::new().schema_type(SchemaType::new(Type::Null));
        let envelope = ObjectBuilder::new()
            .property("success", yes)
            .property("data", data)
            .property("message", null)
            .property("meta", meta);
        ["success", "data", "message", "meta"].iter().fold(envelope, |it, name| it.required(*name)).into()
    }
}

impl Form for Saying {
    fn body<T: Serialize>(self, data: T, _: Option<Map<String, Value>>) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Said { message: self.0, data })
    }

    fn describe(data: RefOr<Schema>, _: RefOr<Schema>) -> RefOr<Schema> {
        let message = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
        let said = ObjectBuilder::new().property("message", message).property("data", data);
        said.required("message").required("data").into()
    }
}

impl Form for Wordless {
    fn body<T: Serialize>(self, data: T, _: Option<Map<String, Value>>) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Unsaid { data })
    }

    fn describe(data: RefOr<Schema>, _: RefOr<Schema>) -> RefOr<Schema> {
        ObjectBuilder::new().property("data", data).required("data").into()
    }
}

impl Form for Bare {
    fn body<T: Serialize>(self, data: T, _: Option<Map<String, Value>>) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&data)
    }

    fn describe(data: RefOr<Schema>, _: RefOr<Schema>) -> RefOr<Schema> {
        data
    }
}

impl<T> Reply<T> {
    /// 200.
    pub(crate) fn ok(data: T) -> Self {
        let (meta, target, tag, count) = (None, None, None, None);
        Self { status: StatusCode::OK, data, meta, target, detail: json!({}), tag, count, form: Native }
    }

    /// 201: it exists now.
    pub(crate) fn created(data: T) -> Self {
        Self { status: StatusCode::CREATED, ..Self::ok(data) }
    }

    /// 202: it will be done.
    pub(crate) fn accepted(data: T) -> Self {
        Self { status: StatusCode::ACCEPTED, ..Self::ok(data) }
    }

    /// 200 with one page of a list; `next` leads to the page after it.
    pub(crate) fn page(data: T, next: Option<String>) -> Self {
        let meta = Map::from_iter([("next_cursor".to_owned(), Value::from(next))]);
        Self { meta: Some(meta), ..Self::ok(data) }
    }

    /// In the form `{message, data}`.
    pub(crate) fn saying(self, message: &'static str) -> Reply<T, Saying> {
        self.formed(Saying(message))
    }

    /// In the form `{data}`.
    pub(crate) fn wordless(self) -> Reply<T, Wordless> {
        self.formed(Wordless)
    }

    /// Without an envelope.
    pub(crate) fn bare(self) -> Reply<T, Bare> {
        self.formed(Bare)
    }

    fn formed<F>(self, form: F) -> Reply<T, F> {
        let Self { status, data, meta, target, detail, tag, count, form: Native } = self;
        Reply { status, data, meta, target, detail, tag, count, form }
    }
}

impl<T, F> Reply<T, F> {
    /// What was changed, for the audit log.
    pub(crate) fn about(self, target: impl Into<Target>) -> Self {
        Self { target: Some(target.into()), ..self }
    }

    /// How it was changed, for the audit log: an object without secrets.
    pub(crate) fn with_detail(self, detail: Value) -> Self {
        Self { detail, ..self }
    }

    /// With a number in a header, for whoever asks with HEAD.
    pub(crate) fn with_count(self, name: HeaderName, count: u64) -> Self {
        Self { count: Some((name, count)), ..self }
    }

    /// 304: the client has it already.
    pub(crate) fn not_modified(self) -> Self {
        Self { status: StatusCode::NOT_MODIFIED, ..self }
    }

    pub(crate) fn target(&self) -> Option<Target> {
        self.target.clone()
    }

    pub(crate) fn detail(&self) -> Value {
        self.detail.clone()
    }
}

impl<T: Serialize, F: Form> Reply<T, F> {
    /// With the tag of what is shown.
    pub(crate) fn tagged(self) -> Self {
        Self { tag: tag_of(&self.data), ..self }
    }

    /// The exact answer, to be kept.
    pub(crate) fn kept(self) -> serde_json::Result<KeptAnswer> {
        let Self { status, data, meta, tag, form, .. } = self;
        let body = form.body(data, meta)?;
        let mut headers = vec![(header::CONTENT_TYPE.to_string(), "application/json".to_owned())];
        headers.extend(tag.map(|tag| (header::ETAG.to_string(), tag)));
        Ok(KeptAnswer { status: status.as_u16(), headers, body })
    }
}

impl<T: Serialize, F: Form> IntoResponse for Reply<T, F> {
    fn into_response(self) -> Response {
        let Self { status, data, meta, tag, count, form, .. } = self;
        let body = match status {
            StatusCode::NOT_MODIFIED => None,
            _ => Some(form.body(data, meta)),
        };
        let mut response = match body {
            None => status.into_response(),
            Some(Ok(body)) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Some(Err(error)) => {
                tracing::error!(%error, "an answer cannot be written");
                return ApiError::internal().into_response();
            }
        };
        if let Some(tag) = tag.and_then(|tag| HeaderValue::try_from(tag).ok()) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        if let Some((name, count)) = count {
            response.headers_mut().insert(name, HeaderValue::from(count));
        }
        response
    }
}

/// The body of a refusal.
pub(crate) fn refusal(message: String, meta: Map<String, Value>) -> impl IntoResponse {
    Json(Envelope::<()> { success: false, data: None, message: Some(message), meta: Some(meta) })
}

/// A moment in answers: RFC 3339, UTC, milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(DateTime<Utc>);

impl Moment {
    pub(crate) fn maybe(at: Option<DateTime<Utc>>) -> Option<Self> {
        at.map(Self)
    }
}

impl From<DateTime<Utc>> for Moment {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at)
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        let form = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        let moment = ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).format(Some(form));
        moment.examples(["2026-11-26T09:00:00.000Z"]).build().into()
    }
}

impl ToSchema for Moment {}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&rfc3339(self.0))
    }
}
