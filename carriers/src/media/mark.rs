//! Audio that can be told apart: each 20 ms carry a number, written in the signs of loud samples, so that whoever hears them knows when
//! they were sent. They pass through µ-law unchanged.

use super::FRAME;

/// How many numbers there are; after the last comes the first again. 82 s of audio.
pub const NUMBERS: u16 = 4095;
/// What is said where there is nothing to say: loud as the others, and no number.
pub const FILLER: u16 = NUMBERS;

/// Bits of a number, and of what protects it.
const BITS: usize = 16;
/// Samples of each bit.
const EACH: usize = FRAME / BITS;
/// The loud sample of a one and of a zero, µ-law: ±8031 (ITU-T G.711).
const ONE: u8 = 0x9f;
const ZERO: u8 = 0x1f;

/// 20 ms of µ-law that carry this number.
pub fn write(number: u16) -> [u8; FRAME] {
    let word = protected(number);
    std::array::from_fn(|n| if word >> (n / EACH) & 1 == 1 { ONE } else { ZERO })
}

/// The number in 20 ms of µ-law; none where there is none, or it was torn.
pub fn read(ulaw: &[u8]) -> Option<u16> {
    let (bits, rest) = ulaw.as_chunks::<EACH>();
    if bits.len() != BITS || !rest.is_empty() {
        return None;
    }
    let mut word = 0;
    for (n, samples) in bits.iter().enumerate() {
        match samples {
            _ if samples.iter().all(|sample| *sample == ONE) => word |= 1 << n,
            _ if samples.iter().all(|sample| *sample == ZERO) => {}
            _ => return None,
        }
    }
    let number = word & 0xfff;
    (protected(number) == word).then_some(number)
}

/// The number with four bits of it in front that go wrong when it does.
fn protected(number: u16) -> u16 {
    let number = number & 0xfff;
    let check = !(number ^ (number >> 4) ^ (number >> 8)) & 0xf;
    check << 12 | number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Codec;

    #[test]
    fn every_number_reads_back_and_survives_the_codec() {
        for number in 0..=FILLER {
            let frame = write(number).map(|byte| Codec::Pcmu.encode(Codec::Pcmu.decode(byte)));
            assert_eq!(read(&frame), Some(number));
        }
    }

    #[test]
    fn silence_torn_frames_and_other_audio_carry_none() {
        let mut torn = write(7);
        torn[..10].copy_from_slice(&write(8)[..10]);
        assert_eq!(read(&torn), None, "half of each");
        assert_eq!(read(&[0xff; FRAME]), None);
        assert_eq!(read(&write(7)[1..]), None);
        assert_eq!(read(&[Codec::Pcmu.encode(500); FRAME]), None);
    }
}
