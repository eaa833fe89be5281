//! What the arguments and the answer of a handler add to its description.

use std::future::Future;

use axum::http::HeaderName;
use utoipa::{
    ToSchema,
    openapi::{
        Content, Ref, RefOr, ResponseBuilder,
        schema::{ObjectBuilder, Schema, SchemaType, Type},
    },
};

use crate::{
    envelope::{Form, Reply},
    error::Result,
};

use super::Draft;

/// An argument of a handler.
pub(crate) trait Part {
    /// Says what it reads and how it can refuse.
    fn describe(draft: &mut Draft);
}

/// What a handler answers when all went well.
pub(crate) trait Answer {
    /// Says what the answer with this status looks like.
    fn describe(draft: &mut Draft, status: u16);
}

impl<A: Answer> Answer for Result<A> {
    fn describe(draft: &mut Draft, status: u16) {
        A::describe(draft, status);
    }
}

impl<T: ToSchema, F: Form> Answer for Reply<T, F> {
    fn describe(draft: &mut Draft, status: u16) {
        let data = draft.of::<T>();
        let meta = match draft.has_query("cursor") {
            true => Ref::from_schema_name("Page").into(),
            false => null(),
        };
        let body = Content::new(Some(F::describe(data, meta)));
        let answer = ResponseBuilder::new().description("Done.").content("application/json", body).build();
        draft.answers(status, answer);
    }
}

/// The same with a cookie.
impl<T: ToSchema> Answer for ([(HeaderName, String); 1], Reply<T>) {
    fn describe(draft: &mut Draft, status: u16) {
        <Reply<T> as Answer>::describe(draft, status);
    }
}

/// Nothing.
pub(super) fn null() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::Null)).build().into()
}

/// A function that is described by its types. `Args` tells apart how many it has.
pub(crate) trait Described<Args> {
    /// Describes it; when all went well it answers with `status`.
    fn describe(draft: &mut Draft, status: u16);
}

macro_rules! described {
    ($($arg:ident),*) => {
        impl<F, Fut, R, $($arg),*> Described<($($arg,)*)> for F
        where
            F: Fn($($arg),*) -> Fut,
            Fut: Future<Output = R>,
            R: Answer,
            $($arg: Part,)*
        {
            fn describe(draft: &mut Draft, status: u16) {
                $($arg::describe(draft);)*
                R::describe(draft, status);
            }
        }
    };
}
described!();
described!(A);
described!(A, B);
described!(A, B, C);
described!(A, B, C, D);
described!(A, B, C, D, E);
