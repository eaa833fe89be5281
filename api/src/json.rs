//! JSON bodies, read strictly.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use bytes::BytesMut;
use futures::StreamExt;
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::{ToSchema, openapi::Required};

use crate::{
    auth::Gate,
    error::{ApiError, Result},
    openapi::{Draft, Part},
    strict::{self, Object},
};

/// A request body: an `application/json` object, read into `T` with every doubt refused by name.
pub(crate) struct Json<T>(pub(crate) T);

/// The same, and no body at all is one that says nothing.
pub(crate) struct MaybeJson<T>(pub(crate) T);

/// No request body, or `{}`: for endpoints that need nothing more than their path.
pub(crate) struct NoBody;

impl<T: DeserializeOwned> FromRequest<Gate> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, gate: &Gate) -> Result<Self> {
        check_form(request.headers())?;
        let body = read_body(request, gate.body_limit()).await?;
        parse(&body).map(Self)
    }
}

impl<T: DeserializeOwned + Default> FromRequest<Gate> for MaybeJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, gate: &Gate) -> Result<Self> {
        let form = check_form(request.headers());
        let body = read_body(request, gate.body_limit()).await?;
        if body.trim_ascii().is_empty() {
            return Ok(Self(T::default()));
        }
        form?;
        parse(&body).map(Self)
    }
}

impl FromRequest<Gate> for NoBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, gate: &Gate) -> Result<Self> {
        #[derive(Deserialize, Default)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}

        MaybeJson::<Nothing>::from_request(request, gate).await.map(|_| Self)
    }
}

impl<T: ToSchema> Part for Json<T> {
    fn describe(draft: &mut Draft) {
        draft.json::<T>(Required::True);
    }
}

impl<T: ToSchema> Part for MaybeJson<T> {
    fn describe(draft: &mut Draft) {
        draft.json::<T>(Required::False);
    }
}

impl Part for NoBody {
    fn describe(_: &mut Draft) {}
}

fn check_form(headers: &HeaderMap) -> Result<()> {
    plain_encoding(headers)?;
    match media_type(headers) {
        Some(media)
            if media == "application/json"
                || (media.starts_with("application/") && media.ends_with("+json")) =>
        {
            Ok(())
        }
        _ => Err(ApiError::unsupported(
            "send the body as JSON with the header `Content-Type: application/json`",
        )),
    }
}

/// The media type of a body in lower case, without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// Compressed bodies are not taken: a small upload could unpack to any size.
pub(crate) fn plain_encoding(headers: &HeaderMap) -> Result<()> {
    let plain = |value: &header::HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    match headers.get_all(header::CONTENT_ENCODING).iter().all(plain) {
        true => Ok(()),
        false => Err(ApiError::unsupported("send the body uncompressed, without Content-Encoding")),
    }
}

/// All of a body, at most `limit` bytes.
pub(crate) async fn read_body(request: Request, limit: usize) -> Result<Bytes> {
    let declared =
        request.headers().get(header::CONTENT_LENGTH).and_then(|n| n.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|n| n > limit as u64) {
        return Err(ApiError::too_large(limit));
    }
    let mut chunks = Body::into_data_stream(request.into_body());
    let mut body = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|_| ApiError::broken_upload("the body broke off; send the request again"))?;
        if body.len() + chunk.len() > limit {
            return Err(ApiError::too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Reads a body that is there already.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    match strict::look_through(body) {
        Err(error) => return Err(ApiError::invalid_json(error)),
        Ok(Err(refused)) => {
            return Err(ApiError::invalid(refused.field.replace('\0', "\u{2400}"), refused.problem));
        }
        Ok(Ok(())) => {}
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize::<_, Object<T>>(&mut reader).map(|Object(value)| value).map_err(
        |error| {
            let path = error.path().to_string();
            let path = if path == "." { String::new() } else { path };
            let (field, problem) = in_plain_words(path, without_position(&error.inner().to_string()));
            ApiError::invalid(field, problem)
        },
    )
}

/// serde reports a missing or doubled field at the object that should hold it once; the field itself is what helps.
fn in_plain_words(path: String, problem: String) -> (String, String) {
    let named = |kind: &str| problem.strip_prefix(kind)?.strip_prefix(" field `")?.split_once('`');
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    if let Some((name, _)) = named("missing") {
        return (below(name), "is missing".to_owned());
    }
    if let Some((name, _)) = named("duplicate") {
        return (below(name), "is given twice, under two names; give it once".to_owned());
    }
    match named("unknown") {
        Some((_, expected)) => (path, format!("is not known here{expected}")),
        None => {
            let problem = wrong_kind(&problem).unwrap_or(problem);
            (path, problem)
        }
    }
}

/// serde says what it found and what it expected in the words of its data model and of Rust's types.
fn wrong_kind(problem: &str) -> Option<String> {
    let (kind, rest) = problem.strip_prefix("invalid ")?.split_once(": ")?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    let is_whole = matches!(expected, "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64");
    match (kind, found.strip_prefix("integer `")) {
        ("value", Some(number)) if is_whole && number.starts_with('-') => {
            return Some("must not be negative".into());
        }
        ("value", Some(_)) if is_whole => return Some("is too large".into()),
        ("type" | "value", _) => {}
        _ => return None,
    }
    let right = match expected {
        "f32" | "f64" => "a number",
        _ if is_whole => "a whole number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    let wrong = match found {
        "map" => "an object",
        "sequence" => "a list",
        other => ["string ", "integer `", "floating point `", "boolean `"]
            .iter()
            .find_map(|kind| other.strip_prefix(kind))
            .map_or(other, |value| value.trim_end_matches('`')),
    };
    Some(format!("must be {right}, not {wrong}"))
}

/// The path says where; the line and column serde_json adds mean nothing to a program that wrote the JSON.
fn without_position(problem: &str) -> String {
    match problem.rsplit_once(" at line ") {
        Some((before, position)) if position.chars().all(|c| c.is_ascii_digit() || " column".contains(c)) => {
            before.to_owned()
        }
        _ => problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_the_wrong_kind_is_told_in_words_of_json() {
        let told = |json: &str| {
            let error = serde_json::from_str::<std::collections::HashMap<String, u16>>(json).unwrap_err();
            in_plain_words("n".into(), without_position(&error.to_string())).1
        };
        let whole = "must be a whole number, not";
        assert_eq!(told(r#"{"n": "ten `x`, expected y"}"#), format!(r#"{whole} "ten `x`, expected y""#));
        assert_eq!(told(r#"{"n": 1.5}"#), format!("{whole} 1.5"));
        assert_eq!(told(r#"{"n": -1}"#), "must not be negative");
        assert_eq!(told(r#"{"n": 70000}"#), "is too large");
        assert_eq!(told(r#"{"n": true}"#), format!("{whole} true"));
        assert_eq!(told(r#"{"n": null}"#), format!("{whole} null"));
        assert_eq!(told(r#"{"n": {}}"#), format!("{whole} an object"));
        assert_eq!(told("[1]"), "must be an object, not a list");
        let text = serde_json::from_str::<String>("5").unwrap_err().to_string();
        assert_eq!(wrong_kind(&without_position(&text)).unwrap(), "must be a string, not 5");
    }
}
