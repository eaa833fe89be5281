//! How the callee begins: people say a word and wait for an answer, machines talk on.
//!
//! Measured is energy, 20 ms at a time, on our clock. Nothing is concluded from it but a guess: a talkative person is one as well.

use ringfleet_core::call::{Guess, Speech};

/// Root mean square from which on somebody talks; about −36 dBm0.
const LOUD: f32 = 300.0;
/// Frames of 20 ms: an utterance this long, 2.5 s, is a machine's.
const LONG: u32 = 125;
/// A pause this long, 800 ms, is the end of an utterance: someone waits for an answer.
const PAUSE: u32 = 40;
/// What is shorter than this, 100 ms, was a click or a cough.
const CLICK: u32 = 5;
/// How long it is listened for, 10 s.
const LISTENS: u32 = 500;
/// Milliseconds of a frame.
const FRAME_MS: u32 = 20;

/// Whether somebody talks, or anything else is heard.
pub(super) fn is_loud(pcm: &[i16]) -> bool {
    let square: f32 = pcm.iter().map(|sample| f32::from(*sample) * f32::from(*sample)).sum();
    square > LOUD * LOUD * pcm.len() as f32
}

/// Measures the beginning of one call.
#[derive(Debug, Default)]
pub(super) struct SpeechMeter {
    /// Something loud came since the last tick.
    loud: bool,
    frames: u32,
    /// The frame in which the first utterance began, and its last loud one.
    began: Option<u32>,
    last: u32,
    guess: Option<Guess>,
    /// The first utterance is over, or nobody listens any more.
    done: bool,
}

impl SpeechMeter {
    /// Takes what was heard since the last tick.
    pub fn hear(&mut self, pcm: &[i16]) {
        self.loud |= !self.done && is_loud(pcm);
    }

    /// 20 ms have passed. The guess, when it is made.
    pub fn tick(&mut self) -> Option<Guess> {
        if self.done {
            return None;
        }
        self.frames += 1;
        if std::mem::take(&mut self.loud) {
            self.began.get_or_insert(self.frames);
            self.last = self.frames;
        }
        self.done = self.frames >= LISTENS;
        let pauses = self.began.is_some() && self.frames - self.last >= PAUSE;
        if pauses && self.length() < CLICK {
            self.began = None;
            return None;
        }
        self.done |= pauses;
        let guess = match self.length() {
            LONG.. => Guess::Machine,
            _ if pauses => Guess::Human,
            _ => return None,
        };
        self.guess.replace(guess).is_none().then_some(guess)
    }

    /// What was measured.
    pub fn speech(&self) -> Speech {
        let silent = self.began.map_or(self.frames, |began| began - 1);
        Speech { silence_ms: silent * FRAME_MS, first_ms: self.length() * FRAME_MS, guess: self.guess }
    }

    /// Frames of the first utterance so far.
    fn length(&self) -> u32 {
        self.began.map_or(0, |began| self.last - began + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::FRAME, super::tone, *};

    /// Speech (true) and silence, in milliseconds each; when it was guessed, what, and the measures.
    fn measured(parts: &[(bool, usize)]) -> (Option<(u32, Guess)>, Speech) {
        let (mut meter, mut guessed, mut at) = (SpeechMeter::default(), None, 0);
        for &(talks, millis) in parts {
            let pcm = if talks { tone::murmur(millis) } else { vec![0; millis * 8] };
            for frame in pcm.chunks(FRAME) {
                meter.hear(frame);
                at += FRAME_MS;
                if let Some(guess) = meter.tick() {
                    assert_eq!(guessed.replace((at, guess)), None, "guessed once");
                }
            }
        }
        (guessed, meter.speech())
    }

    fn speech(silence_ms: u32, first_ms: u32, guess: Option<Guess>) -> Speech {
        Speech { silence_ms, first_ms, guess }
    }

    #[test]
    fn a_word_and_a_pause_is_a_person() {
        let (guessed, told) = measured(&[(false, 400), (true, 500), (false, 1500), (true, 4000)]);
        assert!(matches!(guessed, Some((1600..=1720, Guess::Human))), "{guessed:?}");
        assert!((380..=440).contains(&told.silence_ms) && (420..=500).contains(&told.first_ms), "{told:?}");
    }

    #[test]
    fn who_talks_on_is_a_machine_and_its_greeting_is_measured_to_its_end() {
        let (guessed, told) = measured(&[(true, 2000), (false, 300), (true, 2000), (false, 1000)]);
        assert!(matches!(guessed, Some((2480..=2560, Guess::Machine))), "{guessed:?}");
        assert!((4200..=4300).contains(&told.first_ms), "{told:?}");
        assert_eq!(told.guess, Some(Guess::Machine));
    }

    #[test]
    fn of_clicks_silence_and_the_end_nothing_is_guessed() {
        assert_eq!(measured(&[(false, 12_000)]), (None, speech(10_000, 0, None)));
        let mut meter = SpeechMeter::default();
        for n in 0..100 {
            meter.hear(&[if n == 10 { 9000 } else { 0 }; FRAME]);
            assert_eq!(meter.tick(), None);
        }
        assert_eq!(meter.speech(), speech(2_000, 0, None), "a click");
        let (guessed, told) = measured(&[(true, 1000)]);
        assert_eq!((guessed, told.guess), (None, None));
        assert!(told.first_ms >= 900, "what was heard of it until the end: {told:?}");
    }
}
