//! Query strings: read by name, unknown names refused, so that a mistyped filter never lists everything.

use std::{fmt::Display, str::FromStr};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use chrono::{DateTime, Utc};
use utoipa::{
    ToSchema,
    openapi::{RefOr, schema::Schema},
};

use crate::{
    check,
    envelope::Moment,
    error::{ApiError, Result},
    openapi::{Draft, Part, whole_number},
};

/// The parameters of one request, or, to describe an endpoint, those it asks for.
pub(crate) struct Parameters {
    given: Vec<(String, String)>,
    asked: Option<Draft>,
}

impl Parameters {
    /// Takes the value of `name`; an empty one counts as absent.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<String>> {
        self.describe(name, |draft| draft.of::<String>());
        self.text(name)
    }

    /// Takes the value of `name`, a whole number from `from` to `to`.
    pub(crate) fn whole(&mut self, name: &str, from: u32, to: u32, default: u32) -> Result<u32> {
        self.describe(name, |_| whole_number(from, to, default));
        let Some(text) = self.text(name)? else { return Ok(default) };
        let number = text.parse().ok().filter(|n| (from..=to).contains(n));
        number.ok_or_else(|| ApiError::invalid(name, format!("must be a whole number from {from} to {to}")))
    }

    /// Takes the value of `name`, a moment.
    pub(crate) fn moment(&mut self, name: &str) -> Result<Option<DateTime<Utc>>> {
        self.describe(name, |draft| draft.of::<Moment>());
        check::moment(name, self.text(name)?)
    }

    fn describe(&mut self, name: &str, schema: impl FnOnce(&mut Draft) -> RefOr<Schema>) {
        if let Some(draft) = &mut self.asked {
            let schema = schema(draft);
            draft.query(name, schema);
        }
    }

    fn text(&mut self, name: &str) -> Result<Option<String>> {
        let mut taken = self.given.extract_if(.., |(given, _)| given == name);
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
    pub(crate) fn parse<T: FromStr<Err: Display> + ToSchema>(&mut self, name: &str) -> Result<Option<T>> {
        self.describe(name, |draft| draft.of::<T>());
        self.text(name)?.map(|text| text.parse().map_err(|error| ApiError::invalid(name, error))).transpose()
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
        let mut parameters = Parameters { given: pairs.into_owned().collect(), asked: None };
        let read = T::read(&mut parameters)?;
        match parameters.given.pop() {
            None => Ok(Self(read)),
            Some((name, _)) => Err(ApiError::invalid(name, "is not a parameter of this endpoint")),
        }
    }
}

impl<T: FromQuery> Part for Query<T> {
    /// What an endpoint reads is what it asks for, so it is asked with a query string that holds nothing.
    fn describe(draft: &mut Draft) {
        let mut parameters = Parameters { given: Vec::new(), asked: Some(std::mem::take(draft)) };
        let _ = T::read(&mut parameters); // whether it can do without any of them does not matter here
        *draft = parameters.asked.unwrap_or_default();
        draft.refuses(StatusCode::UNPROCESSABLE_ENTITY, "A value is wrong; `meta.field` names it.");
    }
}
