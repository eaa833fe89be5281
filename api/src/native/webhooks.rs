//! Webhooks: the customer's endpoints that hear of events.

use ringfleet_core::{WebhookId, event::EventType, id::WebhookKind, signing::Secret};
use ringfleet_store::Webhook;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::Json,
    page::Paging,
    path::PathId,
    query::Query,
};

/// Longest URL, in characters.
const URL_LIMIT: usize = 2000;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewWebhook)]
pub(super) struct Body {
    url: String,
    events: Option<Vec<EventType>>,
}

/// A webhook as the API shows it: without its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub(super) struct View {
    id: WebhookId,
    url: String,
    events: Vec<EventType>,
    created_at: Moment,
}

/// A webhook as the one answer shows it that makes it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookMade)]
pub(super) struct MadeView {
    #[serde(flatten)]
    webhook: View,
    signing_secret: String,
}

/// What is left of a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDeleted)]
pub(super) struct DeletedView {
    id: WebhookId,
    deleted: bool,
}

impl From<Webhook> for View {
    fn from(webhook: Webhook) -> Self {
        let Webhook { id, url, events, created_at, .. } = webhook;
        Self { id, url, events, created_at: created_at.into() }
    }
}

/// `POST /webhooks`: makes an endpoint. The only answer that shows its signing secret.
pub(super) async fn create(
    door: Allowed<may::EditWebhooks>,
    Json(body): Json<Body>,
) -> Result<Answer<MadeView>> {
    check_url(&body.url).map_err(|problem| ApiError::invalid("url", problem))?;
    let mut events = body.events.unwrap_or_default();
    events.sort();
    events.dedup();
    let secret = Secret::new(rand::random());
    let shown = secret.reveal();
    let now = door.now();
    let mut change = door.change("webhook.create", move |made: &Webhook| {
        let view = MadeView { webhook: made.clone().into(), signing_secret: shown.clone() };
        Reply::created(view).about(made.id).with_detail(json!({ "url": made.url, "events": made.events }))
    });
    let receipt = change.receipt();
    let mut tx = change.engine().store().write().await?;
    let made = tx.insert_webhook(change.workspace(), &body.url, &events, &secret, now).await?;
    receipt.write(&mut tx, &made, change.engine().clock()).await?;
    tx.commit().await?;
    change.answer()
}

/// `GET /webhooks`: a page of the workspace's endpoints, without their secrets.
pub(super) async fn list(door: Allowed<may::Read>, Query(paging): Query<Paging>) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let webhooks = tx.webhooks(door.workspace(), paging.ask()).await?;
    tx.commit().await?;
    Ok(paging.reply(webhooks, |webhook| webhook.id.into()))
}

/// `DELETE /webhooks/:id`: removes an endpoint; what is still on its way to it is given up.
pub(super) async fn remove(
    door: Allowed<may::EditWebhooks>,
    PathId(id): PathId<WebhookKind>,
) -> Result<Answer<DeletedView>> {
    let now = door.now();
    let mut change =
        door.change("webhook.delete", move |_: &()| Reply::ok(DeletedView { id, deleted: true }).about(id));
    let receipt = change.receipt();
    let mut tx = change.engine().store().write().await?;
    if !tx.delete_webhook(change.workspace(), id, now).await? {
        return Err(ApiError::not_found("webhook")); // dropping the transaction undoes all of it
    }
    receipt.write(&mut tx, &(), change.engine().clock()).await?;
    tx.commit().await?;
    change.answer()
}

/// The URL parser forgives much; what is kept and sent to must be what was meant.
fn check_url(text: &str) -> Result<(), &'static str> {
    if text.chars().count() > URL_LIMIT {
        return Err("must be at most 2000 characters");
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err("must not hold spaces, control characters or backslashes");
    }
    let url = Url::parse(text).map_err(|_| "must be a whole URL like https://example.com/hook")?;
    let after_scheme = text.split_once(':').map_or("", |(_, rest)| rest);
    if !matches!(url.scheme(), "http" | "https") || !after_scheme.starts_with("//") {
        return Err("must begin with http:// or https://");
    }
    if after_scheme.starts_with("///") || url.host_str().is_none_or(str::is_empty) || url.port() == Some(0) {
        return Err("must name a host, and a port that is not 0");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or a password; check the signature of the request instead");
    }
    if url.fragment().is_some() {
        return Err("must not hold a fragment (#…)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_url;

    #[test]
    fn only_whole_plain_http_urls_pass() {
        for good in [
            "https://example.com/hook?a=1",
            "http://127.0.0.1:8080",
            "http://[::1]:9/x",
            "HTTPS://EXAMPLE.com",
        ] {
            assert_eq!(check_url(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "example.com/hook",
            "ftp://example.com",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https:example.com",
            "https:///example.com",
            "http://",
            "http://user@example.com",
            "http://:pw@example.com",
            "http://example.com/#a",
            "http://example.com/a b",
            "http:\\\\example.com",
            "http://example.com:0/",
            "http://example.com:99999/",
            "http://exa\tmple.com",
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
        assert!(check_url(&format!("http://h/{}", "x".repeat(2000))).is_err());
    }
}
