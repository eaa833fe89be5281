use serde_json::{Value, json};

use super::*;

fn read(value: Value) -> Result<Conversation, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn flaw(value: Value) -> Option<String> {
    read(value).unwrap().validate().err().map(|(field, _)| field)
}

#[test]
fn what_is_kept_reads_back_and_nothing_is_needed() {
    assert_eq!(read(json!({})).unwrap(), Conversation::default());
    let full = json!({
        "connect": {"kind": "ws", "url": "wss://agent.example/talk", "parameters": {"lang": "de"}},
        "connectOn": "keypad", "keypad": {"1": {"action": "connect"}, "9": {"action": "suppress"}, "#": {"action": "suppress"}},
        "keypadSeconds": 10, "onMachine": "message", "machineMessage": "later.wav",
    });
    let conversation = read(full.clone()).unwrap();
    assert_eq!(conversation.validate(), Ok(()));
    assert_eq!(serde_json::to_value(&conversation).unwrap(), full);
    assert_eq!(conversation.action('9'), Some(KeyAction::Suppress));
    assert_eq!((conversation.action('2'), conversation.action('A')), (None, None));
}

#[test]
fn what_is_not_understood_is_named() {
    for (bad, names) in [
        (json!({"keypad": {"10": {"action": "suppress"}}}), "0 to 9"),
        (json!({"keypad": {"A": {"action": "suppress"}}}), "0 to 9"),
        (json!({"keypad": {"9": {"action": "sing"}}}), "suppress, connect, transfer"),
        (json!({"transfers": {"a b": {"kind": "sip", "to": "sip:a@b"}}}), "letters, digits"),
        (json!({"connect": {"kind": "ws", "uri": "wss://a"}}), "uri"),
        (json!({"connect": {"kind": "fax", "url": "wss://a"}}), "ws, sip"),
    ] {
        let error = read(bad.clone()).unwrap_err();
        assert!(error.contains(names), "{bad}: {error}");
    }
}

#[test]
fn rules_that_lead_nowhere_are_refused() {
    let connect = json!({"kind": "ws", "url": "wss://a.example"});
    assert_eq!(flaw(json!({"keypad": {"1": {"action": "connect"}}})).as_deref(), Some("keypad.1.action"));
    assert_eq!(flaw(json!({"connectOn": "keypad"})).as_deref(), Some("connectOn"));
    assert_eq!(flaw(json!({"connectOn": "keypad", "connect": connect})).as_deref(), Some("connectOn"));
    let sales = json!({"sales": {"kind": "refer", "to": "+14155550100"}});
    let pressed = |rule: Value| flaw(json!({"transfers": sales, "keypad": {"1": rule}}));
    assert_eq!(pressed(json!({"action": "transfer", "to": "sales"})), None);
    for rule in [
        json!({"action": "transfer"}),
        json!({"action": "transfer", "to": "support"}),
        json!({"action": "suppress", "to": "sales"}),
    ] {
        assert_eq!(pressed(rule.clone()).as_deref(), Some("keypad.1.to"), "{rule}");
    }
    let nowhere = json!({"transfers": {"sales": {"kind": "sip", "to": "+14155550100"}}});
    assert_eq!(flaw(nowhere).as_deref(), Some("transfers.sales.to"));
    for (seconds, bad) in [(4, true), (5, false), (3_600, false), (3_601, true)] {
        assert_eq!(flaw(json!({"silenceSeconds": seconds})).is_some(), bad, "{seconds}");
    }
    let twice = json!({"fallbackMessage": "sorry.wav", "fallbackMessageText": "Sorry"});
    assert_eq!(flaw(twice).as_deref(), Some("fallbackMessageText"));
    for seconds in [0, 61] {
        assert_eq!(flaw(json!({"keypadSeconds": seconds})).as_deref(), Some("keypadSeconds"));
    }
    assert_eq!(flaw(json!({"machineMessage": "a.wav"})).as_deref(), Some("machineMessage"));
    let text = json!({"onMachine": "message", "machineMessage": "a.wav", "machineMessageText": "Hello"});
    assert_eq!(flaw(text).as_deref(), Some("machineMessageText"));
    assert_eq!(flaw(json!({"machineMessageText": "Hello"})).as_deref(), Some("machineMessageText"));
    for (text, bad) in [(" \n", true), ("é", false)] {
        assert_eq!(flaw(json!({"greetingText": text})).is_some(), bad, "{text:?}");
    }
    assert_eq!(flaw(json!({"greetingText": "é".repeat(4_000)})), None);
    assert_eq!(flaw(json!({"greetingText": "é".repeat(4_001)})).as_deref(), Some("greetingText"));
    let with =
        |parameters: Value| json!({"connect": {"kind": "ws", "url": "wss://a", "parameters": parameters}});
    assert_eq!(flaw(with(json!({"": "x"}))).as_deref(), Some("connect.parameters"));
    assert_eq!(flaw(with(json!({"x": "y".repeat(4096)}))).as_deref(), Some("connect.parameters"));
    assert_eq!(flaw(with(json!({"x": "y".repeat(4095)}))), None);
    let telephone =
        |parameters: Value| json!({"connect": {"kind": "sip", "url": "sip:a@h", "parameters": parameters}});
    assert_eq!(flaw(telephone(json!({"x": "y"}))).as_deref(), Some("connect.parameters"));
    assert_eq!(flaw(telephone(json!({}))), None);
}
