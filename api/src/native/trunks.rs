//! Trunks: configured carriers of a workspace.

use std::collections::{BTreeMap, HashMap};

use chrono::DateTime;
use ringfleet_core::{
    CallerIds, Channel, TrunkId,
    brake::{BrakeState, Health},
    id::TrunkKind,
    livekit_trunk::LivekitTrunk,
    message_trunk::{SmtpSecurity, WhatsappTrunk},
    telnyx_trunk::TelnyxTrunk,
    trunk::{Limits, MediaStream, OutcomeRule, SipTransport, TrunkConfig},
};
use ringfleet_engine::{Changed, EngineError};
use ringfleet_store::{NewTrunk, Trunk, TrunkHealth};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    trunk_body::Body,
    trunk_changes::{Changes, secrets_changed},
};
use crate::{
    auth::{Allowed, may},
    change::{Answer, difference},
    envelope::{Moment, Reply},
    error::{ApiError, Result},
    json::{Json, NoBody},
    page::Paging,
    path::PathId,
    query::Query,
};

/// A trunk as the API shows it: never its password, token or secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Trunk)]
pub(super) struct View {
    id: TrunkId,
    name: String,
    /// How people are reached over it.
    channel: Channel,
    #[serde(flatten)]
    carrier: Carrier,
    has_password: bool,
    caller_id: Option<String>,
    caller_ids: Option<CallerIds>,
    limits: Limits,
    health: HealthView,
    created_at: Moment,
}

/// Whether calls may begin on a trunk, and why not.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TrunkHealth)]
struct HealthView {
    status: BrakeState,
    /// The trouble it last had, until it works again.
    reason: Option<String>,
    /// When it came into this state; null when it never had trouble.
    since: Option<Moment>,
    /// When the far end is asked whether it is there.
    next_probe_at: Option<Moment>,
    rests_in_a_row: u32,
}

