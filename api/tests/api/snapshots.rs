//! What clients may rely on, word for word.

use serde_json::{Value, json};

use crate::support::{Answer, World};

/// Compares a whole answer with what was agreed; ids and secrets are replaced by their kind.
fn settled(name: &str, answer: &Answer) {
    let mut body = json!({"status": answer.status.as_u16(), "body": answer.body});
    redact(&mut body);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_json_snapshot!(name, body));
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(redact),
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::String(text) => {
            if let Some((kind @ ("agt" | "trk" | "cmp" | "rcp" | "ses" | "imp" | "whk" | "whsec"), rest)) =
                text.split_once('_')
                && rest.len() >= 26
            {
                *text = format!("[{kind}]");
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn one_of_each_resource() {
    let world = World::new().await;
    let agent =
        world.post("/agents", json!({"name": "Asha", "prompt": "Be kind.", "greeting": "hello.wav"})).await;
    settled("agent", &agent);
    let sip = json!({"name": "Carrier", "kind": "sip", "host": "sip.example.com", "username": "u", "password": "p"});
    let trunk = world.post("/trunks", sip).await;
    settled("trunk_sip", &trunk);
    let twilio = json!({"name": "Twilio", "kind": "twilio", "accountSid": "AC0123456789abcdef0123456789abcdef", "authToken": "token-of-it",
        "apiKeySid": "SK0123456789abcdef0123456789abcdef", "apiKeySecret": "secret-of-it", "baseUrl": "https://1.1.1.1",
        "callerId": "+12025550199", "stream": {"url": "wss://agent.example.com/calls", "parameters": {"lang": "de"}}});
    settled("trunk_twilio", &world.post("/trunks", twilio).await);
    let telnyx = json!({"name": "Telnyx", "kind": "telnyx", "apiKey": "KEY-of-it", "connectionId": "1494404757140276705",
        "publicKey": "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=", "baseUrl": "https://1.1.1.1", "callerId": "+12025550199"});
    settled("trunk_telnyx", &world.post("/trunks", telnyx).await);
    let livekit = json!({"name": "LiveKit", "kind": "livekit", "url": "wss://1.1.1.1", "apiKey": "APIkey", "apiSecret": "secret-of-it",
        "sipTrunkId": "ST_abc", "agentName": "asha"});
    settled("trunk_livekit", &world.post("/trunks", livekit).await);
    let sms = json!({"name": "Texts", "kind": "twilioSms", "accountSid": "AC0123456789abcdef0123456789abcdef", "authToken": "token-of-it",
        "callerId": "+12025550199", "baseUrl": "https://1.1.1.1"});
    settled("trunk_sms", &world.post("/trunks", sms).await);
    let whatsapp = json!({"name": "WhatsApp", "kind": "whatsapp", "phoneNumberId": "106540352242922", "accessToken": "token-of-it",
        "appSecret": "secret-of-it", "verifyToken": "chosen", "baseUrl": "https://1.1.1.1"});
    settled("trunk_whatsapp", &world.post("/trunks", whatsapp).await);
    let smtp = json!({"name": "Mail", "kind": "smtp", "host": "1.1.1.1", "username": "u", "password": "p",
        "from": "Acme <hello@example.com>", "replyTo": "answers@example.com"});
    settled("trunk_smtp", &world.post("/trunks", smtp).await);
    settled("trunk_simulated", &world.post("/trunks", json!({"name": "Test", "kind": "simulated"})).await);
    let body = json!({"name": "Autumn", "agentId": agent.id(), "trunkId": trunk.id(), "startAt": "2026-12-01T00:00:00Z"});
    let campaign = world.post("/campaigns", body).await;
    settled("campaign", &campaign);
    let path = format!("/campaigns/{}", campaign.id());
    let list =
        json!({"recipients": [{"to": "+919876543210", "variables": {"name": "Ana"}}, {"to": "98765"}]});
    settled("recipients_added", &world.post(&format!("{path}/recipients"), list).await);
    settled("recipients", &world.get(&format!("{path}/recipients?limit=10")).await);
    let import =
        world.upload(&format!("{path}/recipients/import"), "text/csv", "to\n+919876543211\nx\n").await;
    settled("import", &import);
    let session = json!({"agentId": agent.id(), "trunkId": trunk.id(), "toNumber": "+14155550100"});
    settled("session", &world.post("/sessions", session).await);
    let webhook = world
        .post("/webhooks", json!({"url": "https://example.com/hook", "events": ["session.ended"]}))
        .await;
    settled("webhook", &webhook);
    let path = format!("/webhooks/{}", webhook.id());
    settled("webhook_deleted", &world.call(&world.admin, "DELETE", &path, Value::Null).await);
}

#[tokio::test]
async fn one_of_each_refusal() {
    let world = World::new().await;
    let campaign = format!("/campaigns/{}", world.campaign().await);
    settled("error_unauthorized", &world.call("rfk_wrong", "GET", "/agents", Value::Null).await);
    settled("error_forbidden", &world.call(&world.member, "POST", "/trunks", json!({})).await);
    settled("error_not_found", &world.get("/agents/nobody").await);
    settled("error_no_such_route", &world.get("/nothing").await);
    settled("error_method_not_allowed", &world.call(&world.admin, "PUT", "/agents", Value::Null).await);
    settled("error_wrong_state", &world.post(&format!("{campaign}/pause"), Value::Null).await);
    settled("error_no_recipients", &world.post(&format!("{campaign}/start"), Value::Null).await);
    settled("error_invalid_json", &world.post_text("/agents", "{\"name\": nobody}").await);
    settled("error_missing_field", &world.post("/agents", json!({})).await);
    settled("error_unknown_field", &world.post("/agents", json!({"name": "x", "speed": 1})).await);
    settled("error_wrong_type", &world.post("/agents", json!({"name": "x", "recording": "yes"})).await);
    settled("error_nul", &world.post("/agents", json!({"name": "x\0"})).await);
    let step = json!({"name": "x", "agentId": "01890a5d-ac96-774b-bcce-b302099a8057", "channels": [{"channel": "voice", "attempts": 0}]});
    settled("error_wrong_value", &world.post("/campaigns", step).await);
    settled("error_too_large", &world.post_text("/agents", "x".repeat(3 << 20)).await);
    settled("error_unsupported", &world.upload("/agents", "text/plain", "x").await);
    settled(
        "error_unsupported_list",
        &world.upload(&format!("{campaign}/recipients/import"), "text/plain", "x").await,
    );
    settled(
        "error_broken_form",
        &world.upload(&format!("{campaign}/recipients/import"), "multipart/form-data; boundary=X", "x").await,
    );
    world.engine.store().close().await;
    settled("error_unavailable", &world.get("/agents").await);
}
