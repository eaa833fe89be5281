//! Files that are streamed to the client.

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use ringfleet_blobs::Blob;
use ringfleet_core::CallId;
use utoipa::openapi::{
    Content, RefOr, ResponseBuilder,
    schema::{ObjectBuilder, Schema, SchemaType, Type},
};

use crate::openapi::{Answer, Draft};

/// A CSV file the client saves under `name`.
pub(crate) struct CsvFile {
    pub(crate) name: String,
    pub(crate) body: Body,
}

impl IntoResponse for CsvFile {
    fn into_response(self) -> Response {
        file("text/csv; charset=utf-8", &self.name, self.body)
    }
}

impl Answer for CsvFile {
    fn describe(draft: &mut Draft, status: u16) {
        let file = Content::new(Some(text()));
        let answer = ResponseBuilder::new().description("The file.").content("text/csv", file);
        draft.answers(status, answer.build());
    }
}

/// A file of one JSON object in each line (<https://jsonlines.org>) the client saves under `name`.
pub(crate) struct JsonLinesFile {
    pub(crate) name: String,
    pub(crate) body: Body,
}

impl IntoResponse for JsonLinesFile {
    fn into_response(self) -> Response {
        file(JSON_LINES, &self.name, self.body)
    }
}

impl Answer for JsonLinesFile {
    fn describe(draft: &mut Draft, status: u16) {
        let file = Content::new(Some(text()));
        let answer = ResponseBuilder::new().description("The file.").content(JSON_LINES, file);
        draft.answers(status, answer.build());
    }
}

/// The recording of a call: 8 kHz stereo WAV, the callee left.
pub(crate) struct Recording {
    pub(crate) call: CallId,
    pub(crate) blob: Blob,
}

impl IntoResponse for Recording {
    fn into_response(self) -> Response {
        let Blob { bytes, content } = self.blob;
        let name = format!("recording-{}.wav", self.call.uuid());
        let mut response = file(WAV, &name, Body::from_stream(content));
        // Known before the end: players show how long it is.
        response.headers_mut().insert(header::CONTENT_LENGTH, bytes.into());
        response
    }
}

impl Answer for Recording {
    fn describe(draft: &mut Draft, status: u16) {
        let binary = ObjectBuilder::new().schema_type(SchemaType::AnyValue).build();
        let file = Content::new(Some(RefOr::from(binary)));
        let answer = ResponseBuilder::new().description("8 kHz stereo, the callee left.").content(WAV, file);
        draft.answers(status, answer.build());
        draft.refuses(StatusCode::CONFLICT, "It is on its way from the worker; ask again in a few seconds.");
    }
}

/// RFC 2361.
const WAV: &str = "audio/vnd.wave";
const JSON_LINES: &str = "application/jsonl";

fn file(media: &str, name: &str, body: Body) -> Response {
    let name = format!("attachment; filename=\"{name}\"");
    let headers = [(header::CONTENT_TYPE, media.to_owned()), (header::CONTENT_DISPOSITION, name)];
    (headers, body).into_response()
}

/// A text, as the content of a file.
pub(crate) fn text() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).build().into()
}
