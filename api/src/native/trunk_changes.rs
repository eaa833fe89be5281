//! What a request changes of a trunk, and when that makes sense.

use std::borrow::Cow;

use ringfleet_core::{net::Guard, trunk::TrunkConfig};
use ringfleet_store::{NewTrunk, Trunk};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, schema::Schema},
};

use super::{trunk_body::Body, trunk_messages::usual_port};
use crate::{
    error::{ApiError, Result},
    json,
};

/// Where secrets are sent.
const ADDRESSES: [&str; 3] = ["host", "baseUrl", "url"];
/// What of a new trunk stays as it is.
const KIND: &str = "kind";
const LIMITS: &str = "limits";

/// What is to change: the fields of a new trunk but `kind`. What a trunk can be without, `null` takes away.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Changes(Map<String, Value>);

impl ToSchema for Changes {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("TrunkChanges")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Body::schemas(schemas);
    }
}

impl PartialSchema for Changes {
    fn schema() -> RefOr<Schema> {
        let mut schema = Body::schema();
        if let RefOr::T(Schema::Object(body)) = &mut schema {
            body.required.clear();
            body.properties.remove(KIND);
            body.description =
                Some("What is to change; what is left out stays, and `null` takes away.".to_owned());
        }
        schema
    }
}

impl Changes {
    /// The trunk as it will be, checked like a new one; the first rule that is broken is named by its field.
    pub(super) async fn apply(self, trunk: &Trunk, guard: &Guard) -> Result<NewTrunk> {
        let kept = written(trunk);
        if self.0.get(KIND).is_some_and(|kind| kept.get(KIND) != Some(kind)) {
            return Err(ApiError::invalid(KIND, "stays what it is; make another trunk"));
        }
        self.secrets_go_where_they_went(&kept, trunk.config.secret_names())?;
        let mut given = self.0;
        // One of two limits: who changes one leaves the other as somebody else may have set it meanwhile.
        if let (Some(Value::Object(limits)), Some(Value::Object(others))) =
            (given.get_mut(LIMITS), kept.get(LIMITS))
        {
            for (name, value) in others {
                limits.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        let changed: Map<String, Value> = kept.into_iter().chain(given).collect();
        let body: Body = json::parse(Value::Object(changed).to_string().as_bytes())?;
        body.check(guard).await
    }

    /// Whoever may change a trunk need not know its secrets, and does not get to know them by having them sent elsewhere.
    fn secrets_go_where_they_went(&self, kept: &Map<String, Value>, secrets: &[&str]) -> Result<()> {
        let moves = |name: &&&str| self.0.get(**name).is_some_and(|value| kept.get(**name) != Some(value));
        let Some(address) = ADDRESSES.iter().find(moves) else { return Ok(()) };
        match secrets.iter().find(|name| kept.contains_key(**name) && !self.0.contains_key(**name)) {
            Some(secret) => Err(ApiError::invalid(
                *secret,
                format!("give it again: with another {address} it is sent elsewhere"),
            )),
            None => Ok(()),
        }
    }
}

/// The names of the secrets that are others now.
pub(super) fn secrets_changed(before: &TrunkConfig, after: &TrunkConfig) -> Vec<&'static str> {
    let names = after.secret_names().iter().copied();
    let (before, after) = (json!(before), json!(after));
    names.filter(|name| before.get(name) != after.get(name)).collect()
}

/// A trunk as the request that makes it would be, without what goes without saying.
fn written(trunk: &Trunk) -> Map<String, Value> {
    let Trunk { name, config, caller_id, caller_ids, limits, .. } = trunk;
    let mut all = match json!(config) {
        Value::Object(all) => all,
        _ => Map::new(),
    };
    if let TrunkConfig::Smtp(smtp) = config
        && smtp.port == usual_port(smtp.security)
    {
        all.remove("port");
    }
    let beside = [("name", json!(name)), ("callerId", json!(caller_id)), ("callerIds", json!(caller_ids))];
    all.extend(beside.map(|(name, value)| (name.to_owned(), value)));
    all.insert(LIMITS.to_owned(), json!(limits));
    all.retain(|_, value| !value.is_null() && *value != Value::Bool(false));
    all
}
