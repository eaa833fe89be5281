//! Keys as telephone events (RFC 4733 §2.3): those that the far end presses, and those that we do.

use std::collections::VecDeque;

use super::FRAME;

/// The DTMF events 0 to 15, in the order of RFC 4733 §3.2.
const KEYS: &[u8; 16] = b"0123456789*#ABCD";
/// More keys than any dialogue needs; bounds the memory of a call.
const MOST_DIGITS: usize = 256;

/// Turns event packets into digits. Each key press counts once, however many packets of it arrive or get lost.
#[derive(Debug, Default)]
pub(super) struct Keypad {
    digits: String,
    current: Option<Event>,
}

/// One key press, or one segment of a very long one.
#[derive(Debug, Clone, Copy)]
struct Event {
    code: u8,
    timestamp: u32,
    duration: u16,
    ended: bool,
}

impl Keypad {
    /// Takes the payload and the RTP timestamp (the start of the press) of one event packet; gives the key if that is a new press.
    pub fn packet(&mut self, timestamp: u32, payload: &[u8]) -> Option<char> {
        let [code, flags, high, low, ..] = *payload else { return None };
        let event =
            Event { code, timestamp, duration: u16::from_be_bytes([high, low]), ended: flags & 0x80 != 0 };
        let Some(before) = &mut self.current else { return self.press(event) };
        let later = timestamp.wrapping_sub(before.timestamp);
        if later == 0 {
            before.duration = before.duration.max(event.duration);
            before.ended |= event.ended;
        } else if later == u32::from(before.duration) && code == before.code && !before.ended {
            // A press longer than 16 bits of duration goes on in a new segment (RFC 4733 §2.5.1.3).
            *before = event;
        } else if later < 1 << 31 {
            return self.press(event);
        }
        None
    }

    fn press(&mut self, event: Event) -> Option<char> {
        self.current = Some(event);
        let key = char::from(*KEYS.get(usize::from(event.code))?);
        (self.digits.len() < MOST_DIGITS).then(|| self.digits.push(key))?;
        Some(key)
    }

    /// The keys pressed so far, in order.
    pub fn digits(self) -> String {
        self.digits
    }
}

/// Frames that a key of ours is held down: 100 ms.
const HELD: u16 = 5;
/// Packets that tell of its end, for two may get lost (RFC 4733 §2.5.1.4).
const ENDS: u16 = 3;
/// Frames from one key to the next.
const BEAT: u16 = 12;
/// Volume of the tone that an event stands for: −10 dBm0.
const VOLUME: u8 = 10;

/// Presses keys, one after the other.
#[derive(Debug, Default)]
pub(super) struct Fingers {
    keys: VecDeque<u8>,
    /// Frames since the first key went down.
    frame: u16,
}

/// What is sent of a press in one frame, in place of audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Press {
    pub payload: [u8; 4],
    /// Frames since it began.
    pub since: u16,
}

impl Fingers {
    /// Presses a key when those before it have been pressed; nothing for what is no key.
    pub fn press(&mut self, key: char) {
        let code = KEYS.iter().position(|known| char::from(*known) == key);
        if let Some(code) = code.filter(|_| self.keys.len() < MOST_DIGITS) {
            self.keys.push_back(code as u8);
        }
    }

    /// What to send now.
    pub fn next(&mut self) -> Option<Press> {
        let code = *self.keys.front()?;
        let since = self.frame;
        self.frame += 1;
        if self.frame == BEAT {
            self.frame = 0;
            self.keys.pop_front();
        }
        let ended = if since >= HELD { 0x80 } else { 0 };
        let [high, low] = ((since + 1).min(HELD) * FRAME as u16).to_be_bytes();
        (since < HELD + ENDS).then_some(Press { payload: [code, ended | VOLUME, high, low], since })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pressed_is_read_as_it_was_meant_also_when_packets_get_lost() {
        for lost in [None, Some(0), Some(5), Some(6)] {
            let (mut fingers, mut keypad) = (Fingers::default(), Keypad::default());
            "19x#A0".chars().for_each(|key| fingers.press(key));
            for n in 0..100_u16 {
                if let Some(press) = fingers.next().filter(|press| Some(press.since) != lost) {
                    let began = u32::from(n - press.since) * FRAME as u32;
                    keypad.packet(began, &press.payload);
                }
            }
            assert_eq!(keypad.digits(), "19#A0");
        }
    }

    /// (timestamp, event, end, duration)
    fn digits(packets: &[(u32, u8, bool, u16)]) -> String {
        let mut keypad = Keypad::default();
        for &(timestamp, code, end, duration) in packets {
            let [high, low] = duration.to_be_bytes();
            keypad.packet(timestamp, &[code, if end { 0x8a } else { 0x0a }, high, low]);
        }
        keypad.digits()
    }

    #[test]
    fn a_press_counts_once() {
        let press = [
            (800, 5, false, 160),
            (800, 5, false, 320),
            (800, 5, true, 480),
            (800, 5, true, 480),
            (800, 5, true, 480),
        ];
        assert_eq!(digits(&press), "5");
        assert_eq!(digits(&press[3..]), "5", "its beginning got lost");
        assert_eq!(digits(&press[..1]), "5", "its end got lost");
    }

    #[test]
    fn a_press_is_told_when_it_begins_and_once() {
        let mut keypad = Keypad::default();
        let told: Vec<_> =
            [0x0a, 0x0a, 0x8a, 0x8a].map(|flags| keypad.packet(800, &[9, flags, 0, 160])).into();
        assert_eq!(told, [Some('9'), None, None, None]);
    }

    #[test]
    fn the_same_key_twice_is_two_digits() {
        assert_eq!(digits(&[(0, 1, true, 480), (1600, 1, true, 480), (1600, 1, true, 480)]), "11");
        assert_eq!(
            digits(&[(u32::MAX - 100, 10, true, 480), (1600, 11, true, 480)]),
            "*#",
            "across the wrap"
        );
    }

    #[test]
    fn late_packets_of_an_earlier_press_are_ignored() {
        assert_eq!(
            digits(&[(0, 1, true, 480), (1600, 2, false, 160), (0, 1, true, 480), (1600, 2, true, 480)]),
            "12"
        );
    }

    #[test]
    fn a_very_long_press_is_one_digit() {
        assert_eq!(digits(&[(0, 3, false, 0xffff), (0xffff, 3, false, 160), (0xffff, 3, true, 320)]), "3");
    }

    #[test]
    fn other_events_and_short_payloads_are_no_digits() {
        let mut keypad = Keypad::default();
        assert_eq!(keypad.packet(0, &[16, 0x80, 0, 160]), None, "flash");
        keypad.packet(800, &[1, 0x80, 0]);
        keypad.packet(900, &[]);
        for press in 0..1000 {
            keypad.packet(1600 * (press + 1), &[15, 0x80, 0, 160]);
        }
        assert_eq!(keypad.digits(), "D".repeat(MOST_DIGITS));
    }
}
