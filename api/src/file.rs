//! Files that are streamed to the client.

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
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
        let name = format!("attachment; filename=\"{}\"", self.name);
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (header::CONTENT_DISPOSITION, name),
        ];
        (headers, self.body).into_response()
    }
}

impl Answer for CsvFile {
    fn describe(draft: &mut Draft, status: u16) {
        let file = Content::new(Some(text()));
        let answer = ResponseBuilder::new().description("The file.").content("text/csv", file);
        draft.answers(status, answer.build());
    }
}

/// A text, as the content of a file.
pub(crate) fn text() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).build().into()
}
