//! The rules of a conversation as a state machine: what was heard in, what is to be done out.

use std::time::Duration;

use ringfleet_core::{
    Conversation,
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
}

impl Director {
    pub fn new(rules: Conversation, stays: bool) -> Self {
        Self { rules, stays, scene: Scene::Greeting }
    }

    /// What follows from this.
    pub fn hears(&mut self, event: Event) -> Step {
        match event {
            Event::Key(key) => self.key(key),
            Event::Beep => self.beep(),
            Event::Played => self.played(),
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

    fn wait(&self) -> Step {
        match (self.stays, self.rules.keypad.is_empty()) {
            (true, _) => Step::Nothing,
            (false, false) => Step::Wait(Duration::from_secs(u64::from(self.rules.keypad_seconds))),
            (false, true) => Step::End(Close::Completed),
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
