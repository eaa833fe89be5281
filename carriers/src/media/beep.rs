//! Hears the beep of an answering machine: one strong, narrow, steady tone.
//!
//! The newest 60 ms are compared, every 20 ms, with the power that a Goertzel filter finds at one frequency. Speech spreads
//! over many harmonics, dial and ringing tones over two frequencies (60 ms tell 440 from 480 Hz), noise over everything.

use std::f32::consts::TAU;

/// Samples of one step: 20 ms at 8 kHz.
const STEP: usize = 160;
/// Samples looked at together: 60 ms, which separates tones some 17 Hz apart.
const WINDOW: usize = 3 * STEP;
/// Windows in a row that must agree: 60 ms + 3 × 20 ms = 120 ms of tone.
const AGREEING: u32 = 4;
/// Root mean square below which nothing is strong; about −36 dBm0.
const QUIET: f32 = 300.0;
/// Part of the step's power near one of the coarse frequencies that makes a closer look worthwhile.
const COARSE_SHARE: f32 = 0.5;
/// Part of the window's power at one frequency that makes it a tone.
const FINE_SHARE: f32 = 0.8;
/// Lowest and highest frequency of a beep, in hertz.
const LOWEST: f32 = 400.0;
const HIGHEST: f32 = 2000.0;
/// Distance of the coarse frequencies; half of what 20 ms can resolve.
const COARSE_STEP: f32 = 25.0;
/// Distance of the fine frequencies around a candidate.
const FINE_STEP: f32 = 4.0;
/// Filters run side by side, so that the compiler can use vector registers.
const LANES: usize = 8;

/// Listens to one call. Give it everything that is heard, in order.
#[derive(Debug)]
pub(super) struct BeepDetector {
    window: [f32; WINDOW],
    filled: usize,
    tone: Option<f32>,
    agreeing: u32,
    heard: bool,
}

impl Default for BeepDetector {
    fn default() -> Self {
        Self { window: [0.0; WINDOW], filled: 0, tone: None, agreeing: 0, heard: false }
    }
}

impl BeepDetector {
    /// Takes samples of 8 kHz PCM, any number at a time; true once a beep has been heard.
    pub fn hear(&mut self, pcm: &[i16]) -> bool {
        for &sample in pcm {
            if self.heard {
                break;
            }
            self.window[WINDOW - STEP + self.filled] = f32::from(sample);
            self.filled += 1;
            if self.filled == STEP {
                self.heard = self.step();
                self.window.copy_within(STEP.., 0);
                self.filled = 0;
            }
        }
        self.heard
    }

    fn step(&mut self) -> bool {
        let found = self.candidate().and_then(|hz| self.confirm(hz));
        self.agreeing = if found.is_some() { self.agreeing + 1 } else { 0 };
        self.tone = found;
        self.agreeing >= AGREEING
    }

    /// The tone of the step before, or else the strongest coarse frequency of the newest step.
    fn candidate(&self) -> Option<f32> {
        if self.tone.is_some() {
            return self.tone;
        }
        let newest = &self.window[WINDOW - STEP..];
        let power = mean_square(newest);
        if power < QUIET * QUIET {
            return None;
        }
        let count = ((HIGHEST - LOWEST) / COARSE_STEP) as usize + 1;
        let (hz, share) = strongest(newest, LOWEST, COARSE_STEP, count);
        (share > COARSE_SHARE * power).then_some(hz)
    }

    /// Looks closely around `hz`, wide enough for a coarse neighbour, over the whole window.
    fn confirm(&self, hz: f32) -> Option<f32> {
        let power = mean_square(&self.window);
        if power < QUIET * QUIET {
            return None;
        }
        let (hz, found) = strongest(&self.window, hz - 3.5 * FINE_STEP, FINE_STEP, LANES);
        let in_band = (LOWEST - FINE_STEP..=HIGHEST + FINE_STEP).contains(&hz);
        (in_band && found > FINE_SHARE * power).then_some(hz)
    }
}

fn mean_square(samples: &[f32]) -> f32 {
    samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32
}

/// Of `count` frequencies from `first` on, the one with the most power, and that power as a mean square.
fn strongest(samples: &[f32], first: f32, step: f32, count: usize) -> (f32, f32) {
    let mut best = (first, 0.0);
    for group in (0..count).step_by(LANES) {
        let hz: [f32; LANES] = std::array::from_fn(|lane| first + step * (group + lane) as f32);
        let power = goertzel(samples, &hz);
        for lane in 0..LANES.min(count - group) {
            if power[lane] > best.1 {
                best = (hz[lane], power[lane]);
            }
        }
    }
    best
}

