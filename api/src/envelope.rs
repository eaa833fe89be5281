//! The form of every answer under `/api/v1`: `{success, data, message, meta}`.

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

use crate::tag::tag_of;

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

/// A success.
pub(crate) struct Reply<T> {
    status: StatusCode,
    data: T,
    meta: Option<Map<String, Value>>,
    target: Option<Target>,
    detail: Value,
    tag: Option<String>,
    count: Option<(HeaderName, u64)>,
    form: Form,
}

/// In which form an answer is given.
#[derive(Clone, Copy)]
enum Form {
    /// `{success, data, message, meta}`.
    Native,
    /// `{message, data}` (Samora).
    Said(&'static str),
    /// The data alone.
    Bare,
}

impl<T> Reply<T> {
    /// 200.
    pub(crate) fn ok(data: T) -> Self {
        let (meta, target, tag, count) = (None, None, None, None);
        Self { status: StatusCode::OK, data, meta, target, detail: json!({}), tag, count, form: Form::Native }
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

    /// What was changed, for the audit log.
    pub(crate) fn about(self, target: impl Into<Target>) -> Self {
        Self { target: Some(target.into()), ..self }
    }

    /// How it was changed, for the audit log: an object without secrets.
    pub(crate) fn with_detail(self, detail: Value) -> Self {
        Self { detail, ..self }
    }

    /// In the form `{message, data}`.
    pub(crate) fn saying(self, message: &'static str) -> Self {
        Self { form: Form::Said(message), ..self }
    }

    /// Without an envelope.
    pub(crate) fn bare(self) -> Self {
        Self { form: Form::Bare, ..self }
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

impl<T: Serialize> Reply<T> {
    /// With the tag of what is shown.
    pub(crate) fn tagged(self) -> Self {
        Self { tag: tag_of(&self.data), ..self }
    }

    /// The exact answer, to be kept.
    pub(crate) fn kept(self) -> serde_json::Result<KeptAnswer> {
        let Self { status, data, meta, tag, form, .. } = self;
        let body = match form {
            Form::Native => {
                serde_json::to_vec(&Envelope { success: true, data: Some(data), message: None, meta })?
            }
            Form::Said(message) => serde_json::to_vec(&Said { message, data })?,
            Form::Bare => serde_json::to_vec(&data)?,
        };
        let mut headers = vec![(header::CONTENT_TYPE.to_string(), "application/json".to_owned())];
        headers.extend(tag.map(|tag| (header::ETAG.to_string(), tag)));
        Ok(KeptAnswer { status: status.as_u16(), headers, body })
    }
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let Self { status, data, meta, tag, count, form, .. } = self;
        let native = |data| Json(Envelope { success: true, data: Some(data), message: None, meta });
        let mut response = match form {
            _ if status == StatusCode::NOT_MODIFIED => status.into_response(),
            Form::Native => (status, native(data)).into_response(),
            Form::Said(message) => (status, Json(Said { message, data })).into_response(),
            Form::Bare => (status, Json(data)).into_response(),
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
