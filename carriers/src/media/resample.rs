//! Brings audio of another rate to 8 kHz without folding what lies above 4 kHz back into the band.
//!
//! A windowed sinc, evaluated only where an output sample is wanted: one row of weights per phase of the ratio of the rates.

use std::f64::consts::PI;

use super::SAMPLE_RATE;

/// Zero crossings of the sinc on each side: 16 give some 70 dB outside a transition band of about 500 Hz.
const LOBES: usize = 16;
/// The pass band ends a little below half the lower rate, so that the transition band ends there.
const ROLL_OFF: f64 = 0.93;

/// Converts a stream of samples to 8 kHz; keeps only as much of it as the filter is long.
pub(super) struct Resampler {
    /// Input and output rate without their common divisor.
    from: usize,
    to: usize,
    /// `to` rows of `taps` weights.
    weights: Vec<f32>,
    taps: usize,
    history: Vec<f32>,
    /// Index in `history` of the first sample under the filter for the next output sample.
    at: usize,
    phase: usize,
}

impl Resampler {
    /// A resampler from `rate` hertz.
    pub fn new(rate: u32) -> Self {
        let divisor = gcd(rate, SAMPLE_RATE);
        let (from, to) = ((rate / divisor) as usize, (SAMPLE_RATE / divisor) as usize);
        // Cycles per input sample.
        let cutoff = 0.5 * ROLL_OFF * (f64::from(SAMPLE_RATE.min(rate)) / f64::from(rate));
        let half = (LOBES as f64 / (2.0 * cutoff)).ceil() as usize;
        let taps = 2 * half;
        let mut weights = Vec::with_capacity(to * taps);
        for phase in 0..to {
            let center = half as f64 - 1.0 + phase as f64 / to as f64;
            let row: Vec<f64> =
                (0..taps).map(|tap| kernel(tap as f64 - center, cutoff, half as f64)).collect();
            // Each phase passes a constant unchanged; else the gain would ripple with the phase.
            let sum: f64 = row.iter().sum();
            weights.extend(row.iter().map(|weight| (weight / sum) as f32));
        }
        // Silence before the beginning, so that the first output sample lies on the first input sample.
        Self { from, to, weights, taps, history: vec![0.0; half - 1], at: 0, phase: 0 }
    }

    /// Takes input samples and appends what can be said about the output.
    pub fn push(&mut self, input: &[f32], out: &mut Vec<i16>) {
        self.history.extend_from_slice(input);
        while let Some(window) = self.history.get(self.at..self.at + self.taps) {
            let row = &self.weights[self.phase * self.taps..][..self.taps];
            let sum: f32 = window.iter().zip(row).map(|(sample, weight)| sample * weight).sum();
            out.push(sum.round() as i16); // `as` saturates
            self.phase += self.from;
            self.at += self.phase / self.to;
            self.phase %= self.to;
        }
        let done = self.at.min(self.history.len());
        self.history.drain(..done);
        self.at -= done;
    }

    /// Lets the filter run out over silence, so that the last input sample is heard too.
    pub fn finish(mut self, out: &mut Vec<i16>) {
        self.push(&vec![0.0; self.taps / 2], out);
    }
}

/// Sinc of the given cutoff under a Blackman window of half width `half`.
fn kernel(x: f64, cutoff: f64, half: f64) -> f64 {
    if x.abs() >= half {
        return 0.0;
    }
    let t = 2.0 * PI * cutoff * x;
    let sinc = if t.abs() < 1e-9 { 1.0 } else { t.sin() / t };
    let w = PI * x / half;
    sinc * (0.42 + 0.5 * w.cos() + 0.08 * (2.0 * w).cos())
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A sine for tests: `hz` at `rate`, peak 10,000.
#[cfg(test)]
pub(super) fn sine(hz: f32, rate: u32, samples: usize) -> Vec<f32> {
    let turn = 2.0 * PI * f64::from(hz) / f64::from(rate);
    (0..samples).map(|n| (10_000.0 * (turn * n as f64).sin()) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(rate: u32, input: &[f32], piece: usize) -> Vec<i16> {
        let mut out = Vec::new();
        let mut resampler = Resampler::new(rate);
        for piece in input.chunks(piece) {
            resampler.push(piece, &mut out);
        }
        resampler.finish(&mut out);
        out
    }

    fn rms(pcm: &[i16]) -> f32 {
        (pcm.iter().map(|s| f32::from(*s).powi(2)).sum::<f32>() / pcm.len() as f32).sqrt()
    }

    #[test]
    fn the_band_passes_and_what_would_fold_back_is_gone() {
        for rate in [8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000] {
            for hz in [100.0, 1000.0, 3000.0] {
                let out = convert(rate, &sine(hz, rate, rate as usize), 777);
                assert!(out.len().abs_diff(8000) <= 1, "{rate}: {}", out.len());
                let level = rms(&out[400..7600]) / (10_000.0 / 2f32.sqrt());
                assert!((0.97..1.03).contains(&level), "{rate} Hz, {hz} Hz: {level}");
            }
            for hz in [4300.0, 5000.0, 7000.0, 12_000.0].into_iter().filter(|hz| hz * 2.0 < rate as f32) {
                let out = convert(rate, &sine(hz, rate, rate as usize), 777);
                assert!(rms(&out[400..7600]) < 10.0, "{rate} Hz, {hz} Hz: {}", rms(&out[400..7600]));
            }
        }
    }

    #[test]
    fn samples_stay_where_they_are_in_time() {
        let out = convert(48_000, &sine(440.0, 48_000, 48_000), 1000);
        let expected = sine(440.0, 8000, 8000);
        for (n, (got, want)) in out.iter().zip(&expected).enumerate().skip(200).take(7500) {
            assert!((f32::from(*got) - want).abs() < 60.0, "{n}: {got} {want}");
        }
    }

    #[test]
    fn the_size_of_the_pieces_does_not_matter() {
        let input = sine(440.0, 44_100, 5000);
        let whole = convert(44_100, &input, 5000);
        assert_eq!(convert(44_100, &input, 1), whole);
        assert_eq!(convert(44_100, &input, 333), whole);
    }

    #[test]
    fn loud_input_saturates() {
        let out = convert(16_000, &[1e9; 1600], 100);
        assert_eq!(out[400], i16::MAX);
    }
}
