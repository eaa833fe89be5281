use chrono::{DateTime, Utc};
use ringfleet_core::{
    AgentId, WebhookId, WorkspaceId,
    event::EventType,
    signing::Secret,
    webhook::{CustomHeaders, DataOptions, Format, SamoraEvent, Style},
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Page, Result, Timestamp, Tx,
    record::record,
    rows,
    secrets::OldSecret,
    tx::{all, exec, on, one, page, scalar},
};

record! {
    /// An endpoint of a customer that wants to hear of events.
    pub struct Webhook {
        /// Its id.
        pub id: WebhookId,
        /// The tenant.
        pub workspace_id: WorkspaceId,
        /// Where it is.
        pub url: String,
        /// How people call it.
        pub name: Option<String>,
        /// What it is for.
        pub description: Option<String>,
        /// Whose bodies it gets.
        pub format: Format,
        /// How its requests are signed.
        pub style: Style,
        /// What it wants to hear of, where its format is Ringfleet's; empty means everything.
        pub events: Vec<EventType>,
        /// The same where its format is Samora's.
        pub samora_events: Vec<SamoraEvent>,
        /// Only what happens to calls of this agent.
        pub agent_id: Option<AgentId>,
        /// Headers that go along.
        pub custom_headers: CustomHeaders,
        /// What its bodies tell beyond the call.
        pub data_options: DataOptions,
        /// Most requests per second.
        pub max_per_second: Option<u32>,
        /// Whether it is told anything.
        pub is_active: bool,
        /// Why a rule has switched it off.
        pub disabled_reason: Option<String>,
        /// How often a rule has.
        pub disabled: u32,
        /// The first failure since the last success.
        pub failing_since: Option<DateTime<Utc>>,
        /// When it was made.
        pub created_at: DateTime<Utc>,
        /// When it was last changed.
        pub updated_at: DateTime<Utc>,
    }
}

record! {
    /// As much of an endpoint as whoever publishes has to know.
    pub struct Listener {
        /// The endpoint.
        pub id: WebhookId,
        /// The tenant.
        pub workspace_id: WorkspaceId,
        /// Whose bodies it gets.
        pub format: Format,
        /// What it wants to hear of; empty means everything.
        pub events: Vec<EventType>,
        /// The same where its format is Samora's.
        pub samora_events: Vec<SamoraEvent>,
        /// Only what happens to calls of this agent.
        pub agent_id: Option<AgentId>,
        /// What its bodies tell beyond the call.
        pub data_options: DataOptions,
    }
}

/// An endpoint to be made.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Where it is.
    pub url: String,
    /// How people call it.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Whose bodies it gets.
    pub format: Format,
    /// How its requests are signed.
    pub style: Style,
    /// What it wants to hear of; empty means everything.
    pub events: Vec<EventType>,
    /// The same where its format is Samora's.
    pub samora_events: Vec<SamoraEvent>,
    /// Only what happens to calls of this agent.
    pub agent_id: Option<AgentId>,
    /// Headers that go along.
    pub custom_headers: CustomHeaders,
    /// What its bodies tell beyond the call.
    pub data_options: DataOptions,
    /// Most requests per second.
    pub max_per_second: Option<u32>,
    /// What its requests are signed with.
    pub secret: Secret,
}

impl NewWebhook {
    /// One that gets Ringfleet's bodies, signed after Standard Webhooks, and has no wishes of its own.
    pub fn new(url: &str, events: &[EventType], secret: &Secret) -> Self {
        Self {
            url: url.to_owned(),
            name: None,
            description: None,
            format: Format::Ringfleet,
            style: Style::Standard,
            events: events.to_vec(),
            samora_events: Vec::new(),
            agent_id: None,
            custom_headers: CustomHeaders::new(),
            data_options: DataOptions::default(),
            max_per_second: None,
            secret: secret.clone(),
        }
    }
}

impl Listener {
    /// Whether it wants to hear that `event` happened to something of this agent's.
    pub fn wants(&self, event: EventType, agent: Option<AgentId>) -> bool {
        self.format == Format::Ringfleet
            && self.listens_to(agent)
            && (self.events.is_empty() || self.events.contains(&event))
    }

    /// The same of an event of Samora's.
    pub fn wants_samora(&self, event: SamoraEvent, agent: Option<AgentId>) -> bool {
        self.format == Format::Samora && self.listens_to(agent) && self.samora_events.contains(&event)
    }

    fn listens_to(&self, agent: Option<AgentId>) -> bool {
        self.agent_id.is_none() || self.agent_id == agent
    }
}

