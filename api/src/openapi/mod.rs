//! The description of the API for programs: OpenAPI 3.1, made from the types of the handlers.
//!
//! A handler's arguments and its answer each say what they add ([`Part`], [`Answer`]), and [`Routes`] takes only handlers whose parts all
//! do. So a route cannot be served without being described, nor described differently from how it is served.

pub(crate) mod bounds;
mod describe;
mod document;
mod draft;
mod routes;

pub(crate) use describe::{Answer, Part};
pub(crate) use draft::{Draft, whole_number};
pub(crate) use routes::Routes;
