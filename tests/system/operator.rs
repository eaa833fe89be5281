//! A person with an API key: makes what a test needs, and waits for what it expects.

use std::{net::SocketAddr, path::Path, time::Duration};

use axum::http::Method;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::support::{api::Api, eventually};

/// How long a campaign of a test may take on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Speaks for one workspace.
#[derive(Clone)]
pub struct Operator {
    pub api: Api,
}

/// A campaign of that workspace.
#[derive(Clone)]
pub struct Campaign {
    pub operator: Operator,
    pub id: String,
}

impl Operator {
    pub fn new(api: &Api) -> Self {
        Self { api: api.clone() }
    }

    /// What is at this path of `/api/v1`.
    pub async fn get(&self, path: &str) -> Value {
        accepted(path, self.api.get(&format!("/api/v1{path}")).await)
    }

    /// What the server makes of this body.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        accepted(path, self.api.post(&format!("/api/v1{path}"), &body).await)
    }

    /// Every item of a list, newest first, page by page. `path` may have a query.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        let join = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = format!("/api/v1{path}{join}limit=100{cursor}");
            let (status, mut body) = self.api.get(&page).await;
            assert_eq!(status, 200, "GET {page}: {body}");
            items.append(body["data"].as_array_mut().expect("a list is an array"));
            match body["meta"]["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// A trunk that leads to this SIP peer; gives its id.
    pub async fn sip_trunk(&self, peer: SocketAddr, more: Value) -> String {
        let trunk =
            json!({"name": "Peer", "kind": "sip", "host": peer.ip().to_string(), "port": peer.port()});
        id(self.post("/trunks", with(trunk, more)).await)
    }

    /// A trunk without a network whose calls ring and last so long; gives its id.
    pub async fn simulated_trunk(&self, ring_ms: u64, talk_ms: u64, more: Value) -> String {
        let trunk = json!({"name": "Simulated", "kind": "simulated", "ringMs": ring_ms, "talkMs": talk_ms});
        id(self.post("/trunks", with(trunk, more)).await)
    }

    /// An agent; gives its id.
    pub async fn agent(&self, more: Value) -> String {
        id(self.post("/agents", with(json!({"name": "Asha"}), more)).await)
    }

    /// A campaign over this trunk, with an agent of its own unless `more` names one.
    pub async fn campaign(&self, trunk: &str, more: Value) -> Campaign {
        let agent = match more["agentId"].as_str() {
            Some(agent) => agent.to_owned(),
            None => self.agent(json!({})).await,
        };
        self.call_as_often_as_asked().await;
        let schedule = json!({"window": "always"}); // the tests run at any hour
        let campaign = json!({"name": "Reminders", "agentId": agent, "trunkId": trunk, "schedule": schedule});
        Campaign { id: id(self.post("/campaigns", with(campaign, more)).await), operator: self.clone() }
    }

    /// Campaigns of a test may share numbers and try them often: no cap of the workspace is in their way.
    pub async fn call_as_often_as_asked(&self) {
        self.rules(json!({"caps": {"minGapMinutes": 0, "maxPer24h": 100}})).await;
    }

    /// Sets the rules of the workspace, as far as this person may.
    pub async fn rules(&self, rules: Value) {
        let request = self.api.request(Method::PUT, "/api/v1/workspace/rules").json(&rules);
        let status = request.send().await.expect("an answer").status().as_u16();
        assert!(status == 200 || status == 403, "the rules of the workspace: {status}");
    }

    /// A webhook endpoint for these events (all when there are none); gives its secret.
    pub async fn webhook(&self, url: &str, events: &[&str]) -> String {
        let webhook = self.post("/webhooks", json!({"url": url, "events": events})).await;
        text(&webhook["signingSecret"]).to_owned()
    }

    /// A call placed now; gives the session.
    pub async fn call(&self, number: &str, more: Value) -> Value {
        let agent = self.agent(json!({})).await;
        self.post("/sessions", with(json!({"agentId": agent, "toNumber": number}), more)).await
    }

    /// Waits until a session is over and gives it.
    pub async fn ended(&self, session: &Value) -> Value {
        let path = format!("/sessions/{}", text(&session["id"]));
        eventually(PATIENCE, "the session is over", async || {
            Some(self.get(&path).await).filter(|session| !session["endedAt"].is_null())
        })
        .await
    }
}