/// Power at each of some frequencies (G. Goertzel, 1958), as the mean square a pure tone of that power would have.
fn goertzel(samples: &[f32], hz: &[f32; LANES]) -> [f32; LANES] {
    let turn = hz.map(|hz| 2.0 * (TAU * hz / 8000.0).cos());
    let (mut last, mut before) = ([0.0; LANES], [0.0; LANES]);
    for &sample in samples {
        for lane in 0..LANES {
            let next = sample + turn[lane] * last[lane] - before[lane];
            before[lane] = last[lane];
            last[lane] = next;
        }
    }
    let half_square = (samples.len() * samples.len()) as f32 / 2.0;
    std::array::from_fn(|lane| {
        let (a, b) = (last[lane], before[lane]);
        (a * a + b * b - turn[lane] * a * b) / half_square
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sum of sines, (hertz, peak) each.
    fn tones(millis: usize, parts: &[(f32, f32)]) -> Vec<i16> {
        (0..millis * 8)
            .map(|n| {
                parts.iter().map(|(hz, peak)| peak * (TAU * hz * n as f32 / 8000.0).sin()).sum::<f32>() as i16
            })
            .collect()
    }

    fn noise(millis: usize, peak: f32, mut seed: u32) -> Vec<i16> {
        let mut next = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..millis * 8).map(|_| (peak * next()) as i16).collect()
    }

    fn mixed(a: &[i16], b: &[i16]) -> Vec<i16> {
        a.iter().zip(b).map(|(a, b)| a.saturating_add(*b)).collect()
    }

    fn heard(pcm: &[i16]) -> bool {
        BeepDetector::default().hear(pcm)
    }

    /// Voiced syllables: gliding pitch, harmonics shaped by two formants that wander, unvoiced noise and pauses between.
    fn speech(seed: u32) -> Vec<i16> {
        let mut pcm = Vec::new();
        for syllable in 0..20 {
            let s = (seed * 31 + syllable * 17) as f32;
            let pitch = 90.0 + (s * 7.3) % 210.0;
            let formants = [300.0 + (s * 13.7) % 550.0, 900.0 + (s * 23.1) % 1400.0];
            let mut phase = 0.0f32;
            let length = 8 * (120 + (syllable as usize * 37) % 200);
            for n in 0..length {
                let along = n as f32 / length as f32;
                phase += TAU * pitch * (1.0 + 0.15 * along) / 8000.0;
                let mut sum = 0.0;
                for k in 1..=16 {
                    let hz = pitch * k as f32;
                    let gain: f32 = formants
                        .iter()
                        .map(|f| 1.0 / (1.0 + ((hz - f * (1.0 + 0.1 * along)) / 120.0).powi(2)))
                        .sum();
                    sum += gain * (phase * k as f32).sin();
                }
                pcm.push((4000.0 * sum * (along * std::f32::consts::PI).sin()) as i16);
            }
            pcm.extend(noise(60, 1500.0, seed + syllable));
            pcm.extend(noise(40, 40.0, seed + syllable));
        }
        pcm
    }

    #[test]
    fn beeps_of_every_pitch_and_phase_are_heard() {
        for hz in [400.0, 425.0, 437.3, 500.0, 850.0, 1000.0, 1112.5, 1400.0, 1777.0, 2000.0] {
            for offset in [0, 1, 40, 79, 80, 81, 120, 159] {
                let mut pcm = vec![0; offset];
                pcm.extend(tones(130, &[(hz, 6000.0)]));
                pcm.extend([0; 800]);
                assert!(heard(&pcm), "{hz} Hz at {offset}");
            }
        }
    }

    #[test]
    fn a_beep_in_noise_and_after_speech_is_heard() {
        let noisy = mixed(&tones(300, &[(1000.0, 3000.0)]), &noise(300, 800.0, 1));
        assert!(heard(&noisy));
        let mut pcm = speech(3);
        assert!(!heard(&pcm));
        pcm.extend(noisy);
        assert!(heard(&pcm));
    }

    #[test]
    fn short_faint_low_and_high_tones_are_not_beeps() {
        assert!(!heard(&[tones(90, &[(1000.0, 6000.0)]), vec![0; 1600]].concat()), "short");
        assert!(!heard(&tones(500, &[(1000.0, 300.0)])), "faint");
        assert!(!heard(&tones(500, &[(300.0, 6000.0)])), "low");
        assert!(!heard(&tones(500, &[(2300.0, 6000.0)])), "high");
    }

    #[test]
    fn tones_of_two_frequencies_are_not_beeps() {
        // Dial, ringing and busy tones of North America, ringing of Britain, and DTMF keys.
        for pair in
            [(350.0, 440.0), (440.0, 480.0), (480.0, 620.0), (400.0, 450.0), (697.0, 1209.0), (941.0, 1477.0)]
        {
            let pcm = tones(2000, &[(pair.0, 4000.0), (pair.1, 4000.0)]);
            assert!(!heard(&pcm), "{pair:?}");
        }
    }

    #[test]
    fn speech_music_and_noise_are_not_beeps() {
        for seed in 0..20 {
            assert!(!heard(&speech(seed)), "speech {seed}");
        }
        assert!(!heard(&noise(5000, 8000.0, 7)), "noise");
        assert!(!heard(&tones(1000, &[(523.0, 3000.0), (659.0, 3000.0), (784.0, 3000.0)])), "a chord");
    }

    #[test]
    fn a_gliding_whistle_is_not_a_beep() {
        let mut phase = 0.0f32;
        let glide: Vec<i16> = (0..8000)
            .map(|n| {
                phase += TAU * (600.0 + 1200.0 * n as f32 / 8000.0) / 8000.0;
                (6000.0 * phase.sin()) as i16
            })
            .collect();
        assert!(!heard(&glide));
    }

    #[test]
    fn the_size_of_the_pieces_does_not_matter() {
        let pcm = [vec![0; 37], tones(130, &[(1000.0, 6000.0)]), vec![0; 400]].concat();
        for size in [1, 7, 80, 160, 240, 999] {
            let mut detector = BeepDetector::default();
            assert!(pcm.chunks(size).any(|piece| detector.hear(piece)), "{size}");
        }
    }
}
