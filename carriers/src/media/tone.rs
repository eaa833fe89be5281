//! Sounds made in code, so that a fresh machine needs no audio file. All are 8 kHz mono PCM.

use std::f32::consts::TAU;

const RATE: f32 = 8000.0;

/// The greeting when none is configured: three bell-like notes of a major chord, then quiet until 2.5 s:
/// long enough that an answering machine's beep behind a short greeting is heard.
pub fn chime() -> Vec<i16> {
    let mut pcm = silence(2500);
    for (start, hz) in [(0, 523.25), (250, 659.25), (500, 783.99)] {
        strike(&mut pcm[start * 8..], hz);
    }
    pcm
}

/// What the trial peer plays to a caller: buzzing syllables at the pace of speech, `millis` long, and no beep among them.
pub fn murmur(millis: usize) -> Vec<i16> {
    let mut pcm = Vec::with_capacity(millis * 8 + 3200);
    for pitch in [120.0, 135.0, 128.0, 115.0, 142.0, 110.0].into_iter().cycle() {
        if pcm.len() >= millis * 8 {
            break;
        }
        pcm.extend(syllable(220, pitch));
        pcm.extend(silence(80));
    }
    pcm.truncate(millis * 8);
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

/// What who waits for a telephone hears, once: it rings for a second and is quiet for four (425 Hz, ITU-T E.180 §4).
pub fn ringback() -> Vec<i16> {
    let mut pcm = beep(425.0, 1000);
    pcm.iter_mut().for_each(|sample| *sample /= 2);
    pcm.extend(silence(4000));
    pcm
}

fn silence(millis: usize) -> Vec<i16> {
    vec![0; millis * 8]
}

/// Adds a struck bell: a note and two overtones that die away together, so that no pure tone is left at the end, which
/// a machine on the other side could take for a beep.
fn strike(pcm: &mut [i16], hz: f32) {
    for (n, sample) in pcm.iter_mut().enumerate() {
        let t = n as f32 / RATE;
        let envelope = (t / 0.005).min(1.0) * (-3.5 * t).exp();
        let wave: f32 = [(1.0, 0.6), (2.0, 0.5), (3.0, 0.25)]
            .iter()
            .map(|(multiple, gain): &(f32, f32)| gain * (TAU * hz * multiple * t).sin())
            .sum();
        *sample = sample.saturating_add((6000.0 * envelope * wave) as i16);
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
    use super::{
        super::{Codec, beep::BeepDetector},
        *,
    };

    fn loudest(pcm: &[i16]) -> u16 {
        pcm.iter().map(|s| s.unsigned_abs()).max().unwrap()
    }

    #[test]
    fn sounds_are_loud_enough_and_do_not_clip() {
        for pcm in [chime(), murmur(1000), voicemail(), beep(1000.0, 300), ringback()] {
            assert!((3000..32_000).contains(&loudest(&pcm)), "{}", loudest(&pcm));
        }
        assert_eq!((chime().len(), murmur(1000).len()), (20_000, 8000));
        assert!(murmur(0).is_empty() && beep(1000.0, 0).is_empty());
    }

    #[test]
    fn only_the_end_of_the_voicemail_greeting_is_a_beep() {
        let pcm = voicemail();
        let speech = pcm.len() - 300 * 8;
        assert!(!BeepDetector::default().hear(&pcm[..speech]));
        assert!(BeepDetector::default().hear(&pcm));
    }

    #[test]
    fn what_a_person_stands_for_is_never_taken_for_a_machine() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            let over_the_wire = |pcm: Vec<i16>| -> Vec<i16> {
                pcm.into_iter().map(|sample| codec.decode(codec.encode(sample))).collect()
            };
            assert!(!BeepDetector::default().hear(&over_the_wire(murmur(20_000))));
            assert!(!BeepDetector::default().hear(&over_the_wire(chime())));
            assert!(BeepDetector::default().hear(&over_the_wire(voicemail())));
        }
    }
}