impl From<Option<TrunkHealth>> for HealthView {
    fn from(health: Option<TrunkHealth>) -> Self {
        let known = health.is_some();
        let health = health.map_or_else(Health::unknown, TrunkHealth::health);
        let is_paused = health.state == BrakeState::Paused;
        Self {
            since: Moment::maybe((known && health.since > Health::unknown().since).then_some(health.since)),
            next_probe_at: Moment::maybe(is_paused.then_some(health.until)),
            status: health.state,
            reason: health.reason,
            rests_in_a_row: health.pauses,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
#[schema(as = ShownCarrier)]
enum Carrier {
    #[serde(rename_all = "camelCase")]
    Sip {
        host: String,
        port: Option<u16>,
        transport: SipTransport,
        domain: Option<String>,
        username: Option<String>,
        tls_server_name: Option<String>,
        ca_certificate: Option<String>,
        sips: bool,
        register: bool,
        register_expires: Option<u32>,
        session_expires: Option<u32>,
        #[schema(value_type = BTreeMap<String, OutcomeRule>)]
        outcomes: BTreeMap<u16, OutcomeRule>,
    },
    #[serde(rename_all = "camelCase")]
    Twilio {
        account_sid: String,
        api_key_sid: Option<String>,
        base_url: String,
        machine_detection: bool,
        stream: Option<MediaStream>,
    },
    #[serde(rename_all = "camelCase")]
    Telnyx {
        connection_id: String,
        public_key: String,
        base_url: String,
        machine_detection: bool,
        stream: Option<MediaStream>,
    },
    #[serde(rename_all = "camelCase")]
    Livekit { url: String, api_key: String, sip_trunk_id: String, agent_name: String, krisp: bool },
    #[serde(rename_all = "camelCase")]
    Simulated { ring_ms: u64, talk_ms: u64 },
    #[serde(rename_all = "camelCase")]
    TwilioSms {
        account_sid: String,
        api_key_sid: Option<String>,
        base_url: String,
        messaging_service_sid: Option<String>,
    },
    #[serde(rename_all = "camelCase")]
    Whatsapp { phone_number_id: String, base_url: String },
    #[serde(rename_all = "camelCase")]
    Smtp {
        host: String,
        port: u16,
        security: SmtpSecurity,
        username: Option<String>,
        from: String,
        reply_to: Option<String>,
    },
}

impl Carrier {
    /// What is shown of these settings, and whether there is a secret among them.
    fn shown(config: TrunkConfig) -> (Self, bool) {
        match config {
            TrunkConfig::Sip(sip) => {
                let carrier = Self::Sip {
                    host: sip.host,
                    port: sip.port,
                    transport: sip.transport,
                    domain: sip.domain,
                    username: sip.username,
                    tls_server_name: sip.tls_server_name,
                    ca_certificate: sip.ca_certificate,
                    sips: sip.sips,
                    register: sip.register,
                    register_expires: sip.register_expires,
                    session_expires: sip.session_expires,
                    outcomes: sip.outcomes,
                };
                (carrier, sip.password.is_some())
            }
            TrunkConfig::Twilio(twilio) => {
                let carrier = Self::Twilio {
                    account_sid: twilio.account_sid,
                    api_key_sid: twilio.api_key_sid,
                    base_url: twilio.base_url,
                    machine_detection: twilio.machine_detection,
                    stream: twilio.stream,
                };
                (carrier, true)
            }
            TrunkConfig::Telnyx(telnyx) => {
                let TelnyxTrunk { connection_id, public_key, base_url, machine_detection, stream, .. } =
                    telnyx;
                (Self::Telnyx { connection_id, public_key, base_url, machine_detection, stream }, true)
            }
            TrunkConfig::Livekit(livekit) => {
                let LivekitTrunk { url, api_key, sip_trunk_id, agent_name, krisp, .. } = livekit;
                (Self::Livekit { url, api_key, sip_trunk_id, agent_name, krisp }, true)
            }
            TrunkConfig::Simulated(simulated) => {
                (Self::Simulated { ring_ms: simulated.ring_ms, talk_ms: simulated.talk_ms }, false)
            }
            TrunkConfig::TwilioSms(sms) => {
                let carrier = Self::TwilioSms {
                    account_sid: sms.account_sid,
                    api_key_sid: sms.api_key_sid,
                    base_url: sms.base_url,
                    messaging_service_sid: sms.messaging_service_sid,
                };
                (carrier, true)
            }
            TrunkConfig::Whatsapp(whatsapp) => {
                let WhatsappTrunk { phone_number_id, base_url, .. } = whatsapp;
                (Self::Whatsapp { phone_number_id, base_url }, true)
            }
            TrunkConfig::Smtp(smtp) => {
                let carrier = Self::Smtp {
                    host: smtp.host,
                    port: smtp.port,
                    security: smtp.security,
                    username: smtp.username,
                    from: smtp.from,
                    reply_to: smtp.reply_to,
                };
                (carrier, smtp.password.is_some())
            }
        }
    }
}

impl View {
    fn new(trunk: Trunk, health: Option<TrunkHealth>) -> Self {
        let Trunk { id, name, config, caller_id, caller_ids, limits, created_at } = trunk;
        let channel = config.channel();
        let (carrier, has_password) = Carrier::shown(config);
        Self {
            id,
            name,
            channel,
            carrier,
            has_password,
            caller_id,
            caller_ids,
            limits,
            health: health.into(),
            created_at: created_at.into(),
        }
    }
}

/// `POST /trunks`: makes a trunk.
pub(super) async fn create(door: Allowed<may::EditTrunks>, Json(body): Json<Body>) -> Result<Answer<View>> {
    let new = body.check(&door.settings().guard).await?;
    let now = door.now();
    let mut change = door.change("trunk.create", |trunk: &Trunk| {
        let detail = json!({ "name": trunk.name });
        Reply::created(View::new(trunk.clone(), None)).about(trunk.id).with_detail(detail)
    });
    let receipt = change.receipt();
    let mut tx = change.engine().store().write().await?;
    let trunk = tx.insert_trunk(change.workspace(), new, now).await?;
    receipt.write(&mut tx, &trunk, change.engine().clock()).await?;
    tx.commit().await?;
    change.answer()
}

/// `PATCH /trunks/:id`: changes what is given, from the next call on. The audit log tells of secrets only that they are others now.
pub(super) async fn edit(
    door: Allowed<may::EditTrunks>,
    PathId(id): PathId<TrunkKind>,
    Json(changes): Json<Changes>,
) -> Result<Answer<View>> {
    let guard = door.settings().guard.clone();
    let mut change =
        door.change("trunk.edit", move |(trunk, health): &(Changed<Trunk>, Option<TrunkHealth>)| {
            let view = |trunk: &Trunk| View::new(trunk.clone(), health.clone());
            let after = view(&trunk.after);
            let mut detail = difference(&view(&trunk.before), &after);
            for name in secrets_changed(&trunk.before.config, &trunk.after.config) {
                detail[name] = json!("changed");
            }
            Reply::ok(after).about(id).with_detail(detail)
        });
    let seen = change.engine().trunk(change.workspace(), id).await?;
    let new = changes.apply(&seen, &guard).await?;
    let receipt = change.receipt();
    let edit = move |trunk: &mut Trunk| match *trunk == seen {
        true => {
            let NewTrunk { name, config, caller_id, caller_ids, limits } = new;
            *trunk = Trunk { name, config, caller_id, caller_ids, limits, ..seen };
            Ok(())
        }
        false => Err(EngineError::conflict(
            "CHANGED_MEANWHILE",
            "somebody else has changed this trunk at the same moment; send it again",
        )),
    };
    change.engine().change_trunk(change.workspace(), id, edit, receipt).await?;
    change.answer()
}

/// `POST /trunks/:id/pause`: no call begins on it; live ones go on, and those that wait for it are held.
pub(super) async fn pause(
    door: Allowed<may::EditTrunks>,
    PathId(id): PathId<TrunkKind>,
    _: NoBody,
) -> Result<Answer<View>> {
    stop(door, id, true).await
}

/// `POST /trunks/:id/resume`: calls begin on it again.
pub(super) async fn resume(
    door: Allowed<may::EditTrunks>,
    PathId(id): PathId<TrunkKind>,
    _: NoBody,
) -> Result<Answer<View>> {
    stop(door, id, false).await
}

async fn stop(door: Allowed<may::EditTrunks>, id: TrunkId, stops: bool) -> Result<Answer<View>> {
    let noted = if stops { "trunk.pause" } else { "trunk.resume" };
    let mut change = door.change(noted, move |(trunk, health): &(Trunk, TrunkHealth)| {
        Reply::ok(View::new(trunk.clone(), Some(health.clone()))).about(id)
    });
    let receipt = change.receipt();
    change.engine().stop_trunk(change.workspace(), id, stops, receipt).await?;
    change.answer()
}

/// A trunk, and what is known of it alone.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TrunkDetail)]
pub(super) struct DetailView {
    #[serde(flatten)]
    trunk: View,
    /// Calls and messages that have begun and are not over.
    live_calls: u32,
}

/// `GET /trunks/:id`: one trunk.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<TrunkKind>,
) -> Result<Reply<DetailView>> {
    let mut tx = door.engine().store().read().await?;
    let trunk = tx.trunk(door.workspace(), id).await?.ok_or_else(|| ApiError::not_found("trunk"))?;
    let health = tx.trunk_health(&[id.uuid()]).await?.pop();
    let live_calls = tx.live_calls_on_trunk(id, DateTime::UNIX_EPOCH).await?;
    tx.commit().await?;
    Ok(Reply::ok(DetailView { trunk: View::new(trunk, health), live_calls }))
}

/// `GET /trunks`: a page of the workspace's trunks.
pub(super) async fn list(door: Allowed<may::Read>, Query(paging): Query<Paging>) -> Result<Reply<Vec<View>>> {
    let mut tx = door.engine().store().read().await?;
    let trunks = tx.trunks(door.workspace(), paging.ask()).await?;
    let ids: Vec<_> = trunks.iter().map(|trunk| trunk.id.uuid()).collect();
    let mut healths: HashMap<TrunkId, TrunkHealth> =
        tx.trunk_health(&ids).await?.into_iter().map(|health| (health.trunk_id, health)).collect();
    tx.commit().await?;
    let views = trunks.into_iter().map(|trunk| {
        let health = healths.remove(&trunk.id);
        View::new(trunk, health)
    });
    Ok(paging.reply(views.collect(), |view| view.id.into()))
}