impl Campaign {
    pub async fn add(&self, numbers: &[String]) {
        for chunk in numbers.chunks(1000) {
            let recipients: Vec<Value> = chunk.iter().map(|number| json!({"to": number})).collect();
            let added =
                self.operator.post(&self.path("/recipients"), json!({"recipients": recipients})).await;
            assert_eq!(added["accepted"], chunk.len(), "{added}");
        }
    }

    /// Uploads a list and gives the import.
    pub async fn import(&self, csv: &str) -> Value {
        let path = format!("/api/v1{}", self.path("/recipients/import"));
        accepted(&path, self.operator.api.post_csv(&path, csv.to_owned()).await)
    }

    /// `start`, `pause` or `cancel`; gives the campaign.
    pub async fn act(&self, action: &str) -> Value {
        let path = format!("/api/v1{}", self.path(&format!("/{action}")));
        let answer = self.operator.api.request(Method::POST, &path).send().await;
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
        let status = answer.status().as_u16();
        accepted(&path, (status, answer.json().await.expect("every answer is JSON")))
    }

    pub async fn stats(&self) -> Value {
        self.operator.get(&self.path("/stats")).await
    }

    /// Every recipient, newest first.
    pub async fn recipients(&self) -> Vec<Value> {
        self.operator.all(&self.path("/recipients")).await
    }

    /// Every call so far, newest first.
    pub async fn sessions(&self) -> Vec<Value> {
        self.operator.all(&format!("/sessions?campaignId={}", self.id)).await
    }

    /// Waits until the figures satisfy the predicate, and gives them.
    pub async fn until(&self, what: &str, predicate: impl Fn(&Value) -> bool) -> Value {
        eventually(PATIENCE, what, async || Some(self.stats().await).filter(|stats| predicate(stats))).await
    }

    /// Waits until at least so many calls have ended.
    pub async fn until_ended(&self, calls: u64) -> Value {
        let what = format!("{calls} calls of the campaign have ended");
        self.until(&what, |stats| number(&stats["calls"]["ended"]) >= calls).await
    }

    /// Waits until the campaign is FINISHED, and gives its figures.
    pub async fn finished(&self) -> Value {
        self.until("the campaign is FINISHED", |stats| stats["status"] == "FINISHED").await
    }

    fn path(&self, rest: &str) -> String {
        format!("/campaigns/{}{rest}", self.id)
    }
}

/// Waits until the recording of a session that is over is kept in this folder, and gives its sides: the callee's, and ours.
pub async fn recording(folder: &Path, session: &Value) -> [Vec<i16>; 2] {
    let file = folder.join(format!("{}.wav", text(&session["id"])));
    let samples = eventually(PATIENCE, "the recording is kept", async || {
        let file = hound::WavReader::open(&file).ok()?;
        Some(file.into_samples::<i16>().map(|sample| sample.expect("a whole file")).collect::<Vec<_>>())
    })
    .await;
    [0, 1].map(|side| samples.iter().skip(side).step_by(2).copied().collect())
}

/// `count` numbers that end in `digit`; none of them ends in `00`.
pub fn numbers(count: u32, digit: u32) -> Vec<String> {
    (0..count).map(|i| format!("+1202{:06}{digit}", i * 10 + 1)).collect()
}

/// One plan step: voice, so often, again at once after these outcomes.
pub fn attempts(count: u32, on: &[&str]) -> Value {
    json!([{"channel": "voice", "attempts": count, "retry": {"afterMinutes": 0, "backoff": 1, "on": on}}])
}

/// # Panics
///
/// When it is no text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// # Panics
///
/// When it is no whole number.
pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no whole number"))
}

/// # Panics
///
/// When it is no RFC 3339 time.
pub fn time(value: &Value) -> DateTime<Utc> {
    text(value).parse().unwrap_or_else(|error| panic!("{value}: {error}"))
}

fn id(value: Value) -> String {
    text(&value["id"]).to_owned()
}

/// The data of a good answer.
fn accepted(path: &str, (status, mut body): (u16, Value)) -> Value {
    assert!((200..300).contains(&status) && body["success"] == true, "{path}: {status} {body}");
    body["data"].take()
}

/// `base` with the fields of `more`, which win.
fn with(mut base: Value, more: Value) -> Value {
    let more = more.as_object().expect("more fields come as an object").clone();
    base.as_object_mut().expect("the base is an object").extend(more);
    base
}
