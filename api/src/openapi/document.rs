//! The whole document.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Map, Value, json};
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, OpenApiBuilder, PathsBuilder, Ref, RefOr, ResponsesBuilder,
    link::Link,
    path::{OperationBuilder, PathItem},
    schema::{ObjectBuilder, Schema, SchemaType, Type},
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    tag::TagBuilder,
};

use super::{Routes, describe::null, routes::Operation};

const TITLE: &str = "Ringfleet";
const ABOUT: &str = "An outbound campaign dialer. Every answer is `{success, data, message, meta}`; of an error, `meta.code` is for \
programs and `message` for people. Samora's API beside it, under `/v1` and `/v2`, has answers and errors of its own. Send an API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`, or the access token of a user as \
`Authorization: Bearer TOKEN` and, where they are a member of several workspaces, `X-Workspace-Id`.";

/// The form of every error, of the native API or of Samora's.
pub(super) fn problem(of_samora: bool) -> Content {
    let name = if of_samora { "SamoraProblem" } else { "Problem" };
    Content::new(Some(RefOr::Ref(Ref::from_schema_name(name))))
}

/// Describes everything `routes` serves, as JSON.
pub(crate) fn document(mut routes: Vec<Operation>) -> Value {
    let (mut paths, mut schemas, mut tags) = (PathsBuilder::new(), BTreeMap::new(), Vec::new());
    link(&mut routes);
    for operation in &mut routes {
        operation.finish();
        schemas.extend(std::mem::take(&mut operation.draft.schemas));
        let (path, method) = (shown_path(operation), operation.http_method());
        let tag = match operation.of_samora {
            true => "samora".to_owned(),
            false => tag_of(&operation.path),
        };
        if !tags.contains(&tag) {
            tags.push(tag.clone());
        }
        paths = paths.path(path, PathItem::new(method, described(operation, tag)));
    }
    schemas.insert("Problem".into(), problem_schema());
    schemas.insert("SamoraProblem".into(), samora_problem_schema());
    schemas.insert("Page".into(), page_schema());
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(
            "bearer",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        )
        .security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key"))));
    let info = InfoBuilder::new().title(TITLE).description(Some(ABOUT)).version(env!("CARGO_PKG_VERSION"));
    let document = OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components.build()))
        .tags(Some(tags.into_iter().map(|tag| TagBuilder::new().name(tag).build()).collect::<Vec<_>>()))
        .build();
    let mut document = serde_json::to_value(document).unwrap_or_default();
    refer_to_what_has_a_name(&mut document);
    document
}

/// What is made by `POST /things` is found by the operations below `/things/{id}`.
fn link(routes: &mut [Operation]) {
    let below: Vec<_> =
        routes.iter().map(|it| (it.path.clone(), it.id.clone(), it.draft.ids.clone())).collect();
    for making in routes.iter_mut().filter(|it| it.method == Method::POST && it.draft.ids.is_empty()) {
        let place = format!("{}/{{", making.path);
        for (_, id, ids) in below.iter().filter(|(path, ..)| path.starts_with(&place)) {
            let [(_, name), ..] = ids.as_slice() else { continue };
            let link = Link::builder().operation_id(id).parameter(name, "$response.body#/data/id").build();
            for answer in making.draft.answers.values_mut() {
                answer.links.insert(id.clone(), link.clone().into());
            }
        }
    }
}

fn described(operation: &Operation, tag: String) -> utoipa::openapi::path::Operation {
    let draft = &operation.draft;
    let answers = draft.answers.iter().map(|(status, answer)| (status.to_string(), answer.clone()));
    let builder = OperationBuilder::new()
        .tag(tag)
        .operation_id(Some(operation.id.clone()))
        .summary(Some(operation.summary))
        .parameters(Some(draft.parameters.clone()))
        .request_body(draft.body.clone())
        .responses(ResponsesBuilder::new().responses_from_iter(answers).build());
    match draft.action {
        None if draft.for_users => builder
            .description(Some("Needs a user who has logged in; a key cannot do this."))
            .securities(Some([SecurityRequirement::new("bearer", [] as [&str; 0])])),
        None => builder.securities(Some([SecurityRequirement::default()])),
        Some(action) => builder.description(Some(format!("Needs a role that may {action}."))).securities(
            Some(["bearer", "apiKey"].map(|name| SecurityRequirement::new(name, [] as [&str; 0]))),
        ),
    }
    .build()
}

/// The path with ids named in words: `/campaigns/{campaignId}`.
fn shown_path(operation: &Operation) -> String {
    let ids = operation.draft.ids.iter();
    ids.fold(operation.path.clone(), |path, (prefix, name)| {
        path.replace(&format!("{{{prefix}}}"), &format!("{{{name}}}"))
    })
}

