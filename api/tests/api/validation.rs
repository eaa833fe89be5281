use serde_json::{Value, json};

use crate::support::World;

/// Puts each wrong value into a body that is right otherwise and expects to hear of its field.
pub(crate) async fn expect_fields(world: &World, path: &str, good: Value, wrong: Vec<(&str, Value, &str)>) {
    world.post(path, good.clone()).await.expect_success();
    for (name, value, field) in wrong {
        let mut body = good.clone();
        body[name] = value;
        let shown = body.to_string().chars().take(200).collect::<String>();
        let answer = world.post(path, body).await;
        let message = answer.body["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(answer.field(), field, "{path} {shown}");
        assert!(message.len() <= 400, "{message}");
    }
    for missing in good.as_object().unwrap().keys() {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(missing);
        assert_eq!(world.post(path, body).await.field(), *missing, "{path} without {missing}");
    }
}

#[tokio::test]
async fn agents() {
    let world = World::new().await;
    let wrong = vec![
        ("name", json!(""), "name"),
        ("name", json!("  "), "name"),
        ("name", json!("x".repeat(201)), "name"),
        ("name", json!("a\nb"), "name"),
        ("name", json!("a\0b"), "name"),
        ("name", json!(5), "name"),
        ("name", Value::Null, "name"),
        ("prompt", json!("x".repeat(100 * 1024 + 1)), "prompt"),
        ("prompt", json!({}), "prompt"),
        ("voice", json!("x"), "voice"),
        ("voice", json!({"x": "y".repeat(16 * 1024)}), "voice"),
        ("llm", json!([]), "llm"),
        ("llm", json!({"a": ["\0"]}), "llm.a[0]"),
        ("greeting", json!("../hello.wav"), "greeting"),
        ("greeting", json!("hello.mp3"), "greeting"),
        ("greeting", json!(".wav"), "greeting"),
        ("greeting", json!("missing.wav"), "greeting"),
        ("greeting", json!("folder.wav"), "greeting"),
        ("greeting", json!("text.wav"), "greeting"),
        ("greeting", json!(format!("{}.wav", "x".repeat(300))), "greeting"),
        ("recording", json!("yes"), "recording"),
        ("connect", json!("wss://1.1.1.1"), "connect"),
        ("connect", json!({"kind": "ws"}), "connect.url"),
        ("connect", json!({"kind": "fax", "url": "wss://1.1.1.1"}), "connect.kind"),
        ("connect", json!({"kind": "sip", "url": "wss://1.1.1.1"}), "connect.url"),
        ("connect", json!({"kind": "sip", "url": "sip:desk@10.0.0.1"}), "connect.url"),
        (
            "connect",
            json!({"kind": "sip", "url": "sip:desk@1.1.1.1", "parameters": {"a": "b"}}),
            "connect.parameters",
        ),
        ("connect", json!({"kind": "ws", "url": "wss://1.1.1.1", "uri": 1}), "connect.uri"),
        ("connect", json!({"kind": "ws", "url": "https://1.1.1.1"}), "connect.url"),
        ("connect", json!({"kind": "ws", "url": "ws://1.1.1.1"}), "connect.url"),
        ("connect", json!({"kind": "ws", "url": "wss://127.0.0.1"}), "connect.url"),
        (
            "connect",
            json!({"kind": "ws", "url": "wss://1.1.1.1", "parameters": {"a": 1}}),
            "connect.parameters.a",
        ),
        (
            "connect",
            json!({"kind": "ws", "url": "wss://1.1.1.1", "parameters": {"": "a"}}),
            "connect.parameters",
        ),
        ("connectOn", json!("keypad"), "connectOn"),
        ("connectOn", json!("never"), "connectOn"),
        ("keypad", json!({"12": {"action": "suppress"}}), "keypad.12"),
        ("keypad", json!({"1": {"action": "sing"}}), "keypad.1.action"),
        ("keypad", json!({"1": {"action": "connect"}}), "keypad.1.action"),
        ("keypad", json!({"1": {"act": "suppress"}}), "keypad.1.act"),
        ("keypad", json!({"1": "suppress"}), "keypad.1"),
        ("keypadSeconds", json!(0), "keypadSeconds"),
        ("keypadSeconds", json!(61), "keypadSeconds"),
        ("onMachine", json!("hang_up"), "onMachine"),
        ("machineMessage", json!("../later.wav"), "machineMessage"),
        ("greetingText", json!("  "), "greetingText"),
        ("greetingText", json!("é".repeat(4_001)), "greetingText"),
        ("greetingText", json!({"text": "Hello"}), "greetingText"),
        ("greetingText", json!("a\0b"), "greetingText"),
        ("machineMessageText", json!("Call me back"), "machineMessageText"),
        ("fallbackMessage", json!("../sorry.wav"), "fallbackMessage"),
        ("fallbackMessageText", json!(" "), "fallbackMessageText"),
        ("fallbackMessageText", json!("a\0b"), "fallbackMessageText"),
        ("silenceSeconds", json!(4), "silenceSeconds"),
        ("silenceSeconds", json!(3601), "silenceSeconds"),
        ("transfers", json!({"two words": {"kind": "refer", "to": "+14155550100"}}), "transfers.two words"),
        ("transfers", json!({"sales": {"kind": "fax", "to": "+14155550100"}}), "transfers.sales.kind"),
        ("transfers", json!({"sales": {"kind": "refer", "to": "14155550100"}}), "transfers.sales.to"),
        ("transfers", json!({"sales": {"kind": "sip", "to": "sip:desk@10.0.0.1"}}), "transfers.sales.to"),
        ("keypad", json!({"1": {"action": "transfer"}}), "keypad.1.to"),
        ("keypad", json!({"1": {"action": "transfer", "to": "sales"}}), "keypad.1.to"),
        ("speed", json!(1), "speed"),
    ];
    expect_fields(&world, "/agents", json!({"name": "Asha"}), wrong).await;
    for (body, field) in [
        (json!({"name": "Asha", "greeting": "hello.wav", "greetingText": "Hello"}), "greetingText"),
        (
            json!({"name": "Asha", "onMachine": "message", "machineMessage": "hello.wav", "machineMessageText": "Hi"}),
            "machineMessageText",
        ),
    ] {
        assert_eq!(world.post("/agents", body).await.field(), field);
    }
    world
        .post("/agents", json!({"name": "é".repeat(200), "prompt": "x".repeat(100 * 1024)}))
        .await
        .expect(201);
}

#[tokio::test]
async fn sip_trunks() {
    let world = World::new().await;
    let wrong = vec![
        ("name", json!("x".repeat(121)), "name"),
        ("kind", json!("pigeon"), "kind"),
        ("host", json!(""), "host"),
        ("host", json!("sip:example.com"), "host"),
        ("host", json!("a b"), "host"),
        ("host", json!("example.com:5060"), "host"),
        ("host", json!("a..b"), "host"),
        ("host", json!("x".repeat(256)), "host"),
        ("host", Value::Null, "host"),
        ("port", json!(0), "port"),
        ("port", json!(65536), "port"),
        ("port", json!(-1), "port"),
        ("port", json!("5060"), "port"),
        ("transport", json!("ws"), "transport"),
        ("tlsServerName", json!("pbx.example"), "tlsServerName"),
        ("caCertificate", json!("-----BEGIN CERTIFICATE-----"), "caCertificate"),
        ("sips", json!(true), "sips"),
        ("register", json!(true), "register"),
        ("registerExpires", json!(300), "registerExpires"),
        ("sessionExpires", json!(89), "sessionExpires"),
        ("sessionExpires", json!(86_401), "sessionExpires"),
        ("domain", json!("a/b"), "domain"),
        ("username", json!("a\"b"), "username"),
        ("username", json!(""), "username"),
        ("password", json!("x"), "username"),
        ("ringMs", json!(1), "ringMs"),
        ("outcomes", json!({"200": {"noRoom": {"retryAfterSeconds": 1}}}), "outcomes.200"),
        ("outcomes", json!({"0486": {"noRoom": {"retryAfterSeconds": 1}}}), "outcomes.0486"),
        ("outcomes", json!({"busy": {"noRoom": {"retryAfterSeconds": 1}}}), "outcomes.busy"),
        ("outcomes", json!({"486": {"noRoom": {"retryAfterSeconds": 0}}}), "outcomes.486"),
        ("outcomes", json!({"486": {"outcome": {"outcome": "ANSWERED", "reason": "x"}}}), "outcomes.486"),
        ("outcomes", json!({"486": {"outcome": {"outcome": "FAILED", "reason": "No way"}}}), "outcomes.486"),
        ("callerId", json!("a b"), "callerId"),
        ("callerId", json!("a\"b"), "callerId"),
        ("callerId", json!("<a>"), "callerId"),
        ("callerId", json!("a@b"), "callerId"),
        ("callerId", json!("a\r\nb"), "callerId"),
        ("callerId", json!(""), "callerId"),
        ("callerId", json!("1".repeat(65)), "callerId"),
        ("limits", json!({"callsPerSecond": 0}), "limits.callsPerSecond"),
        ("limits", json!({"callsPerSecond": 10_001}), "limits.callsPerSecond"),
        ("limits", json!({"maxLiveCalls": 0}), "limits.maxLiveCalls"),
        ("limits", json!({"maxLiveCalls": 1.5}), "limits.maxLiveCalls"),
        ("limits", json!({"maxCalls": 1}), "limits.maxCalls"),
        ("limits", json!([1, 2]), "limits"),
        ("secret", json!(1), "secret"),
    ];
    expect_fields(&world, "/trunks", json!({"name": "T", "kind": "sip", "host": "127.0.0.1"}), wrong).await;
    for host in ["sip.example.com", "localhost", "192.0.2.1", "::1", "[2001:db8::1]", "my_pbx"] {
        world.post("/trunks", json!({"name": "T", "kind": "sip", "host": host})).await.expect(201);
    }
    for seconds in [0, 59, 86_401] {
        let body = json!({"name": "T", "kind": "sip", "host": "127.0.0.1", "username": "joe", "password": "x",
            "register": true, "registerExpires": seconds});
        assert_eq!(world.post("/trunks", body).await.field(), "registerExpires", "{seconds}");
    }
    for (field, value) in [
        ("tlsServerName", "a b"),
        ("caCertificate", ""),
        ("caCertificate", "no certificate"),
        ("caCertificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ("caCertificate", &"x".repeat(32_769)),
    ] {
        let mut body = json!({"name": "T", "kind": "sip", "host": "127.0.0.1", "transport": "tls"});
        body[field] = json!(value);
        assert_eq!(world.post("/trunks", body).await.field(), field, "{value:.50}");
    }
}

#[tokio::test]
async fn twilio_trunks() {
    let world = World::new().await;
    let (long, sid) = ("x".repeat(241), "AC0123456789abcdef0123456789abcdef");
    let stream = |url: &str, parameters: Value| json!({"url": url, "parameters": parameters});
    let many: Value = (0..21).map(|n| (n.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    let wide: Value =
        (0..20).map(|n| (n.to_string(), json!("\"".repeat(240)))).collect::<serde_json::Map<_, _>>().into();
    let wss = "wss://a.example.com";
    let wrong = vec![
        ("accountSid", json!(null), "accountSid"),
        ("accountSid", json!("AC/../x"), "accountSid"),
        ("authToken", json!(null), "authToken"),
        ("authToken", json!("a\nb"), "authToken"),
        ("authToken", json!(""), "authToken"),
        ("apiKeySid", json!("SK1"), "apiKeySecret"),
        ("apiKeySecret", json!("secret"), "apiKeySid"),
        ("baseUrl", json!("http://1.1.1.1"), "baseUrl"),
        ("baseUrl", json!("https://127.0.0.1"), "baseUrl"),
        ("baseUrl", json!("https://169.254.169.254"), "baseUrl"),
        ("baseUrl", json!("https://1.1.1.1:6379"), "baseUrl"),
        ("baseUrl", json!("https://1.1.1.1/?a=b"), "baseUrl"),
        ("baseUrl", json!("https://user@1.1.1.1"), "baseUrl"),
        ("baseUrl", json!("api.twilio.com"), "baseUrl"),
        ("machineDetection", json!("yes"), "machineDetection"),
        ("stream", stream("ws://a.example.com", json!({})), "stream.url"),
        ("stream", stream("wss://a.example.com/?a", json!({})), "stream.url"),
        ("stream", stream("wss://user@a.example.com", json!({})), "stream.url"),
        ("stream", stream(wss, json!({"session": "x"})), "stream.parameters.session"),
        ("stream", stream(wss, json!({"a": long})), "stream.parameters.a"),
        ("stream", stream(wss, json!({"a": "\u{1}"})), "stream.parameters.a"),
        ("stream", stream(wss, many), "stream.parameters"),
        ("stream", stream(wss, wide), "stream.parameters"),
        ("stream", json!({"url": wss, "track": "both"}), "stream.track"),
        ("callerId", json!(null), "callerId"),
        ("host", json!("sip.example.com"), "host"),
        ("ringMs", json!(1), "ringMs"),
    ];
    let good = json!({"name": "T", "kind": "twilio", "accountSid": sid, "authToken": "t", "callerId": "+12025550199"});
    expect_fields(&world, "/trunks", good.clone(), wrong).await;
    world.post("/trunks", good).await.expect(201);
    let of_sip = json!({"name": "T", "kind": "sip", "host": "127.0.0.1"});
    expect_fields(&world, "/trunks", of_sip, vec![("authToken", json!("t"), "authToken")]).await;
}

#[tokio::test]
async fn telnyx_trunks() {
    let world = World::new().await;
    let wide: Value =
        (0..20).map(|n| (n.to_string(), json!("\"".repeat(240)))).collect::<serde_json::Map<_, _>>().into();
    let stream = |url: &str, parameters: Value| json!({"url": url, "parameters": parameters});
    let wrong = vec![
        ("apiKey", json!(null), "apiKey"),
        ("apiKey", json!("a\nb"), "apiKey"),
        ("connectionId", json!(null), "connectionId"),
        ("connectionId", json!("1/../x"), "connectionId"),
        ("publicKey", json!(null), "publicKey"),
        ("publicKey", json!("AAAA"), "publicKey"),
        ("publicKey", json!("no base64"), "publicKey"),
        ("baseUrl", json!("http://1.1.1.1"), "baseUrl"),
        ("baseUrl", json!("https://10.0.0.1"), "baseUrl"),
        ("stream", stream("ws://a.example.com", json!({})), "stream.url"),
        ("stream", stream("wss://a.example.com", json!({"session": "x"})), "stream.parameters.session"),
        ("callerId", json!(null), "callerId"),
        ("accountSid", json!("AC1"), "accountSid"),
        ("host", json!("sip.example.com"), "host"),
    ];
    let key = "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";
    let good = json!({"name": "T", "kind": "telnyx", "apiKey": "K", "connectionId": "12", "publicKey": key, "callerId": "+12025550199"});
    expect_fields(&world, "/trunks", good.clone(), wrong).await;
    let mut much = good.clone();
    much["stream"] = stream("wss://a.example.com", wide); // TwiML has no part in this
    world.post("/trunks", much).await.expect(201);
    world.post("/trunks", good).await.expect(201);
    let of_sip = json!({"name": "T", "kind": "sip", "host": "127.0.0.1"});
    expect_fields(&world, "/trunks", of_sip, vec![("publicKey", json!(key), "publicKey")]).await;
}

#[tokio::test]
async fn simulated_trunks() {
    let world = World::new().await;
    let wrong = vec![
        ("ringMs", json!(-1), "ringMs"),
        ("ringMs", json!(3_600_001), "ringMs"),
        ("talkMs", json!("x"), "talkMs"),
        ("talkMs", json!(3_600_001), "talkMs"),
        ("host", json!("x"), "host"),
        ("password", json!("x"), "password"),
    ];
    expect_fields(&world, "/trunks", json!({"name": "T", "kind": "simulated"}), wrong).await;
}

#[tokio::test]
async fn campaigns() {
    let world = World::new().await;
    let agent = world.agent().await;
    world.trunk().await;
    let step = |name: &str, value: Value| json!([{"channel": "voice", name: value}]);
    let wrong = vec![
        ("name", json!("x".repeat(121)), "name"),
        ("name", json!("Due \u{202E}evil"), "name"),
        ("name", json!("Due\nnow"), "name"),
        ("agentId", json!("nobody"), "agentId"),
        ("agentId", json!("01890a5d-ac96-774b-bcce-b302099a8057"), "agentId"),
        ("agentId", json!(agent.replace("agt_", "cmp_")), "agentId"),
        ("trunkId", json!("01890a5d-ac96-774b-bcce-b302099a8057"), "trunkId"),
        ("trunkId", json!(1), "trunkId"),
        ("channel", json!("sms"), "channel"),
        ("channel", json!("pigeon"), "channel"),
        ("channels", json!([]), "channels"),
        ("channels", json!([{"channel": "sms"}]), "channels[0].message"),
        ("channels", json!([{"channel": "sms", "message": {"text": "Hi"}}]), "channels[0].trunkId"),
        ("channels", step("message", json!({"text": "Hi"})), "channels[0].message"),
        (
            "channels",
            json!([{"channel": "voice"}, {"channel": "voice", "gate": "sms.undelivered"}]),
            "channels[1].gate",
        ),
        ("channels", json!(vec![json!({"channel": "voice"}); 11]), "channels"),
        ("channels", json!([{}]), "channels[0].channel"),
        ("channels", json!([["voice"]]), "channels[0]"),
        ("channels", step("attempts", json!(0)), "channels[0].attempts"),
        ("channels", step("attempts", json!(11)), "channels[0].attempts"),
        ("channels", step("retry", json!({"afterMinutes": -1})), "channels[0].retry.afterMinutes"),
        ("channels", step("retry", json!({"backoff": 0.5})), "channels[0].retry.backoff"),
        ("channels", step("retry", json!({"on": ["ANSWERED"]})), "channels[0].retry.on"),
        ("channels", step("retry", json!({"on": ["BUSY"]})), "channels[0].retry.on[0]"),
        ("channels", step("retry", json!({"every": 1})), "channels[0].retry.every"),
        ("channels", step("afterHours", json!(721)), "channels[0].afterHours"),
        ("channels", step("gate", json!("any")), "channels[0].gate"),
        ("channels", step("gates", json!("any")), "channels[0].gates"),
        ("channels", json!([{"channel": "voice"}, {"channel": "voice", "gate": "x"}]), "channels[1].gate"),
        ("limits", json!({"callsPerSecond": -1}), "limits.callsPerSecond"),
        ("ringTimeoutSeconds", json!(0), "ringTimeoutSeconds"),
        ("ringTimeoutSeconds", json!(301), "ringTimeoutSeconds"),
        ("maxCallSeconds", json!(0), "maxCallSeconds"),
        ("maxCallSeconds", json!(14_401), "maxCallSeconds"),
        ("startAt", json!("tomorrow"), "startAt"),
        ("startAt", json!("2026-11-22"), "startAt"),
        ("startAt", json!("2026-11-22T10:00:00"), "startAt"),
        ("startAt", json!("2026-02-30T10:00:00Z"), "startAt"),
        ("startAt", json!(1_700_000_000), "startAt"),
        ("status", json!("IN_PROGRESS"), "status"),
    ];
    expect_fields(&world, "/campaigns", json!({"name": "C", "agentId": agent}), wrong).await;
    let both = json!({"name": "C", "agentId": agent, "channel": "voice", "channels": [{"channel": "voice"}]});
    assert_eq!(world.post("/campaigns", both).await.field(), "channels");
}

#[tokio::test]
async fn sessions() {
    let world = World::new().await;
    let agent = world.agent().await;
    world.trunk().await;
    let wrong = vec![
        ("agentId", json!(""), "agentId"),
        ("toNumber", json!("9876543210"), "toNumber"),
        ("toNumber", json!("+91 9876543210"), "toNumber"),
        ("toNumber", json!("+2109876543210"), "toNumber"),
        ("toNumber", json!(919876543210u64), "toNumber"),
        ("toNumber", json!(""), "toNumber"),
        ("to", json!("+919876543210"), "toNumber"),
        ("fromNumber", json!("a b"), "fromNumber"),
        ("trunkId", json!("x"), "trunkId"),
        ("channel", json!("sms"), "channel"),
        ("variables", json!([]), "variables"),
        ("variables", json!({"a": "x".repeat(4096)}), "variables"),
        ("metadata", json!("x"), "metadata"),
        ("metadata", json!({"a": "x".repeat(4096)}), "metadata"),
        ("metadata", json!({"a\0": 1}), "metadata.a\u{2400}"),
        ("ringTimeoutSeconds", json!(301), "ringTimeoutSeconds"),
        ("maxCallSeconds", json!(14_401), "maxCallSeconds"),
        ("number", json!("+919876543210"), "number"),
    ];
    expect_fields(&world, "/sessions", json!({"agentId": agent, "toNumber": "+919876543210"}), wrong).await;
}

#[tokio::test]
async fn webhooks() {
    let world = World::new().await;
    let wrong = vec![
        ("url", json!(""), "url"),
        ("url", json!("ftp://example.com"), "url"),
        ("url", json!("http://user:pw@example.com"), "url"),
        ("url", json!("http://example.com#x"), "url"),
        ("url", json!(format!("http://example.com/{}", "x".repeat(2000))), "url"),
        ("url", json!(5), "url"),
        ("events", json!(["session.ended", "session.exploded"]), "events[1]"),
        ("events", json!("session.ended"), "events"),
        ("secret", json!("whsec_x"), "secret"),
    ];
    expect_fields(&world, "/webhooks", json!({"url": "https://example.com"}), wrong).await;
}
