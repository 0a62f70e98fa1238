//! A router that describes what it routes.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use utoipa::openapi::path::{HttpMethod, Paths};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{Path, ToSchema};

use super::answers;

/// A router and the description of its paths.
pub struct DescribedRouter<S = ()> {
    router: Router<S>,
    description: Description,
}

/// The paths of a router, and the schemas that they refer to.
#[derive(Default)]
pub(super) struct Description {
    pub paths: Paths,
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

impl<S: Clone + Send + Sync + 'static> DescribedRouter<S> {
    /// Without paths.
    pub(in super::super) fn new() -> Self {
        Self {
            router: Router::new(),
            description: Description::default(),
        }
    }

    /// Routes the path and method of a description to a handler. `P` is what `utoipa::path`
    /// generates beside the handler.
    pub(in super::super) fn on<P: Path, H, T>(mut self, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let mut operation = P::operation();
        let own = std::mem::take(&mut operation.responses.responses);
        operation.responses.responses = answers::of_every_path();
        operation.responses.responses.extend(own);
        for method in P::methods() {
            let filter = filter_of(&method);
            self.router = self.router.route(&P::path(), on(filter, handler.clone()));
        }
        let methods = P::methods();
        let paths = &mut self.description.paths;
        paths.add_path_operation(P::path(), methods, operation);
        self
    }

    /// Describes a type that paths refer to, and the types within it.
    pub(in super::super) fn schema<T: ToSchema>(mut self) -> Self {
        let schemas = &mut self.description.schemas;
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
        self
    }

    /// Adds another router's paths, behind a prefix.
    pub(in super::super) fn nest(mut self, prefix: &str, inner: Self) -> Self {
        self.router = self.router.nest(prefix, inner.router);
        let Description { paths, schemas } = inner.description;
        let own = &mut self.description;
        for (path, item) in paths.paths {
            own.paths.paths.insert(format!("{prefix}{path}"), item);
        }
        own.schemas.extend(schemas);
        self
    }

    /// Adds another router's paths.
    pub(in super::super) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        let Description { paths, schemas } = other.description;
        self.description.paths.merge(paths);
        self.description.schemas.extend(schemas);
        self
    }

    /// Changes the router by something other than paths: layers, answers for unknown paths.
    pub(in super::super) fn map(self, change: impl FnOnce(Router<S>) -> Router<S>) -> Self {
        Self {
            router: change(self.router),
            description: self.description,
        }
    }

    /// Gives the handlers their state.
    pub(in super::super) fn with_state(self, state: S) -> DescribedRouter {
        DescribedRouter {
            router: self.router.with_state(state),
            description: self.description,
        }
    }

    /// The router, and its description.
    pub(super) fn into_parts(self) -> (Router<S>, Description) {
        (self.router, self.description)
    }

    /// The router alone.
    #[cfg(test)]
    pub(in super::super) fn into_router(self) -> Router<S> {
        self.router
    }
}

fn filter_of(method: &HttpMethod) -> MethodFilter {
    match method {
        HttpMethod::Get => MethodFilter::GET,
        HttpMethod::Post => MethodFilter::POST,
        HttpMethod::Put => MethodFilter::PUT,
        HttpMethod::Delete => MethodFilter::DELETE,
        HttpMethod::Options => MethodFilter::OPTIONS,
        HttpMethod::Head => MethodFilter::HEAD,
        HttpMethod::Patch => MethodFilter::PATCH,
        HttpMethod::Trace => MethodFilter::TRACE,
    }
}
