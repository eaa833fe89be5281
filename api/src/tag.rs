//! Entity tags: whoever changes something can say what it was when they looked (RFC 9110 §8.8.3, §13.1).
//!
//! A tag is made of what is shown, so it changes whenever that does, whoever changed it.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, StatusCode, header, request::Parts},
};
use ringfleet_engine::EngineError;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::openapi::ResponseBuilder;

use crate::{
    envelope::Reply,
    openapi::{Draft, Part},
};

/// The strong tag of what is shown.
pub(crate) fn tag_of<V: Serialize>(view: &V) -> Option<String> {
    let hash = Sha256::digest(serde_json::to_vec(view).ok()?);
    Some(format!("\"{}\"", hex::encode(&hash[..16])))
}

/// `If-Match`: what is changed has to be one of these; absent, whatever it is.
pub(crate) struct Expected(Option<Tags>);

/// `If-None-Match`: what is shown need not be sent when it is one of these.
pub(crate) struct Seen(Option<Tags>);

/// The tags of a header; `*` is any.
enum Tags {
    Any,
    These(Vec<String>),
}

impl Tags {
    fn read(headers: &HeaderMap, name: HeaderName) -> Option<Self> {
        let mut given = headers.get_all(name).iter().peekable();
        given.peek()?;
        let tags = given.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let tags: Vec<String> = tags.map(|tag| tag.trim().to_owned()).collect();
        Some(if tags.iter().any(|tag| tag == "*") { Self::Any } else { Self::These(tags) })
    }

    fn hold(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(|one| one == tag),
        }
    }
}

impl Expected {
    /// Whether `view` is still what the client has seen. To be asked where nobody can change it meanwhile.
    ///
    /// # Errors
    ///
    /// [`EngineError::Stale`] when it is not.
    pub(crate) fn check<V: Serialize>(&self, view: &V) -> ringfleet_engine::Result<()> {
        let Some(tags) = &self.0 else { return Ok(()) };
        match tag_of(view).is_some_and(|tag| tags.hold(&tag)) {
            true => Ok(()),
            false => Err(EngineError::Stale),
        }
    }
}

impl Seen {
    /// Shows `view` with its tag, or says that it is what the client has.
    pub(crate) fn show<V: Serialize>(&self, view: V) -> Reply<V> {
        let tag = tag_of(&view);
        // Weak ones compare as well here (RFC 9110 §13.1.2).
        let has = |tag: &String| {
            self.0.as_ref().is_some_and(|seen| seen.hold(tag) || seen.hold(&format!("W/{tag}")))
        };
        let is_known = tag.as_ref().is_some_and(has);
        let reply = Reply::ok(view).tagged();
        if is_known { reply.not_modified() } else { reply }
    }
}

impl<S: Sync> FromRequestParts<S> for Expected {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Tags::read(&parts.headers, header::IF_MATCH)))
    }
}

impl<S: Sync> FromRequestParts<S> for Seen {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Tags::read(&parts.headers, header::IF_NONE_MATCH)))
    }
}

impl Part for Expected {
    fn describe(draft: &mut Draft) {
        draft.header("If-Match", "The ETag it had when it was looked at: refused if it has changed since.");
        draft.refuses(StatusCode::PRECONDITION_FAILED, "It has been changed since; look at it again.");
    }
}

impl Part for Seen {
    fn describe(draft: &mut Draft) {
        draft.header("If-None-Match", "The ETag of what is known already: 304 if it is the same still.");
        let known = ResponseBuilder::new().description("It is what is known already.").build();
        draft.answers(StatusCode::NOT_MODIFIED.as_u16(), known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_what_is_shown() {
        let tag = tag_of(&1).unwrap();
        assert_eq!((tag.len(), &tag), (34, &tag_of(&1).unwrap()));
        assert_ne!(tag, tag_of(&2).unwrap());
        let given = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_MATCH, value.parse().unwrap());
            }
            Expected(Tags::read(&headers, header::IF_MATCH)).check(&1).is_ok()
        };
        let list = format!("\"x\", {tag}");
        assert!(given(&[]) && given(&["*"]) && given(&[&tag]) && given(&[&list]) && given(&["\"x\"", &tag]));
        assert!(!given(&[""]) && !given(&["\"x\""]) && !given(&[&format!("W/{tag}")]));
    }
}
