//! What an answered call hears, and whom it goes to.

use super::*;

fn agent(url: &str, parameters: &[(&str, &str)]) -> Arc<Script> {
    let parameters = parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    handed_over(AgentAt::WebSocket(url.parse().unwrap()), parameters)
}

fn handed_over(at: AgentAt, parameters: std::collections::BTreeMap<String, String>) -> Arc<Script> {
    let (call, account) = ("ses_1".into(), "org_1".into());
    let connector = Arc::new(Connector::new(Guard::default()));
    Arc::new(Script {
        handover: Some(Handover { at, parameters, call, account, connector }),
        ..Script::default()
    })
}

fn say(text: &str, voice: Option<&str>) -> Option<Say> {
    Some(Say { text: text.into(), voice: voice.map(str::to_owned) })
}

/// By webhooks, and by asking.
#[tokio::test]
async fn an_answered_call_hears_its_text_and_goes_to_its_agent() {
    for (webhooks, pace) in [(Webhooks::InOrder, NEVER), (Webhooks::Lost, settings().pace)] {
        let fake = FakeTelnyx::start(Manners { webhooks, talk: SLOW.talk, ..QUICK }).await;
        let stream = json!({"stream": {"url": "wss://trunk.example.com/", "parameters": {"lang": "de"}}});
        let here = reached(&fake, pace, stream).await;
        let script = agent("wss://agent.example.com/a?b=c", &[("callId", "ses_1"), ("name", "Söhne & Co")]);
        let spoken = Order { say: say("Olá & bye", Some("AWS.Polly.Vitoria")), script, ..order("01") };
        let (ending, _) = place(&*here.carrier, spoken).await;
        // The agent has hung up.
        assert_eq!(ending, Ending::over(Outcome::Answered, "completed", None, EndedBy::Caller));
        let call = fake.calls().remove(0);
        let actions: Vec<_> = call.commands.iter().map(|(action, _)| action.as_str()).collect();
        assert_eq!(actions, ["speak", "streaming_start", "hangup"], "one after the other");
        let speak = call.command("speak").unwrap();
        assert_eq!((&speak["payload"], &speak["voice"]), (&json!("Olá & bye"), &json!("AWS.Polly.Vitoria")));
        let stream = call.command("streaming_start").unwrap();
        assert_eq!(stream["stream_url"], "wss://agent.example.com/a?b=c", "not the trunk's");
        assert_eq!(
            (&stream["stream_bidirectional_mode"], &stream["stream_bidirectional_codec"]),
            (&json!("rtp"), &json!("PCMU"))
        );
        let name = json!({"name": "name", "value": "Söhne & Co"});
        assert!(stream["custom_parameters"].as_array().unwrap().contains(&name), "{stream}");

        let without = order("02");
        let id = without.call.to_string();
        place(&*here.carrier, without).await;
        let stream = fake.calls().remove(1).command("streaming_start").unwrap().clone();
        assert_eq!(stream["stream_url"], "wss://trunk.example.com/");
        let told = [json!({"name": "lang", "value": "de"}), json!({"name": "session", "value": id})];
        assert_eq!(stream["custom_parameters"], json!(told));
    }
}

#[tokio::test]
async fn without_an_agent_it_is_hung_up_after_its_text() {
    let fake = FakeTelnyx::start(Manners { webhooks: Webhooks::InOrder, talk: SLOW.talk, ..QUICK }).await;
    let here = reached(&fake, NEVER, json!({})).await;
    for (say, actions) in [(say("Hello", None), vec!["speak", "hangup"]), (None, vec!["hangup"])] {
        let (ending, _) = place(&*here.carrier, Order { say, ..order("01") }).await;
        assert_eq!(ending, Ending::over(Outcome::Answered, "completed", None, EndedBy::Caller));
        let told: Vec<_> =
            fake.calls().pop().unwrap().commands.into_iter().map(|(action, _)| action).collect();
        assert_eq!(told, actions);
    }
}

/// Somebody has picked up, and nobody was reached by that.
#[tokio::test]
async fn what_cannot_be_said_or_who_cannot_be_reached_is_a_failure() {
    let fake = FakeTelnyx::start(Manners { webhooks: Webhooks::InOrder, talk: SLOW.talk, ..QUICK }).await;
    let here = reached(&fake, NEVER, json!({})).await;
    let mute = Order { say: say("Hello", Some("Nobody")), ..order("01") };
    assert_eq!(short(&place(&*here.carrier, mute).await.0), (Some(Outcome::Failed), "not_said", None));
    let alone = Order { script: agent("wss://nobody.example.com", &[]), ..order("01") };
    let unreachable = (Some(Outcome::Failed), "agent_unreachable", None);
    assert_eq!(short(&place(&*here.carrier, alone).await.0), unreachable);
    assert!(fake.calls().iter().all(fake::Taken::is_over), "nobody is left on the line");
}

#[tokio::test]
async fn what_could_never_be_said_or_connected_is_not_placed() {
    let fake = FakeTelnyx::start(QUICK).await;
    let carrier = carrier(&fake);
    let refused = async |order: Order| carrier.prepare(order).await.err().expect("it is not placed");
    let telephone = AgentAt::Telephone("sip:desk@pbx.example.com".parse().unwrap());
    for script in [agent("ws://agent.example.com/a", &[]), handed_over(telephone, [].into())] {
        let ending = refused(Order { script, ..order("01") }).await;
        assert_eq!(ending, Ending::over(Outcome::Failed, "agent_unreachable", None, EndedBy::Caller));
    }
    let long = refused(Order { say: say(&"x".repeat(3_001), None), ..order("01") }).await;
    assert_eq!(long, Ending::over(Outcome::Failed, "speech_too_long", None, EndedBy::Caller));
    let (ending, _) = place(&carrier, Order { from: None, ..order("01") }).await;
    assert_eq!(short(&ending), (Some(Outcome::Failed), "no_caller_id", None));
    assert_eq!(fake.asked("POST "), 0);
}

