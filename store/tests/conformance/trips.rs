//! Everything written comes back as it was.

use std::collections::BTreeMap;

use ringfleet_core::{
    BrakeRule, CampaignState, Channel, E164, Plan, Retry, Role, Seats, Step,
    campaign_brake::Then,
    event::EventType,
    livekit_trunk::LivekitTrunk,
    message::Template,
    plan::Gate,
    seats::Abandonment,
    signing::Secret,
    telnyx_trunk::TelnyxTrunk,
    trunk::{Limits, MediaStream, SimulatedTrunk, SipTransport, SipTrunk, TrunkConfig, TwilioTrunk},
};
use ringfleet_store::{
    CallFilter, CampaignSettings, NewAgent, NewRecipient, NewTrunk, NewWebhook, Progress, RecipientFilter,
    StoreError,
};
use serde_json::{Value, json};

use crate::support::{Db, World, all, at, new_agent, new_key, new_trunk, plan};

/// What breaks naive SQL and naive JSON.
const ODD: &[&str] = &[
    "",
    " ",
    "O'Neill \"the\" \\ `tick` ; -- DROP TABLE calls",
    "नमस्ते 👩🏽‍💻 e\u{301} \u{202e}abc \u{feff}",
    "{\"looks\": [\"like\", \"JSON\"]}",
    "null",
    "true",
    "12345678901234567890",
    "line\r\nbreak\ttab\u{1}\u{7f}",
    "$1 ROWS($1, id uuid) FOR UPDATE %s {}",
];

pub async fn workspaces_and_keys(db: Db) {
    let (one, again) = db
        .write(async |tx| {
            Ok((
                tx.workspace_named("Büro \"5\"", at(1)).await?,
                tx.workspace_named("Büro \"5\"", at(2)).await?,
            ))
        })
        .await;
    assert_eq!(one, again);
    assert_eq!((one.name.as_str(), one.created_at), ("Büro \"5\"", at(1)));
    let hash = [0_u8, 255, 39, 34, 92, 0];
    for role in Role::ALL {
        let hash = [&hash[..], role.as_str().as_bytes()].concat();
        let made =
            db.write(async |tx| tx.insert_key(&new_key(one.id, *role, "rf_abc", &hash), at(3)).await).await;
        assert_eq!(db.store.key(&hash, at(4)).await.unwrap(), Some(made.clone()));
        assert_eq!((made.workspace_id, made.role, made.prefix.as_str()), (one.id, *role, "rf_abc"));
    }
    assert_eq!(db.store.key(&hash, at(4)).await.unwrap(), None);
    let mut tx = db.store.write().await.unwrap();
    tx.insert_key(&new_key(one.id, Role::Member, "rf_abc", &hash), at(3)).await.unwrap();
    let error = tx.insert_key(&new_key(one.id, Role::Admin, "rf_abc", &hash), at(3)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Duplicate(what) if what.contains("hash")), "{error}");
    assert!(!error.is_passing());
}

pub async fn agents(db: Db) {
    let world = World::new(&db).await;
    let full = NewAgent {
        greeting: Some("hello.wav".into()),
        recording: true,
        voice: json!({"provider": "x", "speed": 1.25}),
        llm: json!(null),
        conversation: serde_json::from_value(json!({"onMachine": "carryOn"})).unwrap(),
        ..new_agent("Asha")
    };
    for new in [full, new_agent("bare")] {
        let made = db.write(async |tx| tx.insert_agent(world.workspace, new.clone(), at(5)).await).await;
        let found = db.read(async |tx| tx.agent(world.workspace, made.id).await).await.unwrap();
        assert_eq!(found, made);
        assert_eq!((&found.voice, &found.llm), (&new.voice, &new.llm));
        assert_eq!(
            (&found.conversation, &found.draft().conversation),
            (&new.conversation, &new.conversation)
        );
        assert_eq!((found.greeting, found.recording, found.created_at), (new.greeting, new.recording, at(5)));
    }
}

