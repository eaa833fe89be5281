//! Who may do what, and when: wrong transitions, other workspaces, roles.

use axum::http::Method;
use reqwest::Client;
use serde_json::{Value, json};

use crate::{
    on_both_pairs,
    operator::{Campaign, Operator, numbers, text},
    support::{api::Api, pair::Pair},
};

on_both_pairs!(a_wrong_transition_names_the_states, transitions);

async fn transitions(pair: Pair) {
    let system = pair.start(&[]).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(10, 10, json!({})).await;

    let campaign = operator.campaign(&trunk, json!({})).await;
    assert_eq!(conflict(&campaign, "start").await["code"], "NO_RECIPIENTS");
    campaign.add(&numbers(1, 1)).await;
    refused(&campaign, "pause", "DRAFT", &["SCHEDULED", "IN_PROGRESS"]).await;
    campaign.act("start").await;
    campaign.finished().await;
    refused(&campaign, "start", "FINISHED", &["DRAFT", "SCHEDULED", "PAUSED"]).await;
    refused(&campaign, "pause", "FINISHED", &["SCHEDULED", "IN_PROGRESS"]).await;
    let open = ["DRAFT", "SCHEDULED", "IN_PROGRESS", "PAUSED"];
    refused(&campaign, "cancel", "FINISHED", &open).await;
    let late = format!("/api/v1/campaigns/{}/recipients", campaign.id);
    let (status, answer) = system.api.post(&late, &json!({"recipients": [{"to": "+12025550199"}]})).await;
    assert_eq!((status, &answer["meta"]["needs"]), (409, &json!(["DRAFT", "PAUSED"])), "{answer}");

    let waiting = operator.campaign(&trunk, json!({"startAt": "2999-01-01T00:00:00Z"})).await;
    waiting.add(&numbers(1, 1)).await;
    assert_eq!(waiting.act("start").await["status"], "SCHEDULED");
    assert_eq!(waiting.act("pause").await["status"], "DRAFT");
    assert_eq!(waiting.act("cancel").await["status"], "CANCELLED");
    refused(&waiting, "cancel", "CANCELLED", &open).await;
    assert_eq!(waiting.recipients().await[0]["disposition"], "CANCELLED");
    assert_eq!(campaign.sessions().await.len() + waiting.sessions().await.len(), 1);
}

/// The `meta` of a 409.
async fn conflict(campaign: &Campaign, action: &str) -> Value {
    let path = format!("/api/v1/campaigns/{}/{action}", campaign.id);
    let (status, answer) = campaign.operator.api.post(&path, &json!({})).await;
    assert_eq!((status, &answer["success"], &answer["data"]), (409, &json!(false), &Value::Null), "{answer}");
    answer["meta"].clone()
}

/// The action answers 409, says where the campaign is and where it has to be, and changes nothing.
async fn refused(campaign: &Campaign, action: &str, state: &str, needs: &[&str]) {
    let path = format!("/campaigns/{}", campaign.id);
    let before = campaign.operator.get(&path).await;
    let meta = conflict(campaign, action).await;
    assert_eq!(meta, json!({"code": "WRONG_STATE", "state": state, "needs": needs}));
    assert_eq!(campaign.operator.get(&path).await, before);
}

on_both_pairs!(another_workspace_does_not_exist, strangers);

