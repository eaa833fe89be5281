//! The rules of a conversation as a state machine: what was heard in, what is to be done out.

use std::time::Duration;

use ringfleet_core::{
    Conversation,
    call::Guess,
    conversation::{KeyAction, KeyRule, OnMachine},
    transfer::TransferName,
};

use super::Close;
use crate::media::Event;

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Go on.
    Nothing,
    /// Hand the call over to the agent.
    Connect,
    /// Hand the call on.
    Transfer(TransferName),
    /// Wait so long for a key, then end the call.
    Wait(Duration),
    /// Play the message for a machine, after its beep.
    LeaveMessage,
    /// End the call.
    End(Close),
}

/// How long a machine may go on talking before its beep.
const BEEP: Duration = Duration::from_secs(30);
/// How long it may take until it is known whether a machine talks.
const WORD: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scene {
    Greeting,
    /// The greeting is over and nobody has the call.
    Waiting,
    Connected,
    Message,
    /// Last words are said; then the call ends so.
    Goodbye(Close),
}

/// How often it is tried to hand a call on: each time calls somebody, at a price.
const MOST_TRIES: u32 = 5;

/// Whether the call is handed on. That happens once: who has it then is not ours to lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handing {
    Not,
    Now,
    Done,
}

/// Leads one conversation.
#[derive(Debug)]
pub(super) struct Director {
    rules: Conversation,
    /// Nothing ends the call after the greeting.
    stays: bool,
    scene: Scene,
    handing: Handing,
    tries: u32,
    guess: Option<Guess>,
}

impl Director {
    pub fn new(rules: Conversation, stays: bool) -> Self {
        Self { rules, stays, scene: Scene::Greeting, handing: Handing::Not, tries: 0, guess: None }
    }

    /// What follows from this.
    pub fn hears(&mut self, event: Event) -> Step {
        match event {
            Event::Key(key) => self.key(key),
            Event::Beep => self.beep(),
            Event::Played => self.played(),
            Event::Sounds(guess) => self.sounds(guess),
            Event::Silent => self.silent(),
        }
    }

    /// Somebody wants the call to be handed on, where it may lead.
    pub fn asked(&mut self, to: TransferName) -> Step {
        let is_ours = matches!(self.scene, Scene::Greeting | Scene::Waiting | Scene::Connected);
        let may = is_ours && self.handing == Handing::Not && self.tries < MOST_TRIES;
        if !may || !self.rules.transfers.contains_key(&to) {
            return Step::Nothing;
        }
        (self.handing, self.tries) = (Handing::Now, self.tries + 1);
        Step::Transfer(to)
    }

    /// Somebody else has the call now.
    pub fn handed_on(&mut self) {
        (self.scene, self.handing) = (Scene::Connected, Handing::Done);
    }

    /// It could not be handed on. Where nobody has had the call yet, whoever talks otherwise gets it.
    pub fn not_handed_on(&mut self) -> Step {
        self.handing = Handing::Not;
        match self.scene {
            Scene::Greeting | Scene::Waiting if self.rules.connect.is_some() => self.connect(),
            _ => Step::Nothing,
        }
    }

    /// Last words are said, and then the call ends.
    pub fn goodbye(&mut self, close: Close) {
        self.scene = Scene::Goodbye(close);
    }

    fn key(&mut self, key: char) -> Step {
        let Some(KeyRule { action, to }) = self.rules.rule(key).cloned() else { return Step::Nothing };
        match action {
            KeyAction::Suppress => Step::End(Close::OptedOut),
            KeyAction::Connect if matches!(self.scene, Scene::Greeting | Scene::Waiting) => self.connect(),
            KeyAction::Connect => Step::Nothing,
            KeyAction::Transfer => to.map_or(Step::Nothing, |to| self.asked(to)),
        }
    }

    /// Who is being handed on may hear nothing for a while, and last words may be soft.
    fn silent(&self) -> Step {
        match (self.handing, self.scene) {
            (Handing::Now, _) | (_, Scene::Goodbye(_)) => Step::Nothing,
            _ => Step::End(Close::Silence),
        }
    }

