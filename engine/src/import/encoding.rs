//! From the bytes of an upload to UTF-8: byte order marks are taken off, UTF-16 is decoded.
//!
//! Spreadsheets write UTF-8 with or without a mark, and UTF-16 ("Unicode text") always with one. Bytes without a mark are
//! taken for UTF-8 and passed on as they are; what is none is found later, row by row.

/// Stands for what UTF-16 cannot say (half a surrogate pair): a byte that UTF-8 never has, so that its row is rejected.
const NO_CHARACTER: u8 = 0xff;

/// Turns chunks of a file into UTF-8, whatever the cuts between them.
pub(super) enum Decoder {
    /// Too little has been seen to know; the bytes so far, at most two.
    Unknown(Vec<u8>),
    Utf8,
    Utf16(Utf16),
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self::Unknown(Vec::new())
    }

    /// Appends what `bytes` say to `out`.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Unknown(seen) => {
                seen.extend_from_slice(bytes);
                if seen.len() < 3 {
                    return;
                }
                self.decide(out);
            }
            Self::Utf8 => out.extend_from_slice(bytes),
            Self::Utf16(decoder) => decoder.push(bytes, out),
        }
    }

    /// Ends the file: a character that was cut off counts as none.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if let Self::Unknown(_) = self {
            self.decide(out);
        }
        if let Self::Utf16(decoder) = self {
            decoder.finish(out);
        }
    }

    fn decide(&mut self, out: &mut Vec<u8>) {
        let Self::Unknown(seen) = std::mem::replace(self, Self::Utf8) else { return };
        let rest = match seen.as_slice() {
            [0xef, 0xbb, 0xbf, rest @ ..] => rest,
            [0xff, 0xfe, rest @ ..] => {
                *self = Self::Utf16(Utf16::new(u16::from_le_bytes));
                rest
            }
            [0xfe, 0xff, rest @ ..] => {
                *self = Self::Utf16(Utf16::new(u16::from_be_bytes));
                rest
            }
            all => all,
        };
        self.push(rest, out);
    }
}

/// UTF-16 with what the end of the last chunk left over.
pub(super) struct Utf16 {
    unit: fn([u8; 2]) -> u16,
    odd: Option<u8>,
    high: Option<u16>,
}

impl Utf16 {
    fn new(unit: fn([u8; 2]) -> u16) -> Self {
        Self { unit, odd: None, high: None }
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            match self.odd.take() {
                None => self.odd = Some(byte),
                Some(first) => self.take((self.unit)([first, byte]), out),
            }
        }
    }

    fn take(&mut self, unit: u16, out: &mut Vec<u8>) {
        let is_high = (0xd800..0xdc00).contains(&unit);
        let high = std::mem::replace(&mut self.high, is_high.then_some(unit));
        if is_high {
            // A second first half: the one before it stands alone.
            out.extend(high.map(|_| NO_CHARACTER));
            return;
        }
        for decoded in char::decode_utf16(high.into_iter().chain([unit])) {
            match decoded {
                Ok(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(_) => out.push(NO_CHARACTER),
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let cut = usize::from(self.high.take().is_some()) + usize::from(self.odd.take().is_some());
        out.extend(std::iter::repeat_n(NO_CHARACTER, cut));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(bytes: &[u8], cut: usize) -> Vec<u8> {
        let (mut decoder, mut out) = (Decoder::new(), Vec::new());
        bytes.chunks(cut).for_each(|chunk| decoder.push(chunk, &mut out));
        decoder.finish(&mut out);
        out
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        ['\u{feff}']
            .into_iter()
            .chain(text.chars())
            .collect::<String>()
            .encode_utf16()
            .flat_map(bytes)
            .collect()
    }

    #[test]
    fn halves_of_characters_become_bytes_that_no_text_has() {
        for (units, bytes) in [
            (&[0xd83d, 0x61][..], &b"\xffa"[..]),
            (&[0xdca9, 0x61], b"\xffa"),
            (&[0xd83d, 0xd83d, 0xde00], b"\xff\xf0\x9f\x98\x80"),
            (&[0x61, 0xd83d], b"a\xff"),
        ] {
            let file: Vec<u8> = [0xfeff].iter().chain(units).flat_map(|u: &u16| u.to_le_bytes()).collect();
            assert_eq!(decode(&file, 1), bytes, "{units:x?}");
        }
        assert_eq!(decode(b"\xff\xfea\0b", 9), b"a\xff", "half a unit at the end");
    }

    proptest! {
        #[test]
        fn every_encoding_gives_the_same_text(text in ".{0,40}", cut in 1usize..9) {
            prop_assume!(!text.starts_with('\u{feff}'));
            prop_assert_eq!(decode(&utf16(&text, u16::to_le_bytes), cut), text.as_bytes());
            prop_assert_eq!(decode(&utf16(&text, u16::to_be_bytes), cut), text.as_bytes());
            prop_assert_eq!(decode(text.as_bytes(), cut), text.as_bytes());
            prop_assert_eq!(decode(format!("\u{feff}{text}").as_bytes(), cut), text.as_bytes());
        }
    }
}