/// The provider passes over what it knows, so that a text is said once all the same.
#[tokio::test]
async fn a_command_of_which_nothing_is_known_is_told_again() {
    let fake = FakeTelnyx::start(Manners { talk: SLOW.talk, ..QUICK }).await;
    let (ending, _) =
        place(&carrier(&fake), Order { say: say("Hello", Some("Stutter")), ..order("01") }).await;
    assert_eq!(short(&ending), (Some(Outcome::Answered), "completed", None));
    let call = fake.calls().remove(0);
    let speaks: Vec<_> = call.commands.iter().filter(|(action, _)| action == "speak").collect();
    assert!(speaks.len() == 2 && speaks[0] == speaks[1], "{speaks:?}");
    let said = call.told.iter().filter(|event| event["event_type"] == "call.speak.ended").count();
    assert_eq!(said, 1);
}

/// What the provider tells proves that it has understood: by webhooks, and by its list.
#[tokio::test]
async fn what_is_carried_out_goes_on_though_every_answer_is_lost() {
    // That the text begins is told of one voice only.
    for (webhooks, voice) in
        [(Webhooks::InOrder, "Slow"), (Webhooks::Lost, "Slow"), (Webhooks::Lost, "Stutter")]
    {
        let fake = FakeTelnyx::start(Manners { webhooks, talk: SLOW.talk, ..QUICK }).await;
        let here = reached(&fake, settings().pace, json!({})).await;
        let script = agent("wss://talkative.example.com/a", &[]); // talks for longer than anything is tried
        let order = Order { say: say("Hello", Some(voice)), script, ..order("51") };
        let (ending, _) = place(&*here.carrier, order).await;
        assert_eq!(short(&ending), (Some(Outcome::Answered), "completed", None), "{webhooks:?}");
        let told = fake.calls().remove(0).told;
        let names: Vec<_> = told.iter().filter_map(|event| event["event_type"].as_str()).collect();
        let end = ["call.speak.ended", "streaming.started", "streaming.stopped", "call.hangup"];
        assert!(names.ends_with(&end), "{names:?}");
    }
}

/// A text may be longer than anything is tried.
#[tokio::test]
async fn each_thing_is_tried_for_a_time_of_its_own() {
    let fake = FakeTelnyx::start(Manners { talk: SLOW.talk, ..QUICK }).await;
    let script = agent("wss://agent.example.com/a", &[]);
    let order = Order { say: say("Hello", Some("Slow")), script, ..order("61") };
    let (ending, _) = place(&carrier(&fake), order).await;
    assert_eq!(short(&ending), (Some(Outcome::Answered), "completed", None));
    let commands = fake.calls().remove(0).commands;
    let actions: Vec<_> = commands.iter().map(|(action, _)| action.as_str()).collect();
    assert!(actions.starts_with(&["speak", "speak", "streaming_start", "streaming_start"]), "{actions:?}");
}

/// Who may have heard it is not called again for it; who certainly has not is.
#[tokio::test]
async fn what_nobody_can_tell_of_an_answered_call_is_no_failure() {
    let fake = FakeTelnyx::start(Manners { talk: SLOW.talk, ..QUICK }).await;
    let carrier = carrier(&fake);
    let reached = (Some(Outcome::Answered), "provider_silent", None);
    let failed = |reason| (Some(Outcome::Failed), reason, None);
    for (end, speaks, expected) in [
        ("71", true, reached),
        ("71", false, reached),
        ("81", true, failed("not_said")),
        ("81", false, failed("agent_unreachable")),
    ] {
        let say = if speaks { say("Hello", None) } else { None };
        let script = agent("wss://agent.example.com/a", &[]);
        let (ending, _) = place(&carrier, Order { say, script, ..order(end) }).await;
        assert_eq!(short(&ending), expected, "{end} {speaks}");
    }
    assert!(fake.calls().iter().all(fake::Taken::is_over), "nobody is left on the line");
}

/// The end of the stream is heard of before the end of the call.
#[tokio::test]
async fn a_callee_who_hangs_up_on_an_agent_has_hung_up() {
    let fake = FakeTelnyx::start(Manners { webhooks: Webhooks::InOrder, ..QUICK }).await;
    let here = reached(&fake, NEVER, json!({})).await;
    let heard = |call: &fake::Taken| {
        let names = call.told.iter().filter_map(|event| event["event_type"].as_str().map(str::to_owned));
        names.skip_while(|name| !name.starts_with("streaming.")).collect::<Vec<_>>()
    };
    for (host, expected) in [
        ("talkative", vec!["streaming.started", "streaming.stopped", "call.hangup"]),
        ("impatient", vec!["streaming.failed", "call.hangup"]),
    ] {
        let script = agent(&format!("wss://{host}.example.com/a"), &[]);
        let (ending, _) = place(&*here.carrier, Order { script, ..order("01") }).await;
        assert_eq!(ending, Ending::over(Outcome::Answered, "completed", None, EndedBy::Callee), "{host}");
        assert_eq!(heard(&fake.calls().pop().unwrap()), expected);
    }
}
