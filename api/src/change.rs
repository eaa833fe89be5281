//! Changes: what a handler that changes something has to work with.
//!
//! The engine is reachable for it only through a [`Change`], and a `Change` is answered only by what its receipt was written with.
//! So a handler that forgets its receipt has no answer, and the audit log, the kept answer of an Idempotency-Key and what the client
//! sees are one.

use std::{marker::PhantomData, sync::Arc};

use axum::response::{IntoResponse, Response};
use ringfleet_core::{AuditId, WorkspaceId};
use ringfleet_engine::{Claim, Deed, Engine, EngineError, Handed, KeptAnswer, Receipt, Told};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    auth::Gate,
    envelope::{Form, Native, Reply},
    error::{ApiError, Result},
    once::response_of,
    openapi::{self, Draft},
};

/// A change that somebody may make, that comes to a `T` and is answered with a `V` in the form `F`.
pub(crate) struct Change<T, V, F = Native> {
    gate: Gate,
    workspace: WorkspaceId,
    claim: Option<Arc<Claim>>,
    answer: Handed,
    receipt: Option<Receipt<T>>,
    shown: PhantomData<fn() -> Reply<V, F>>,
}

/// The answer of a change that has been made; it shows a `V` in the form `F`.
pub(crate) struct Answer<V, F = Native>(KeptAnswer, PhantomData<fn() -> Reply<V, F>>);

impl<V: ToSchema, F: Form> openapi::Answer for Answer<V, F> {
    fn describe(draft: &mut Draft, status: u16) {
        Reply::<V, F>::describe(draft, status);
    }
}

impl<V, F> IntoResponse for Answer<V, F> {
    fn into_response(self) -> Response {
        response_of(self.0)
    }
}

impl<T, V: Serialize, F: Form> Change<T, V, F> {
    pub(crate) fn new(
        gate: Gate,
        deed: Deed,
        claim: Option<Arc<Claim>>,
        tell: impl Fn(&T) -> Reply<V, F> + Send + Sync + 'static,
    ) -> Self {
        let id = AuditId::new(gate.engine().clock().now());
        let (workspace, answer) = (deed.workspace, Handed::default());
        let told = move |done: &T| told(tell(done));
        let receipt = Some(Receipt::new(id, deed, claim.clone(), answer.clone(), told));
        Self { gate, workspace, claim, answer, receipt, shown: PhantomData }
    }

    /// The rules.
    pub(crate) fn engine(&self) -> &Engine {
        self.gate.engine()
    }

    /// The workspace everything has to belong to.
    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// What has to be written in the transaction of the change. There is one.
    pub(crate) fn receipt(&mut self) -> Receipt<T> {
        self.receipt.take().unwrap_or(Receipt::none())
    }

    /// The answer, once the change is committed.
    pub(crate) fn answer(self) -> Result<Answer<V, F>> {
        let Some(answer) = self.answer.lock().take() else {
            tracing::error!("a change was made without its receipt");
            debug_assert!(false, "a change was made without its receipt");
            return Err(ApiError::internal());
        };
        if let Some(claim) = &self.claim {
            claim.kept();
        }
        Ok(Answer(answer, PhantomData))
    }
}

fn told<V: Serialize, F: Form>(reply: Reply<V, F>) -> ringfleet_engine::Result<Told> {
    let (target, detail) = (reply.target(), reply.detail());
    let broken =
        |error: serde_json::Error| EngineError::Broken(format!("an answer cannot be written: {error}"));
    let answer = Some(reply.kept().map_err(broken)?);
    Ok(Told { answer, target, detail })
}

/// A detail of the audit log may be this long as JSON, in bytes; of longer ones the names of the fields are kept.
const DETAIL_LIMIT: usize = 4 * 1024;

/// Which fields of a view have changed: `{"weight": {"from": 1, "to": 2}}`.
pub(crate) fn difference<V: Serialize>(before: &V, after: &V) -> Value {
    let (Ok(Value::Object(before)), Ok(Value::Object(after))) =
        (serde_json::to_value(before), serde_json::to_value(after))
    else {
        return json!({});
    };
    let changed = after.iter().filter(|(name, value)| before.get(*name) != Some(*value));
    let each = |(name, to): (&String, &Value)| (name.clone(), json!({ "from": before.get(name), "to": to }));
    let detail: Map<String, Value> = changed.map(each).collect();
    match Value::Object(detail.clone()) {
        detail if detail.to_string().len() <= DETAIL_LIMIT => detail,
        _ => json!({ "changed": detail.keys().collect::<Vec<_>>() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told_and_a_long_list_by_name() {
        let (before, after) = (json!({"a": 1, "b": [1], "c": null}), json!({"a": 1, "b": [2], "c": "x"}));
        let told = json!({"b": {"from": [1], "to": [2]}, "c": {"from": null, "to": "x"}});
        assert_eq!(difference(&before, &after), told);
        assert_eq!(difference(&after, &after), json!({}));
        let long = json!({"a": 2, "b": "x".repeat(DETAIL_LIMIT), "c": null});
        assert_eq!(difference(&before, &long), json!({"changed": ["a", "b"]}));
    }
}
