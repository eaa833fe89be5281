//! Routes that can be listed: a router that writes down what it is built of.

use axum::{
    Router,
    handler::Handler,
    http::Method,
    routing::{MethodFilter, on},
};

use crate::auth::Gate;

/// A router and the method and path of each of its handlers.
pub(crate) struct Routes {
    router: Router<Gate>,
    list: Vec<(Method, &'static str)>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), list: Vec::new() }
    }

    fn on<T: 'static>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        handler: impl Handler<T, Gate>,
    ) -> Self {
        self.list.push((method, path));
        Self { router: self.router.route(path, on(filter, handler)), list: self.list }
    }

    pub(crate) fn get<T: 'static>(self, path: &'static str, handler: impl Handler<T, Gate>) -> Self {
        self.on(Method::GET, MethodFilter::GET, path, handler)
    }

    pub(crate) fn post<T: 'static>(self, path: &'static str, handler: impl Handler<T, Gate>) -> Self {
        self.on(Method::POST, MethodFilter::POST, path, handler)
    }

    pub(crate) fn put<T: 'static>(self, path: &'static str, handler: impl Handler<T, Gate>) -> Self {
        self.on(Method::PUT, MethodFilter::PUT, path, handler)
    }

    pub(crate) fn patch<T: 'static>(self, path: &'static str, handler: impl Handler<T, Gate>) -> Self {
        self.on(Method::PATCH, MethodFilter::PATCH, path, handler)
    }

    pub(crate) fn delete<T: 'static>(self, path: &'static str, handler: impl Handler<T, Gate>) -> Self {
        self.on(Method::DELETE, MethodFilter::DELETE, path, handler)
    }

    /// Puts something around all routes there are so far.
    pub(crate) fn within(self, around: impl FnOnce(Router<Gate>) -> Router<Gate>) -> Self {
        Self { router: around(self.router), list: self.list }
    }

    /// These routes and those of `other`.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.list.extend(other.list);
        Self { router: self.router.merge(other.router), list: self.list }
    }

    pub(crate) fn into_router(self) -> Router<Gate> {
        self.router
    }

    pub(crate) fn list(&self) -> &[(Method, &'static str)] {
        &self.list
    }
}
