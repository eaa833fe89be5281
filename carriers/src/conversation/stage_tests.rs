use std::sync::Mutex;

use ringfleet_core::{SipAddress, transfer::Destination};
use serde_json::json;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

use super::*;
use crate::{Hints, transfer_note};

const DEADLINE: Duration = Duration::from_secs(10);
const WORDS: usize = 777;

/// Telephones that a test answers: who was called, and its end of the line.
#[derive(Default)]
struct Telephones(Mutex<Vec<(SipAddress, Ends, CancellationToken)>>);

impl Switchboard for Telephones {
    fn call(self: Arc<Self>, to: SipAddress, ends: Ends, over: CancellationToken) -> JoinHandle<Gone> {
        let hung_up = over.clone();
        self.0.lock().unwrap().push((to, ends, over));
        tokio::spawn(async move {
            hung_up.cancelled().await;
            Gone::Left
        })
    }

    fn refer(self: Arc<Self>, _: Destination) -> AbortOnDropHandle<bool> {
        AbortOnDropHandle::new(tokio::spawn(async { false }))
    }
}

/// A conversation that a test leads.
struct Led {
    telephones: Arc<Telephones>,
    events: UnboundedSender<Event>,
    commands: UnboundedReceiver<Command>,
    told: UnboundedReceiver<Progress>,
    verdict: Arc<OnceLock<Close>>,
    hints: Hints,
    call: ringfleet_core::CallId,
    talk: JoinHandle<Close>,
}

impl Led {
    /// With the transfers `desk` and `busy`, and an agent at a telephone where `connects`.
    fn new(connects: bool) -> Self {
        let telephone = |user: &str| format!("sip:{user}@192.0.2.1");
        let mut rules = json!({
            "transfers": {"desk": {"kind": "sip", "to": telephone("desk")}, "busy": {"kind": "refer", "to": telephone("busy")}},
            "keypad": {"1": {"action": "transfer", "to": "desk"}, "2": {"action": "transfer", "to": "busy"}},
        });
        if connects {
            rules["connect"] = json!({"kind": "sip", "url": telephone("agent")});
        }
        let rules: ringfleet_core::Conversation = serde_json::from_value(rules).unwrap();
        let destination = |(name, to): (&TransferName, &Transfer)| (name.clone(), to.destination().unwrap());
        let destinations = rules.transfers.iter().map(destination).collect();
        let guard = ringfleet_core::net::Guard::default();
        let handover = connects.then(|| Handover {
            at: AgentAt::Telephone(telephone("agent").parse().unwrap()),
            parameters: [].into(),
            call: "ses_1".into(),
            account: "org_1".into(),
            connector: Arc::new(super::super::Connector::new(guard)),
        });
        let script = Script {
            rules,
            handover,
            destinations,
            fallback: Some(Arc::new(vec![1; WORDS])),
            ..Script::default()
        };
        let ((events, heard), (command, commands)) = (unbounded_channel(), unbounded_channel());
        let (progress, told) = unbounded_channel();
        let (hints, telephones, verdict) = (Hints::default(), Arc::default(), Arc::default());
        let call = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let setting = Setting {
            lead: Lead { events: heard, commands: command },
            switchboard: Arc::<Telephones>::clone(&telephones),
            progress,
            ear: hints.listen(call),
            verdict: Arc::clone(&verdict),
        };
        let talk = tokio::spawn(converse(Arc::new(script), Arc::default(), false, setting));
        Self { telephones, events, commands, told, verdict, hints, call, talk }
    }