/// Operations are grouped by the first word of their path.
fn tag_of(path: &str) -> String {
    let mut words = path.split('/').filter(|word| !word.is_empty());
    words.find(|word| *word != "api" && !is_version(word)).unwrap_or_default().to_owned()
}

fn is_version(word: &str) -> bool {
    word.strip_prefix('v').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

fn problem_schema() -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
    let meta = ObjectBuilder::new()
        .property("code", text().description(Some("What went wrong, for programs.")))
        .property("field", text().description(Some("The path of the wrong value in the request.")))
        .required("code");
    let no = ObjectBuilder::new().schema_type(SchemaType::new(Type::Boolean)).enum_values(Some([false]));
    let problem = ObjectBuilder::new()
        .property("success", no)
        .property("data", null())
        .property("message", text().description(Some("What went wrong and what to do, for people.")))
        .property("meta", meta);
    ["success", "data", "message", "meta"].iter().fold(problem, |it, name| it.required(*name)).build().into()
}

fn samora_problem_schema() -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
    let message = text.description(Some("What went wrong and what to do, for people."));
    ObjectBuilder::new().property("message", message).required("message").build().into()
}

fn page_schema() -> RefOr<Schema> {
    let cursor = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .description(Some("Send it as `cursor` for the next page; null on the last one."));
    ObjectBuilder::new().property("next_cursor", cursor).required("next_cursor").build().into()
}

/// A list holds its items whole. Where the same object has a name, the name says it shorter.
fn refer_to_what_has_a_name(document: &mut Value) {
    let Some(named) = document.pointer("/components/schemas").and_then(Value::as_object) else { return };
    let named: BTreeMap<String, String> =
        named.iter().map(|(name, it)| (it.to_string(), name.clone())).collect();
    if let Some(paths) = document.get_mut("paths") {
        replace(paths, &named);
    }
}

fn replace(value: &mut Value, named: &BTreeMap<String, String>) {
    let is_object = value.get("type").is_some_and(|of| of == "object");
    if let Some(name) = is_object.then(|| named.get(&value.to_string())).flatten() {
        *value = json!({"$ref": format!("#/components/schemas/{name}")});
        return;
    }
    match value {
        Value::Object(entries) => Map::values_mut(entries).for_each(|value| replace(value, named)),
        Value::Array(items) => items.iter_mut().for_each(|value| replace(value, named)),
        _ => {}
    }
}

impl Routes {
    /// The method and path of each.
    pub(crate) fn list(&self) -> Vec<(Method, String)> {
        self.operations.iter().map(|it| (it.method.clone(), it.path.clone())).collect()
    }

    /// Describes these routes.
    pub(crate) fn document(&mut self) -> Value {
        document(std::mem::take(&mut self.operations))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, sync::Arc};

    use ringfleet_core::{SystemClock, delivery::RetrySchedule};
    use ringfleet_engine::Engine;
    use ringfleet_fleet::Fleet;
    use ringfleet_store::Store;

    async fn routes() -> Routes {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::sqlite(&folder.path().join("test.db")).await.unwrap();
        let engine = Engine::new(store, Fleet::in_process(), Arc::new(SystemClock), RetrySchedule::default());
        let gate = crate::auth::Gate::new(engine, crate::ApiSettings::default());
        crate::native::routes(&gate).merge(crate::samora::routes(&gate))
    }

    #[tokio::test]
    async fn every_name_stands_for_one_thing() {
        let routes = routes().await;
        let mut meanings = BTreeMap::<&str, BTreeSet<String>>::new();
        for (name, schema) in routes.operations.iter().flat_map(|operation| &operation.draft.schemas) {
            meanings.entry(name).or_default().insert(serde_json::to_string(schema).unwrap());
        }
        let unclear: Vec<_> = meanings.into_iter().filter(|(_, all)| all.len() > 1).collect();
        assert!(unclear.is_empty(), "give them names of their own with #[schema(as = …)]: {unclear:#?}");
        let ids: BTreeSet<_> = routes.operations.iter().map(|operation| &operation.id).collect();
        assert_eq!(ids.len(), routes.operations.len(), "two handlers share a module and a name");
    }

    #[tokio::test]
    async fn every_reference_leads_somewhere() {
        let document = routes().await.document();
        let text = document.to_string();
        let named: BTreeSet<_> = text
            .match_indices("\"#/components/schemas/")
            .map(|(at, found)| text[at + found.len()..].split('"').next().unwrap())
            .collect();
        assert!(named.contains("Problem") && named.contains("Campaign"), "{named:?}");
        for name in named {
            assert!(document["components"]["schemas"].get(name).is_some(), "{name} is described nowhere");
        }
    }
}