pub async fn trunks(db: Db) {
    let world = World::new(&db).await;
    let sip = SipTrunk {
        host: "sip.example".into(),
        port: Some(5061),
        transport: SipTransport::Tls,
        domain: Some("example".into()),
        username: Some("u'".into()),
        password: Some("p\"🔑".into()),
        tls_server_name: Some("edge.example".into()),
        ca_certificate: Some("-----BEGIN CERTIFICATE-----\n".into()),
        sips: true,
        register: true,
        register_expires: Some(60),
        session_expires: Some(1800),
        outcomes: BTreeMap::new(),
    };
    let bare = serde_json::from_str::<SipTrunk>(r#"{"host": "sip.example"}"#).unwrap();
    let limits = Limits { calls_per_second: Some(0.333), max_live_calls: Some(100_000) };
    let full = NewTrunk {
        config: TrunkConfig::Sip(sip),
        caller_id: Some("+4930123456".into()),
        limits,
        ..new_trunk("full")
    };
    let simulated = TrunkConfig::Simulated(SimulatedTrunk { ring_ms: 1 << 40, talk_ms: 0 });
    let twilio = TrunkConfig::Twilio(TwilioTrunk {
        account_sid: "AC1".into(),
        auth_token: "t\"🔑".into(),
        api_key_sid: Some("SK1".into()),
        api_key_secret: Some("s'".into()),
        base_url: "https://api.example.com/x".into(),
        machine_detection: true,
        stream: Some(MediaStream {
            url: "wss://a.example.com".into(),
            parameters: [("lang".into(), "dé & \"".into())].into(),
        }),
    });
    let telnyx = TrunkConfig::Telnyx(TelnyxTrunk {
        api_key: "k\"🔑".into(),
        connection_id: "12".into(),
        public_key: "pk=".into(),
        base_url: "https://api.example.com".into(),
        machine_detection: true,
        stream: None,
    });
    let livekit = TrunkConfig::Livekit(LivekitTrunk {
        url: "https://example.livekit.cloud/x".into(),
        api_key: "API1".into(),
        api_secret: "s\"🔑".into(),
        sip_trunk_id: "ST_1".into(),
        agent_name: "Asha 'नमस्ते'".into(),
        krisp: true,
    });
    let others = [TrunkConfig::Sip(bare), twilio, telnyx, livekit, simulated]
        .map(|config| NewTrunk { config, ..new_trunk("bare") });
    for new in [full].into_iter().chain(others) {
        let made = db.write(async |tx| tx.insert_trunk(world.workspace, new.clone(), at(5)).await).await;
        let found = db.read(async |tx| tx.trunk(world.workspace, made.id).await).await.unwrap();
        assert_eq!(found, made);
        assert_eq!((found.config, found.caller_id, found.limits), (new.config, new.caller_id, new.limits));
    }
}

pub async fn campaigns(db: Db) {
    let world = World::new(&db).await;
    let second = Step {
        channel: Channel::Sms,
        attempts: 10,
        retry: Retry { after_minutes: 0.1, backoff: 1.0, on: vec![] },
        gate: Some(Gate::VoiceNoAnswer),
        after_hours: 0.25,
        trunk_id: Some(world.trunk),
        message: Some(Template { text: Some("Hi {{name}}".into()), ..Template::default() }),
    };
    let mut full = World::new_campaign(world.agent, world.trunk);
    full.settings = CampaignSettings {
        plan: Plan { steps: [plan().steps, vec![second]].concat() },
        limits: Limits { calls_per_second: Some(12.5), max_live_calls: Some(1) },
        seats: Some(Seats { count: 10_000, call_ratio: 1.1, abandonment: Abandonment::default() }),
        start_at: Some(at(86_400_000)),
        brake: BrakeRule { share: 0.25, calls: 7, then: Then::Failed },
        weight: 0.1,
        ..full.settings
    };
    for new in [full, World::new_campaign(world.agent, world.trunk)] {
        let made = db.write(async |tx| tx.insert_campaign(world.workspace, new.clone(), at(5)).await).await;
        let found = db.read(async |tx| tx.campaign(world.workspace, made.id).await).await.unwrap();
        assert_eq!(found, made);
        let new = new.settings;
        assert_eq!(found.settings(), new);
        let like = found.like("another".into());
        assert_eq!((like.agent_id, like.trunk_id), (world.agent, world.trunk));
        assert_eq!(like.settings, CampaignSettings { name: "another".into(), ..new.clone() });
        assert_eq!((found.plan, found.limits, found.start_at), (new.plan, new.limits, new.start_at));
        assert_eq!(found.weight, new.weight);
        assert_eq!((found.agent_id, found.trunk_id), (world.agent, world.trunk));
        assert_eq!((found.ring_seconds, found.max_call_seconds, found.name), (30, 300, new.name));
        assert_eq!((found.state, found.reason, found.created_at), (CampaignState::Draft, None, at(5)));
        assert_eq!((found.started_at, found.finished_at), (None, None));
    }
}

pub async fn recipients(db: Db) {
    let world = World::new(&db).await;
    let longest: E164 = "+999999999999999".parse().or_else(|_| "+491234567890123".parse()).unwrap();
    let new = [
        NewRecipient {
            number: longest,
            variables: json!({"a": {"b": [1, null]}}).into(),
            timezone: Some("Asia/Kolkata".into()),
        },
        NewRecipient { number: "+4930123456".parse().unwrap(), variables: json!({}).into(), timezone: None },
    ];
    let added = db.write(async |tx| tx.insert_recipients(world.campaign, 2, &new, at(5)).await).await;
    assert_eq!(added.len(), 2);
    let found =
        db.read(async |tx| tx.recipients(world.campaign, RecipientFilter::default(), all()).await).await;
    let inserted_last_first: Vec<_> = found.iter().map(|r| r.number).collect();
    assert_eq!(inserted_last_first, [new[1].number, new[0].number], "a batch keeps its order");
    for (found, new) in found.iter().rev().zip(&new) {
        assert_eq!((&found.variables, &found.timezone), (&new.variables.value(), &new.timezone));
        assert_eq!((found.step, found.attempts, found.total_attempts), (2, 0, 0));
        assert_eq!((found.due_at, found.created_at, found.done_at), (at(5), at(5), None));
        assert_eq!((found.hold, found.disposition, found.last_outcome), (None, None, None));
        let one = db.read(async |tx| tx.recipient(world.campaign, found.id).await).await;
        assert_eq!(one.as_ref(), Some(found));
    }
}

pub async fn calls(db: Db) {
    let world = World::calling(&db, 1).await;
    let queued = world.queue(&db, 1).await.remove(0);
    let mut triggered = world.new_call(None, at(9));
    triggered.metadata = json!({"order": "4711", "tags": ["ü", {"n": 1.5}], "none": null});
    triggered.caller_id = Some("+4930123456".into());
    triggered.attempt = 3;
    db.write(async |tx| tx.insert_calls(std::slice::from_ref(&triggered), at(8)).await).await;
    for new in [queued, triggered] {
        let found = db.read(async |tx| tx.call(world.workspace, new.id.into()).await).await.unwrap();
        assert_eq!(found.campaign_id.map(|id| id.uuid()), new.campaign_id);
        assert_eq!(found.recipient_id.map(|id| id.uuid()), new.recipient_id);
        assert_eq!(
            (found.agent_id, found.trunk_id, found.channel),
            (world.agent, world.trunk, Channel::Voice)
        );
        assert_eq!(
            (found.number.digits(), &found.metadata, found.attempt),
            (new.number, &new.metadata, new.attempt)
        );
        assert_eq!((found.placements, found.hold, found.outcome), (0, None, None));
        assert_eq!((found.reason.as_deref(), found.code, found.ended_by), (None, None, None));
        assert_eq!((found.triggered_at, found.answered_at, found.ended_at), (None, None, None));
        let listed = db.read(async |tx| tx.calls(world.workspace, CallFilter::default(), all()).await).await;
        assert!(listed.contains(&found));
        let by_id = db.read(async |tx| tx.calls_by_id(&[new.id, world.workspace.uuid()]).await).await;
        assert_eq!(by_id, [found]);
    }
}

pub async fn webhooks(db: Db) {
    let world = World::new(&db).await;
    let secret = Secret::new([7; 32]);
    let wishes = [vec![], vec![EventType::SessionEnded], EventType::ALL.to_vec()];
    for (ms, events) in (1..).zip(wishes) {
        let url = "https://example.org/hook?a='b'";
        let made = db
            .write(async |tx| {
                tx.insert_webhook(world.workspace, NewWebhook::new(url, &events, &secret), at(ms)).await
            })
            .await;
        let found = db.read(async |tx| tx.webhooks(world.workspace, all()).await).await;
        assert_eq!(found[0], made);
        assert_eq!((found[0].url.as_str(), &found[0].events), (url, &events));
        let mut tx = db.store.read().await.unwrap();
        let listeners = tx.listeners(&[world.workspace.uuid()]).await.unwrap();
        let listener = listeners.iter().find(|one| one.id == made.id).unwrap();
        assert_eq!(listener.wants(EventType::SessionStarted, None), events.len() != 1);
        assert!(listener.wants(EventType::SessionEnded, Some(world.agent)));
    }
    let of = db
        .read(async |tx| {
            tx.listeners(&[world.workspace.uuid(), world.workspace.uuid(), uuid::Uuid::max()]).await
        })
        .await;
    assert_eq!(of.len(), 3, "each once, though its workspace was named twice");
}

pub async fn odd_texts(db: Db) {
    let world = World::new(&db).await;
    for (n, odd) in (0..).zip(ODD) {
        let agent = NewAgent { prompt: (*odd).into(), greeting: Some((*odd).into()), ..new_agent(odd) };
        let made = db.write(async |tx| tx.insert_agent(world.workspace, agent, at(n)).await).await;
        let found = db.read(async |tx| tx.agent(world.workspace, made.id).await).await.unwrap();
        assert_eq!((found.name.as_str(), found.prompt.as_str()), (*odd, *odd));
        assert_eq!(found.greeting.as_deref(), Some(*odd));

        // The same through an array of rows.
        let mut call = world.new_call(None, at(n));
        call.caller_id = Some((*odd).into());
        call.metadata = json!({*odd: odd});
        db.write(async |tx| tx.insert_calls(std::slice::from_ref(&call), at(n)).await).await;
        let found = db.read(async |tx| tx.call(world.workspace, call.id.into()).await).await.unwrap();
        assert_eq!(found.metadata, call.metadata);
        let dial = db.read(async |tx| tx.dials(&[call.id]).await).await.remove(0);
        assert_eq!(dial.caller_id, call.caller_id);
    }
}

pub async fn json_of_every_kind(db: Db) {
    let world = World::new(&db).await;
    let values: Vec<Value> = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-1.5),
        json!(u64::MAX),
        json!(1e300),
        json!("text"),
        json!("{\"a\": 1}"),
        json!("5"),
        json!([]),
        json!({}),
        json!([[], {}, null, [null]]),
        json!({"a": {"b": {"c": ["d", "\\", "\"", "\u{1f600}"]}}, "": "empty key", "$.x": 1, "a b": null}),
    ];
    for value in values {
        let mut call = world.new_call(None, at(0));
        call.metadata = value.clone();
        let agent = NewAgent { voice: value.clone(), llm: value.clone(), ..new_agent("a") };
        let made = db
            .write(async |tx| {
                tx.insert_calls(std::slice::from_ref(&call), at(0)).await?;
                tx.insert_agent(world.workspace, agent, at(0)).await
            })
            .await;
        let found = db.read(async |tx| tx.call(world.workspace, call.id.into()).await).await.unwrap();
        assert_eq!(found.metadata, value, "through an array of rows");
        let found = db.read(async |tx| tx.agent(world.workspace, made.id).await).await.unwrap();
        assert_eq!((&found.voice, &found.llm), (&value, &value), "bound by itself");
    }
}