async fn strangers(pair: Pair) {
    let system = pair.start(&[]).await;
    let ours = Operator::new(&system.api);
    let stranger = system.api.with_key(&pair.key("strangers", "admin").await);
    let things = Things::make(&ours).await;
    let routes = things.routes();
    for (method, path, body) in &routes {
        assert_eq!(ask(&stranger, method, path, body).await, (404, "NOT_FOUND".into()), "{method} {path}");
        let mine = ask(&ours.api, method, path, body).await;
        assert_eq!(mine, (200, String::new()), "{method} {path} of our own");
    }
    let lists = LISTS.map(str::to_owned).into_iter().chain(things.filtered_lists());
    for list in lists {
        assert_eq!(Operator::new(&stranger).get(&list).await, json!([]), "{list}");
    }
    // Nor can a stranger use our things inside a body.
    let theirs = Operator::new(&stranger);
    let agent = theirs.agent(json!({})).await;
    let trunk = theirs.simulated_trunk(10, 10, json!({})).await;
    for (agent, trunk, field) in [(&agent, &things.trunk, "trunkId"), (&things.agent, &trunk, "agentId")] {
        let campaign = json!({"name": "Theirs", "agentId": agent, "trunkId": trunk});
        let session = json!({"agentId": agent, "trunkId": trunk, "toNumber": "+12025550101"});
        for (path, body) in [("/api/v1/campaigns", campaign), ("/api/v1/sessions", session)] {
            let (status, answer) = stranger.post(path, &body).await;
            assert_eq!((status, text(&answer["meta"]["field"])), (422, field), "{answer}");
        }
    }
}

/// Every list of a workspace.
const LISTS: [&str; 6] = ["/agents", "/trunks", "/campaigns", "/imports", "/sessions", "/webhooks"];

/// One of everything.
struct Things {
    agent: String,
    trunk: String,
    campaign: String,
    recipient: String,
    import: String,
    session: String,
    webhook: String,
}

impl Things {
    async fn make(operator: &Operator) -> Self {
        // Its calls last, so that the campaign can still be paused however late that is asked for.
        let trunk = operator.simulated_trunk(10, 600_000, json!({})).await;
        let campaign = operator.campaign(&trunk, json!({})).await;
        let import = campaign.import("to\n+12025550101\n+12025550101\n").await;
        let webhook = operator.post("/webhooks", json!({"url": "http://127.0.0.1:9/hook"})).await;
        let session = operator.call("+12025550102", json!({"trunkId": trunk})).await;
        let id = |thing: &Value| text(&thing["id"]).to_owned();
        Self {
            agent: operator.agent(json!({})).await,
            recipient: id(&campaign.recipients().await[0]),
            import: id(&import),
            session: id(&session),
            webhook: id(&webhook),
            campaign: campaign.id,
            trunk,
        }
    }

    /// Lists that are asked for what belongs to one of these things.
    fn filtered_lists(&self) -> [String; 3] {
        [
            format!("/imports?campaignId={}", self.campaign),
            format!("/sessions?campaignId={}", self.campaign),
            format!("/sessions?recipientId={}", self.recipient),
        ]
    }

    /// Every route with an id in it. Later ones need what earlier ones have left.
    fn routes(&self) -> Vec<(Method, String, Value)> {
        let campaign = format!("/campaigns/{}", self.campaign);
        let get = |path: String| (Method::GET, path, Value::Null);
        let post = |path: String, body: Value| (Method::POST, path, body);
        let recipients = json!({"recipients": [{"to": "+12025550103"}]});
        vec![
            get(format!("/agents/{}", self.agent)),
            get(format!("/trunks/{}", self.trunk)),
            get(campaign.clone()),
            get(format!("{campaign}/stats")),
            get(format!("{campaign}/recipients")),
            get(format!("{campaign}/recipients/{}", self.recipient)),
            get(format!("/imports/{}", self.import)),
            get(format!("/imports/{}/errors.csv", self.import)),
            get(format!("/sessions/{}", self.session)),
            post(format!("{campaign}/recipients"), recipients),
            post(format!("{campaign}/recipients/import"), json!("to\n+12025550104\n")),
            post(format!("{campaign}/start"), json!({})),
            post(format!("{campaign}/pause"), json!({})),
            post(format!("{campaign}/cancel"), json!({})),
            (Method::DELETE, format!("/webhooks/{}", self.webhook), Value::Null),
        ]
    }
}

