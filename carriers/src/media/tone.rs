//! Sounds made in code, so that a fresh machine needs no audio file. All are 8 kHz mono PCM.

use std::f32::consts::TAU;

const RATE: f32 = 8000.0;

/// The greeting when none is configured: three bell-like notes of a major chord, 1.5 s.
pub fn chime() -> Vec<i16> {
    let mut pcm = silence(1500);
    for (start, hz) in [(0, 523.25), (250, 659.25), (500, 783.99)] {
        strike(&mut pcm[start * 8..], hz);
    }
    pcm
}

/// What the trial peer plays to a caller: a slow murmur of changing notes, `millis` long.
pub fn murmur(millis: usize) -> Vec<i16> {
    let mut pcm = silence(millis);
    let notes = [392.0, 440.0, 349.23, 329.63, 293.66];
    for (start, hz) in (0..pcm.len()).step_by(4800).zip(notes.iter().cycle()) {
        // After 1.5 s a note has died away.
        let end = pcm.len().min(start + 12_000);
        strike(&mut pcm[start..end], *hz);
    }
    pcm
}

/// What an answering machine says before its beep: buzzing syllables with many harmonics, about 1.6 s, then 300 ms of 1 kHz.
pub fn voicemail() -> Vec<i16> {
    let mut pcm = Vec::new();
    for pitch in [110.0, 140.0, 120.0, 100.0] {
        pcm.extend(syllable(300, pitch));
        pcm.extend(silence(100));
    }
    pcm.extend(beep(1000.0, 300));
    pcm
}

/// A steady tone of `hz`, `millis` long, with soft edges.
pub fn beep(hz: f32, millis: usize) -> Vec<i16> {
    let length = millis * 8;
    (0..length)
        .map(|n| {
            let edge = (n.min(length - 1 - n) as f32 / 40.0).min(1.0);
            (8000.0 * edge * (TAU * hz * n as f32 / RATE).sin()) as i16
        })
        .collect()
}

fn silence(millis: usize) -> Vec<i16> {
    vec![0; millis * 8]
}

/// Adds a struck bell: a note and two overtones that die away.
fn strike(pcm: &mut [i16], hz: f32) {
    for (n, sample) in pcm.iter_mut().enumerate() {
        let t = n as f32 / RATE;
        let attack = (t / 0.005).min(1.0);
        let wave: f32 = [(1.0f32, 1.0f32, 3.5f32), (2.0, 0.35, 6.0), (3.0, 0.15, 9.0)]
            .iter()
            .map(|(multiple, gain, decay)| gain * (-decay * t).exp() * (TAU * hz * multiple * t).sin())
            .sum();
        *sample = sample.saturating_add((5000.0 * attack * wave) as i16);
    }
}

fn syllable(millis: usize, pitch: f32) -> Vec<i16> {
    let length = millis * 8;
    (0..length)
        .map(|n| {
            let t = n as f32 / RATE;
            let wave: f32 = (1..=12).map(|k| (TAU * pitch * k as f32 * t).sin() / k as f32).sum();
            let swell = (std::f32::consts::PI * n as f32 / length as f32).sin();
            (5000.0 * swell * wave) as i16
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::beep::BeepDetector, *};

    fn loudest(pcm: &[i16]) -> u16 {
        pcm.iter().map(|s| s.unsigned_abs()).max().unwrap()
    }

    #[test]
    fn sounds_are_loud_enough_and_do_not_clip() {
        for pcm in [chime(), murmur(1000), voicemail(), beep(1000.0, 300)] {
            assert!((3000..32_000).contains(&loudest(&pcm)), "{}", loudest(&pcm));
        }
        assert_eq!((chime().len(), murmur(1000).len()), (12_000, 8000));
        assert!(murmur(0).is_empty() && beep(1000.0, 0).is_empty());
    }

    #[test]
    fn only_the_end_of_the_voicemail_greeting_is_a_beep() {
        let pcm = voicemail();
        let speech = pcm.len() - 300 * 8;
        assert!(!BeepDetector::default().hear(&pcm[..speech]));
        assert!(BeepDetector::default().hear(&pcm));
    }
}