pub async fn whole_numbers_and_moments_are_exact(db: Db) {
    let world = World::new(&db).await;
    let moments = [0, 1, -1, 999, 31_536_000_000 * 60, -31_536_000_000 * 50];
    for (n, ms) in (0..).zip(moments) {
        let mut call = world.new_call(None, at(ms));
        call.ring_seconds = i32::MAX as u32 - n;
        db.write(async |tx| tx.insert_calls(std::slice::from_ref(&call), at(ms + 1)).await).await;
        let dial = db.read(async |tx| tx.dials(&[call.id]).await).await.remove(0);
        assert_eq!((dial.due_at, dial.ring_seconds), (at(ms), call.ring_seconds));
        let found = db.read(async |tx| tx.call(world.workspace, call.id.into()).await).await.unwrap();
        assert_eq!(found.created_at, at(ms + 1));
    }
    let import = db
        .write(async |tx| {
            let id = tx.insert_import(world.workspace, world.campaign, at(0)).await?;
            let read = Progress { rows: i64::MAX as u64, accepted: 1 << 53, rejected: (1 << 53) + 1 };
            tx.progress_import(id, None, read, at(1)).await?;
            tx.import(world.workspace, id).await
        })
        .await
        .unwrap();
    assert_eq!((import.rows_read, import.accepted, import.rejected), (i64::MAX, 1 << 53, (1 << 53) + 1));
}

pub async fn a_dropped_transaction_never_happened(db: Db) {
    let world = World::new(&db).await;
    for _ in 0..20 {
        let mut tx = db.store.write().await.unwrap();
        tx.insert_agent(world.workspace, new_agent("ghost"), at(1)).await.unwrap();
        drop(tx);
    }
    let agents = db.write(async |tx| tx.agents(world.workspace, None, all()).await).await;
    assert_eq!(agents.len(), 1);
}

pub async fn the_database_answers(db: Db) {
    db.read(async |tx| tx.ping().await).await;
    db.write(async |tx| tx.ping().await).await;
    db.store.close().await;
    let error = db.store.read().await.err().unwrap();
    assert!(error.is_passing(), "{error}");
}

pub async fn a_reader_cannot_write(db: Db) {
    let mut tx = db.store.read().await.unwrap();
    let error = tx.workspace_named("by mistake", at(0)).await.unwrap_err();
    // On PostgreSQL the same code as of a server that has become read-only in a failover, which passes.
    assert!(matches!(error, StoreError::Database(_) | StoreError::Unavailable(_)), "{error:?}");
}