impl Tx {
    /// Makes an endpoint.
    pub async fn insert_webhook(
        &mut self,
        workspace: WorkspaceId,
        new: NewWebhook,
        now: DateTime<Utc>,
    ) -> Result<Webhook> {
        let id = WebhookId::new(now);
        let secret = self.seal_webhook(&new.secret, id)?;
        let headers = self.seal_headers(&new.custom_headers, id)?;
        exec!(
            self,
            "INSERT INTO webhooks (id, workspace_id, url, name, description, format, style, events, samora_events, agent_id,
                    custom_headers, data_options, max_per_second, secret, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)",
            id.uuid(),
            workspace.uuid(),
            &new.url,
            &new.name,
            &new.description,
            new.format.as_str(),
            new.style.as_str(),
            Json(&new.events),
            Json(&new.samora_events),
            new.agent_id.map(AgentId::uuid),
            Json(&headers),
            Json(&new.data_options),
            new.max_per_second.map(|n| n as i32),
            secret,
            Timestamp(now)
        )?;
        let NewWebhook { url, name, description, format, style, events, samora_events, agent_id, .. } = new;
        Ok(Webhook {
            id,
            workspace_id: workspace,
            url,
            name,
            description,
            format,
            style,
            events,
            samora_events,
            agent_id,
            custom_headers: new.custom_headers,
            data_options: new.data_options,
            max_per_second: new.max_per_second,
            is_active: true,
            disabled_reason: None,
            disabled: 0,
            failing_since: None,
            created_at: now,
            updated_at: now,
        })
    }

    /// A page of the workspace's endpoints, newest first.
    pub async fn webhooks(&mut self, workspace: WorkspaceId, page: Page) -> Result<Vec<Webhook>> {
        let kept: Result<Vec<Webhook>> = page!(
            self,
            Webhook,
            page,
            "SELECT * FROM webhooks WHERE workspace_id = $1 AND deleted_at IS NULL AND id > $2 AND id < $3",
            "id",
            (workspace.uuid())
        );
        kept?.into_iter().map(|webhook| self.opened(webhook)).collect()
    }

    /// How many endpoints the workspace has.
    pub async fn count_webhooks(&mut self, workspace: WorkspaceId) -> Result<u32> {
        let counted = scalar!(
            self,
            i64,
            "SELECT count(*) FROM webhooks WHERE workspace_id = $1 AND deleted_at IS NULL",
            workspace.uuid()
        )?;
        Ok(counted.unwrap_or(0) as u32)
    }

    /// Every endpoint of the workspace with these bodies, of this agent where one is named, newest first.
    pub async fn webhooks_of_format(
        &mut self,
        workspace: WorkspaceId,
        format: Format,
        agent: Option<AgentId>,
    ) -> Result<Vec<Webhook>> {
        let kept = all!(
            self,
            Webhook,
            "SELECT * FROM webhooks WHERE workspace_id = $1 AND deleted_at IS NULL AND format = $2
                AND ($3 IS NULL OR agent_id = $3) ORDER BY id DESC",
            workspace.uuid(),
            format.as_str(),
            agent.map(AgentId::uuid)
        );
        kept?.into_iter().map(|webhook| self.opened(webhook)).collect()
    }

    fn opened(&self, mut webhook: Webhook) -> Result<Webhook> {
        webhook.custom_headers = self.open_headers(webhook.custom_headers, webhook.id)?;
        Ok(webhook)
    }

    /// One endpoint of the workspace.
    pub async fn webhook(&mut self, workspace: WorkspaceId, id: WebhookId) -> Result<Option<Webhook>> {
        let kept = one!(
            self,
            Webhook,
            "SELECT * FROM webhooks WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL",
            workspace.uuid(),
            id.uuid()
        )?;
        kept.map(|webhook| self.opened(webhook)).transpose()
    }

    /// The same, held until this transaction ends.
    pub async fn webhook_for_update(
        &mut self,
        workspace: WorkspaceId,
        id: WebhookId,
    ) -> Result<Option<Webhook>> {
        let kept = one!(
            self,
            Webhook,
            "SELECT * FROM webhooks WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL FOR UPDATE",
            workspace.uuid(),
            id.uuid()
        )?;
        kept.map(|webhook| self.opened(webhook)).transpose()
    }

    /// Every endpoint of these workspaces that is told anything.
    pub async fn listeners(&mut self, workspaces: &[Uuid]) -> Result<Vec<Listener>> {
        all!(
            self,
            Listener,
            "SELECT id, workspace_id, format, events, samora_events, agent_id, data_options FROM webhooks
             WHERE deleted_at IS NULL AND is_active AND workspace_id IN (SELECT id FROM ROWS($1, id uuid) AS r)",
            rows::ids(workspaces.iter().copied())?
        )
    }

    /// Writes what can be changed of an endpoint. Hold it first. Switched on it begins anew; switched off, what is on its way is given up
    /// ([`Tx::give_up_deliveries`]).
    pub async fn update_webhook(&mut self, webhook: &Webhook, now: DateTime<Utc>) -> Result<()> {
        let headers = self.seal_headers(&webhook.custom_headers, webhook.id)?;
        exec!(
            self,
            "UPDATE webhooks SET url = $2, name = $3, description = $4, style = $5, events = $6, samora_events = $7, agent_id = $8,
                    custom_headers = $9, data_options = $10, max_per_second = $11,
                    disabled_reason = CASE WHEN $12 THEN NULL ELSE disabled_reason END,
                    failing_since = CASE WHEN is_active THEN failing_since ELSE NULL END,
                    given_up_at = CASE WHEN is_active AND NOT $12 THEN $13 ELSE given_up_at END,
                    is_giving_up = is_giving_up OR (is_active AND NOT $12), is_active = $12, updated_at = $13
             WHERE id = $1",
            webhook.id.uuid(),
            &webhook.url,
            &webhook.name,
            &webhook.description,
            webhook.style.as_str(),
            Json(&webhook.events),
            Json(&webhook.samora_events),
            webhook.agent_id.map(AgentId::uuid),
            Json(&headers),
            Json(&webhook.data_options),
            webhook.max_per_second.map(|n| n as i32),
            webhook.is_active,
            Timestamp(now)
        )?;
        Ok(())
    }

    /// How many old secrets of an endpoint still sign at `now`.
    pub async fn count_old_secrets(&mut self, id: WebhookId, now: DateTime<Utc>) -> Result<usize> {
        let (_, old) = self.kept_secrets(id).await?;
        Ok(old.iter().filter(|old| old.until > now.timestamp_millis()).count())
    }

    /// Gives an endpoint a new secret; the present one goes on signing until `old_until`. Hold the endpoint first. Whatever has signed
    /// long enough is forgotten.
    pub async fn rotate_secret(
        &mut self,
        id: WebhookId,
        secret: &Secret,
        old_until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let (present, mut old) = self.kept_secrets(id).await?;
        // The old ones end no later than this one: a leak ends them all.
        old.retain(|old| old.until > now.timestamp_millis());
        for old in &mut old {
            old.until = old.until.min(old_until.timestamp_millis());
        }
        old.insert(0, OldSecret { secret: present, until: old_until.timestamp_millis() });
        old.retain(|old| old.until > now.timestamp_millis());
        let secret = self.seal_webhook(secret, id)?;
        exec!(
            self,
            "UPDATE webhooks SET secret = $2, old_secrets = $3, updated_at = $4 WHERE id = $1",
            id.uuid(),
            secret,
            Json(&old),
            Timestamp(now)
        )?;
        Ok(())
    }

    /// Switches an endpoint off because a rule says so; what is on its way to it is given up ([`Tx::give_up_deliveries`]). None when it was off
    /// or is gone. What is given has no headers: whether they can be opened must not matter here.
    pub async fn disable_webhook(
        &mut self,
        id: WebhookId,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Webhook>> {
        let disabled = one!(
            self,
            Webhook,
            "UPDATE webhooks SET is_active = false, disabled_reason = $2, disabled = disabled + 1, updated_at = $3,
                    given_up_at = $3, is_giving_up = true
             WHERE id = $1 AND is_active AND deleted_at IS NULL RETURNING *",
            id.uuid(),
            reason,
            Timestamp(now)
        )?;
        Ok(disabled.map(|webhook: Webhook| Webhook { custom_headers: CustomHeaders::new(), ..webhook }))
    }

    /// Notes that requests to these endpoints have failed, where the one before had not; and the other way round. Held in one order for
    /// everybody.
    pub async fn note_health(&mut self, failing: &[Uuid], well: &[Uuid], now: DateTime<Utc>) -> Result<()> {
        if !failing.is_empty() {
            exec!(
                self,
                "UPDATE webhooks SET failing_since = $2 WHERE id IN (SELECT w.id FROM webhooks w WHERE w.failing_since IS NULL
                    AND w.id IN (SELECT id FROM ROWS($1, id uuid) AS r) ORDER BY w.id FOR UPDATE)",
                rows::ids(failing.iter().copied())?,
                Timestamp(now)
            )?;
        }
        if !well.is_empty() {
            exec!(
                self,
                "UPDATE webhooks SET failing_since = NULL WHERE id IN (SELECT w.id FROM webhooks w WHERE w.failing_since IS NOT NULL
                    AND w.id IN (SELECT id FROM ROWS($1, id uuid) AS r) ORDER BY w.id FOR UPDATE)",
                rows::ids(well.iter().copied())?
            )?;
        }
        Ok(())
    }

    /// Removes an endpoint, if it gets these bodies where any are named; what is still on its way to it is given up
    /// ([`Tx::give_up_deliveries`]). False when there is none.
    pub async fn delete_webhook(
        &mut self,
        workspace: WorkspaceId,
        id: WebhookId,
        only: Option<Format>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let changed = exec!(
            self,
            "UPDATE webhooks SET deleted_at = $3, secret = '', old_secrets = '[]', custom_headers = '{}', given_up_at = $3, is_giving_up = true
             WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL AND ($4 IS NULL OR format = $4)",
            workspace.uuid(),
            id.uuid(),
            Timestamp(now),
            only.map(Format::as_str)
        )?;
        Ok(changed > 0)
    }
}
