//! Query strings: read by name, unknown names refused, so that a mistyped filter never lists everything.

use std::{fmt::Display, str::FromStr};

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::error::{ApiError, Result};

/// The parameters of one request.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Takes the value of `name`; an empty one counts as absent.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<String>> {
        let mut taken = self.0.extract_if(.., |(given, _)| given == name);
        let value = taken.next().map(|(_, value)| value);
        if taken.next().is_some() {
            return Err(ApiError::invalid(name, "is given twice; give it once"));
        }
        if value.as_deref().is_some_and(|text| text.contains('\0')) {
            return Err(ApiError::invalid(name, "holds the NUL character U+0000; take it out"));
        }
        Ok(value.filter(|text| !text.is_empty()))
    }

    /// Takes and reads the value of `name`.
    pub(crate) fn parse<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<Option<T>> {
        self.take(name)?.map(|text| text.parse().map_err(|error| ApiError::invalid(name, error))).transpose()
    }
}

/// What an endpoint reads from its query string.
pub(crate) trait FromQuery: Sized {
    /// Takes each parameter by name; what is left over is unknown.
    fn read(parameters: &mut Parameters) -> Result<Self>;
}

/// A query string read into `T`.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: FromQuery, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let pairs = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let mut parameters = Parameters(pairs.into_owned().collect());
        let read = T::read(&mut parameters)?;
        match parameters.0.pop() {
            None => Ok(Self(read)),
            Some((name, _)) => Err(ApiError::invalid(name, "is not a parameter of this endpoint")),
        }
    }
}