    fn beep(&mut self) -> Step {
        match self.rules.on_machine {
            // A tone of whoever hands the call on, or takes it.
            _ if self.handing != Handing::Not => Step::Nothing,
            OnMachine::HangUp => Step::End(Close::Machine),
            OnMachine::CarryOn => Step::Nothing,
            OnMachine::Message => {
                self.scene = Scene::Message;
                Step::LeaveMessage
            }
        }
    }

    fn played(&mut self) -> Step {
        match self.scene {
            Scene::Goodbye(close) => Step::End(close),
            Scene::Greeting | Scene::Waiting if self.handing == Handing::Now => Step::Nothing,
            Scene::Message => Step::End(Close::Machine),
            Scene::Greeting if self.rules.connects_after_greeting() => self.connect(),
            Scene::Greeting => {
                self.scene = Scene::Waiting;
                self.wait()
            }
            Scene::Waiting | Scene::Connected => Step::Nothing,
        }
    }

    fn connect(&mut self) -> Step {
        if self.handing == Handing::Now {
            return Step::Nothing;
        }
        self.scene = Scene::Connected;
        Step::Connect
    }

    /// What the callee sounds like matters where a machine is to be told something, and only once nobody else has the call.
    fn sounds(&mut self, guess: Guess) -> Step {
        self.guess = Some(guess);
        match self.scene {
            Scene::Waiting if self.has_a_message() && self.handing == Handing::Not => self.wait(),
            _ => Step::Nothing,
        }
    }

    fn has_a_message(&self) -> bool {
        self.rules.on_machine == OnMachine::Message
    }