    /// Whoever is called next.
    async fn called(&self) -> (String, Ends, CancellationToken) {
        let called = async {
            loop {
                if let Some((to, ends, over)) = self.telephones.0.lock().unwrap().pop() {
                    return (to.to_string(), ends, over);
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, called).await.unwrap()
    }

    /// The next command that makes a sound: whose end is heard now, or how much is played.
    async fn sounds(&mut self) -> Result<Arc<Playout>, usize> {
        loop {
            match timeout(DEADLINE, self.commands.recv()).await.unwrap().unwrap() {
                Command::Bridge(playout, _) => return Ok(playout),
                Command::Play(pcm, _) => return Err(pcm.len()),
                _ => {}
            }
        }
    }

    async fn end(self) -> Close {
        timeout(DEADLINE, self.talk).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn an_agent_keeps_its_call_until_somebody_takes_it() {
    let mut led = Led::new(true);
    led.events.send(Event::Played).unwrap();
    let (to, mut agent, agent_over) = led.called().await;
    assert_eq!(to, "sip:agent@192.0.2.1");
    assert!(Arc::ptr_eq(&led.sounds().await.unwrap(), &agent.playout));
    for _ in 0..2 {
        agent.wishes.send("desk".parse().unwrap()).await.unwrap(); // said twice it is one wish
    }
    let (to, desk, _desk_over) = led.called().await;
    assert_eq!(to, "sip:desk@192.0.2.1");
    agent.wishes.send("busy".parse().unwrap()).await.unwrap();
    let told = timeout(DEADLINE, agent.news.recv()).await.unwrap();
    assert_eq!(
        told,
        Some(News::NotTransferred("busy".parse().unwrap())),
        "one at a time, and nothing of the desk"
    );
    assert!(!agent_over.is_cancelled());
    desk.answered.send(()).unwrap();
    assert!(Arc::ptr_eq(&led.sounds().await.unwrap(), &desk.playout));
    timeout(DEADLINE, agent_over.cancelled()).await.unwrap();
    let told = timeout(DEADLINE, led.told.recv()).await.unwrap();
    assert_eq!(told, Some(Progress::Transferred("sip:desk@192.0.2.1".into())));
}

#[tokio::test]
async fn who_leaves_while_it_rings_leaves_the_callee_to_the_telephone() {
    let mut led = Led::new(true);
    led.events.send(Event::Played).unwrap();
    let (_, agent, agent_over) = led.called().await;
    led.sounds().await.unwrap();
    agent.wishes.send("desk".parse().unwrap()).await.unwrap();
    let (_, desk, _desk_over) = led.called().await;
    agent_over.cancel();
    assert!(Arc::ptr_eq(&led.sounds().await.unwrap(), &desk.playout), "the callee hears it ring");
    drop(desk); // nobody answers
    assert_eq!(led.sounds().await.unwrap_err(), WORDS);
    led.events.send(Event::Played).unwrap();
    assert_eq!(led.end().await, Close::Completed, "somebody had talked with the callee");
}

/// A trunk that hands nothing on, in the greeting: the agent has not been tried.
#[tokio::test]
async fn who_was_not_handed_on_still_gets_the_agent_and_else_last_words() {
    let led = Led::new(true);
    led.events.send(Event::Key('2')).unwrap();
    assert_eq!(led.called().await.0, "sip:agent@192.0.2.1");
    let mut led = Led::new(false);
    led.events.send(Event::Key('2')).unwrap();
    assert_eq!(led.sounds().await.unwrap_err(), WORDS);
    assert_eq!(led.verdict.get(), Some(&Close::AgentUnreachable), "whoever hangs up now");
    led.events.send(Event::Silent).unwrap();
    led.events.send(Event::Played).unwrap();
    assert_eq!(led.end().await, Close::AgentUnreachable);
}

#[tokio::test]
async fn a_wish_from_outside_is_one_and_a_beep_meanwhile_none() {
    let mut led = Led::new(false);
    let wish = |name: &str| transfer_note(&name.parse().unwrap());
    led.hints.tell(led.call, "CA123".into());
    led.hints.tell(led.call, wish("nobody"));
    led.hints.tell(led.call, wish("desk"));
    let (to, desk, over) = led.called().await;
    assert_eq!(to, "sip:desk@192.0.2.1");
    assert!(Arc::ptr_eq(&led.sounds().await.unwrap(), &desk.playout), "nobody has the call");
    led.events.send(Event::Beep).unwrap();
    desk.answered.send(()).unwrap();
    let told = timeout(DEADLINE, led.told.recv()).await.unwrap();
    assert_eq!(told, Some(Progress::Transferred("sip:desk@192.0.2.1".into())));
    over.cancel();
    assert_eq!(led.end().await, Close::Completed);
}