/// Sends an object as JSON and a text as CSV; gives the status and, of a refusal, the code.
async fn ask(api: &Api, method: &Method, path: &str, body: &Value) -> (u16, String) {
    let request = api.request(method.clone(), &format!("/api/v1{path}"));
    let request = match body {
        Value::Null => request,
        Value::String(csv) => request.header("content-type", "text/csv").body(csv.clone()),
        body => request.json(body),
    };
    let answer = request.send().await.unwrap_or_else(|error| panic!("{path}: {error}"));
    let status = answer.status().as_u16();
    let answer: Value =
        serde_json::from_slice(&answer.bytes().await.expect("a whole answer")).unwrap_or_default();
    (status, answer["meta"]["code"].as_str().unwrap_or_default().to_owned())
}

on_both_pairs!(a_key_may_do_what_its_role_says, roles);

async fn roles(pair: Pair) {
    let system = pair.start(&[]).await;
    let trunk = json!({"name": "Simulated", "kind": "simulated"});
    let webhook = json!({"url": "http://127.0.0.1:9/hook"});
    let edits = [("/trunks", trunk), ("/webhooks", webhook)];
    for (role, status) in [("admin", 201), ("developer", 201), ("member", 403)] {
        let api = system.api.with_key(&pair.key("test", role).await);
        for (path, body) in &edits {
            let (answered, code) = ask(&api, &Method::POST, path, body).await;
            assert_eq!(answered, status, "{role} {path} {code}");
        }
    }
    // A member runs campaigns with what the others have published.
    let developer = Operator::new(&system.api.with_key(&pair.key("test", "developer").await));
    developer.agent(json!({})).await;
    let member = Operator::new(&system.api.with_key(&pair.key("test", "member").await));
    let agent = text(&member.get("/agents").await[0]["id"]).to_owned();
    let trunk = text(&member.get("/trunks").await[0]["id"]).to_owned();
    let campaign = member.campaign(&trunk, json!({"agentId": agent})).await;
    campaign.add(&numbers(3, 1)).await;
    campaign.act("start").await;
    assert_eq!(campaign.finished().await["recipients"]["byDisposition"]["REACHED"], 3);
}

on_both_pairs!(without_a_key_every_door_is_shut, shut);

async fn shut(pair: Pair) {
    let system = pair.start(&[]).await;
    let things = Things::make(&Operator::new(&system.api)).await;
    let key = pair.key("test", "member").await;
    for wrong in wrong_keys(&key) {
        let nobody = system.api.with_key(&wrong);
        for list in LISTS {
            let answer = ask(&nobody, &Method::GET, list, &Value::Null).await;
            assert_eq!(answer, (401, "UNAUTHORIZED".into()), "{wrong:?} {list}");
        }
        for (method, path, body) in things.routes() {
            let answer = ask(&nobody, &method, &path, &body).await;
            assert_eq!(answer, (401, "UNAUTHORIZED".into()), "{wrong:?} {method} {path}");
        }
    }
    let client = Client::builder().no_proxy().build().expect("a client without a proxy");
    for list in LISTS {
        let bare = || client.get(format!("{}/api/v1{list}", system.base));
        assert_eq!(bare().send().await.expect("an answer").status(), 401, "{list} without a header");
        let other_header = bare().header("X-API-Key", &key).send().await;
        assert_eq!(other_header.expect("an answer").status(), 200, "{list} with the other header");
    }
}

/// What is nearly that key: too short, too long, off by its last character, with another secret, without one, and
/// another's altogether.
fn wrong_keys(key: &str) -> [String; 7] {
    let (shorter, last) = key.split_at(key.len() - 1);
    let changed = if last == "x" { "y" } else { "x" };
    let prefix = &key[..12];
    [
        String::new(),
        "rf_wrong".into(),
        prefix.into(),
        shorter.into(),
        format!("{key}x"),
        format!("{shorter}{changed}"),
        format!("{prefix}{}", "x".repeat(key.len() - prefix.len())),
    ]
}