    fn wait(&self) -> Step {
        let for_a_key = (!self.rules.keypad.is_empty())
            .then(|| Duration::from_secs(u64::from(self.rules.keypad_seconds)));
        let for_a_beep = match self.guess {
            _ if !self.has_a_message() => None,
            Some(Guess::Human) => None,
            Some(Guess::Machine) => Some(BEEP),
            None => Some(WORD),
        };
        match for_a_key.max(for_a_beep) {
            _ if self.stays => Step::Nothing,
            Some(time) => Step::Wait(time),
            None => Step::End(Close::Completed),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn director(rules: Value) -> Director {
        Director::new(serde_json::from_value(rules).unwrap(), false)
    }

    fn steps(rules: Value, events: &[Event]) -> Vec<Step> {
        let mut director = director(rules);
        events.iter().map(|event| director.hears(*event)).collect()
    }

    const CONNECT: &str = r#"{"kind": "ws", "url": "wss://a.example"}"#;

    fn connect() -> Value {
        serde_json::from_str(CONNECT).unwrap()
    }

    #[test]
    fn without_rules_a_greeting_is_all() {
        assert_eq!(
            steps(json!({}), &[Event::Key('1'), Event::Played]),
            [Step::Nothing, Step::End(Close::Completed)]
        );
        assert_eq!(steps(json!({}), &[Event::Beep]), [Step::End(Close::Machine)]);
        assert_eq!(Director::new(Conversation::default(), true).hears(Event::Played), Step::Nothing);
    }

    #[test]
    fn an_agent_gets_the_call_after_the_greeting_or_when_its_key_is_pressed() {
        let after = json!({"connect": connect(), "keypad": {"9": {"action": "suppress"}}});
        assert_eq!(
            steps(after, &[Event::Key('1'), Event::Played, Event::Key('9')]),
            [Step::Nothing, Step::Connect, Step::End(Close::OptedOut)]
        );
        let on_key =
            json!({"connect": connect(), "connectOn": "keypad", "keypad": {"1": {"action": "connect"}}});
        assert_eq!(
            steps(on_key.clone(), &[Event::Played, Event::Key('1'), Event::Key('1')]),
            [Step::Wait(Duration::from_secs(5)), Step::Connect, Step::Nothing]
        );
        assert_eq!(steps(on_key, &[Event::Key('1'), Event::Played]), [Step::Connect, Step::Nothing]);
    }

    #[test]
    fn the_beep_of_who_talks_on_is_waited_for_where_there_is_a_message() {
        let rules = || json!({"onMachine": "message"});
        let (human, machine) = (Event::Sounds(Guess::Human), Event::Sounds(Guess::Machine));
        assert_eq!(steps(rules(), &[human, Event::Played])[1], Step::End(Close::Completed));
        assert_eq!(
            steps(rules(), &[machine, Event::Played, Event::Beep])[1..],
            [Step::Wait(BEEP), Step::LeaveMessage]
        );
        assert_eq!(steps(rules(), &[Event::Played, machine]), [Step::Wait(WORD), Step::Wait(BEEP)]);
        assert_eq!(steps(rules(), &[Event::Played, human]), [Step::Wait(WORD), Step::End(Close::Completed)]);
        let keys = json!({"onMachine": "message", "keypad": {"9": {"action": "suppress"}}});
        let wait = Step::Wait(Duration::from_secs(5));
        assert_eq!(steps(keys, &[Event::Played, human]), [wait.clone(), wait], "a key may still come");
        assert_eq!(
            steps(json!({}), &[machine, Event::Played])[1],
            Step::End(Close::Completed),
            "a guess ends no call"
        );
    }

    #[test]
    fn a_call_is_handed_on_once_where_it_may_lead_and_stays_where_that_fails() {
        let rules = json!({"connect": connect(), "transfers": {"sales": {"kind": "refer", "to": "+14155550100"}},
            "keypad": {"1": {"action": "transfer", "to": "sales"}, "2": {"action": "connect"}, "9": {"action": "suppress"}}});
        let sales: TransferName = "sales".parse().unwrap();
        let hand_on = || Step::Transfer(sales.clone());
        let mut greets = director(rules.clone());
        assert_eq!(greets.asked("support".parse().unwrap()), Step::Nothing, "nobody has named that");
        assert_eq!(greets.hears(Event::Key('1')), hand_on());
        for event in [Event::Key('1'), Event::Key('2'), Event::Played, Event::Silent] {
            assert_eq!(greets.hears(event), Step::Nothing, "{event:?} changes nothing meanwhile");
        }
        assert_eq!(greets.hears(Event::Key('9')), Step::End(Close::OptedOut));
        assert_eq!(greets.not_handed_on(), Step::Connect, "the agent has not been tried");
        let mut talks = director(rules);
        assert_eq!(talks.hears(Event::Played), Step::Connect);
        assert_eq!(talks.asked(sales.clone()), hand_on());
        for _ in 0..4 {
            assert_eq!(talks.not_handed_on(), Step::Nothing, "who has it keeps it");
            assert_eq!(talks.asked(sales.clone()), hand_on(), "it may be tried again");
        }
        assert_eq!(talks.hears(Event::Beep), Step::Nothing, "a tone of the trunk");
        talks.not_handed_on();
        assert_eq!(talks.asked(sales.clone()), Step::Nothing, "five times are enough");
        talks.handed_on();
        assert_eq!(talks.asked(sales), Step::Nothing, "who has it now keeps it");
        assert_eq!(talks.hears(Event::Silent), Step::End(Close::Silence));
        talks.goodbye(Close::AgentLost);
        assert_eq!(talks.hears(Event::Silent), Step::Nothing, "last words end it");
        assert_eq!(talks.hears(Event::Played), Step::End(Close::AgentLost));
    }

    #[test]
    fn a_machine_is_hung_up_on_or_told_a_message_or_talked_to() {
        let told = steps(json!({"onMachine": "message"}), &[Event::Played, Event::Beep, Event::Played]);
        assert_eq!(told[1..], [Step::LeaveMessage, Step::End(Close::Machine)]);
        let talked_to = json!({"onMachine": "carryOn", "connect": connect()});
        assert_eq!(steps(talked_to, &[Event::Beep, Event::Played]), [Step::Nothing, Step::Connect]);
        let late = json!({"onMachine": "message", "connect": connect()});
        assert_eq!(
            steps(late, &[Event::Played, Event::Beep, Event::Key('1'), Event::Played]),
            [Step::Connect, Step::LeaveMessage, Step::Nothing, Step::End(Close::Machine)]
        );
    }
}
