//! The rules of a conversation as a state machine: what was heard in, what is to be done out.

use std::time::Duration;

use ringfleet_core::{
    Conversation,
    call::Guess,
    conversation::{KeyAction, OnMachine},
};

use super::Close;
use crate::media::Event;

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Go on.
    Nothing,
    /// Hand the call over to the agent.
    Connect,
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
}

/// Leads one conversation.
#[derive(Debug)]
pub(super) struct Director {
    rules: Conversation,
    /// Nothing ends the call after the greeting.
    stays: bool,
    scene: Scene,
    guess: Option<Guess>,
}

impl Director {
    pub fn new(rules: Conversation, stays: bool) -> Self {
        Self { rules, stays, scene: Scene::Greeting, guess: None }
    }

    /// What follows from this.
    pub fn hears(&mut self, event: Event) -> Step {
        match event {
            Event::Key(key) => self.key(key),
            Event::Beep => self.beep(),
            Event::Played => self.played(),
            Event::Sounds(guess) => self.sounds(guess),
        }
    }

    fn key(&mut self, key: char) -> Step {
        match self.rules.action(key) {
            Some(KeyAction::Suppress) => Step::End(Close::OptedOut),
            Some(KeyAction::Connect) if matches!(self.scene, Scene::Greeting | Scene::Waiting) => {
                self.connect()
            }
            _ => Step::Nothing,
        }
    }

    fn beep(&mut self) -> Step {
        match self.rules.on_machine {
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
        self.scene = Scene::Connected;
        Step::Connect
    }

    /// What the callee sounds like matters where a machine is to be told something, and only once nobody else has the call.
    fn sounds(&mut self, guess: Guess) -> Step {
        self.guess = Some(guess);
        match self.scene {
            Scene::Waiting if self.has_a_message() => self.wait(),
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
        assert_eq!(steps(keys, &[Event::Played, human]), [wait, wait], "a key may still come");
        assert_eq!(
            steps(json!({}), &[machine, Event::Played])[1],
            Step::End(Close::Completed),
            "a guess ends no call"
        );
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
