//! Routes that cannot be served without being described.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    handler::Handler,
    http::{Method, StatusCode},
    response::Response,
    routing::{MethodFilter, on},
};
use futures::future::BoxFuture;
use utoipa::openapi::{ResponseBuilder, path::HttpMethod};

use crate::auth::Gate;

use super::{Draft, describe::Described};

/// Routes, and what each is.
#[derive(Default)]
pub(crate) struct Routes {
    pub(super) router: Router<Gate>,
    pub(super) operations: Vec<Operation>,
}

pub(super) struct Operation {
    pub(super) method: Method,
    /// From the root, with the places of ids in braces.
    pub(super) path: String,
    /// `module_function` of the handler.
    pub(super) id: String,
    pub(super) summary: &'static str,
    pub(super) draft: Draft,
    /// It speaks Samora's dialect.
    pub(super) of_samora: bool,
}

macro_rules! methods {
    ($($name:ident, $filter:ident, $status:ident;)+) => {$(
        #[doc = concat!("Serves `", stringify!($filter), "`; when all goes well the status is `", stringify!($status), "`.")]
        pub(crate) fn $name<H, T: 'static, Args>(self, path: &str, handler: H, summary: &'static str) -> Self
        where
            H: Handler<T, Gate> + Described<Args>,
        {
            self.serve(MethodFilter::$filter, Method::$filter, StatusCode::$status, path, handler, summary)
        }
    )+};
}

impl Routes {
    methods! {
        get, GET, OK;
        post, POST, OK;
        create, POST, CREATED;
        accept, POST, ACCEPTED;
        put, PUT, OK;
        patch, PATCH, OK;
        delete, DELETE, OK;
    }

    fn serve<H, T: 'static, Args>(
        mut self,
        filter: MethodFilter,
        method: Method,
        status: StatusCode,
        path: &str,
        handler: H,
        summary: &'static str,
    ) -> Self
    where
        H: Handler<T, Gate> + Described<Args>,
    {
        let mut draft = Draft::default();
        H::describe(&mut draft, status.as_u16());
        let (path_there, id) = (path.to_owned(), name_of::<H>());
        self.operations.push(Operation { method, path: path_there, id, summary, draft, of_samora: false });
        self.router = self.router.route(path, on(filter, Erased::of(handler)));
        self
    }

    /// The last of them may also answer with this status, in the same form.
    pub(crate) fn or(mut self, status: StatusCode) -> Self {
        if let Some(Operation { draft, .. }) = self.operations.last_mut()
            && let Some(answer) = draft.answers.values().next().cloned()
        {
            draft.answers(status.as_u16(), answer);
        }
        self
    }

    /// The same routes inside whatever `layer` puts around the router of them.
    pub(crate) fn within(mut self, layer: impl FnOnce(Router<Gate>) -> Router<Gate>) -> Self {
        self.router = layer(self.router);
        self
    }

    /// These and those.
    pub(crate) fn merge(mut self, others: Routes) -> Self {
        self.router = self.router.merge(others.router);
        self.operations.extend(others.operations);
        self
    }

    /// The same under `prefix`.
    pub(crate) fn nest(mut self, prefix: &str) -> Self {
        self.router = Router::new().nest(prefix, self.router);
        for operation in &mut self.operations {
            operation.path.insert_str(0, prefix);
        }
        self
    }

    /// The same as routes of Samora's dialect, whose refusals have a form and a status of their own.
    pub(crate) fn of_samora(mut self) -> Self {
        for operation in &mut self.operations {
            operation.of_samora = true;
            operation.id.insert_str(0, "samora_");
        }
        self
    }

    /// What serves it.
    pub(crate) fn into_router(self) -> Router<Gate> {
        self.router
    }
}

/// A handler whose type is forgotten, so that what axum builds around one is compiled once, and not for each of them.
#[derive(Clone)]
struct Erased(Arc<dyn Fn(Request, Gate) -> BoxFuture<'static, Response> + Send + Sync>);

impl Erased {
    fn of<H: Handler<T, Gate>, T: 'static>(handler: H) -> Self {
        Self(Arc::new(move |request, gate| Box::pin(handler.clone().call(request, gate))))
    }
}

impl Handler<(), Gate> for Erased {
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: Request, gate: Gate) -> Self::Future {
        (self.0)(request, gate)
    }
}

/// `campaigns_create` of `…::campaigns::create`.
fn name_of<H>() -> String {
    let mut parts = std::any::type_name::<H>().rsplit("::");
    let (function, module) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{module}_{function}")
}

impl Operation {
    pub(super) fn http_method(&self) -> HttpMethod {
        match self.method {
            Method::POST => HttpMethod::Post,
            Method::PUT => HttpMethod::Put,
            Method::PATCH => HttpMethod::Patch,
            Method::DELETE => HttpMethod::Delete,
            _ => HttpMethod::Get,
        }
    }

    /// The refusals every operation may come to, and those of whatever changes something.
    pub(super) fn finish(&mut self) {
        if self.method != Method::GET {
            self.draft.refuses(StatusCode::CONFLICT, "Its state does not allow it, or it exists already.");
            self.draft.refuses(StatusCode::UNPROCESSABLE_ENTITY, "A value is wrong; `meta.field` names it.");
            self.draft.header(
                "Idempotency-Key",
                "The same request with the same key is carried out once, and answered the same for 24 hours.",
            );
        }
        self.draft.refuses(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on this side.");
        self.draft.refuses(StatusCode::SERVICE_UNAVAILABLE, "Too busy, or the database is away; try again.");
        if self.of_samora && self.draft.refusals.remove(&StatusCode::UNPROCESSABLE_ENTITY.as_u16()).is_some()
        {
            self.draft.refuses(
                StatusCode::BAD_REQUEST,
                "A value is wrong, or the body is no JSON; the message says which.",
            );
        }
        for (status, why) in &self.draft.refusals {
            let refusal = ResponseBuilder::new()
                .description(*why)
                .content("application/json", super::document::problem(self.of_samora));
            self.draft.answers.entry(*status).or_insert_with(|| refusal.build());
        }
    }
}
