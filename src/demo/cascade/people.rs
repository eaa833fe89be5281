//! The people of the cascade: thirty-five, with numbers that are kept for fiction, of whom each goes another way.
//!
//! The last digit of a number says what happens to a call (see `ringfleet carrier`), the one before what happens to messages:
//!
//! | | WhatsApp | text | e-mail |
//! |---|---|---|---|
//! | 1 | is read | | |
//! | 2 | arrives | arrives | |
//! | 3 | arrives | is answered: "Call me tomorrow" | |
//! | 4 | arrives | is answered: STOP | |
//! | 5 | is not on it | does not arrive | is taken |
//! | 6 | arrives | does not arrive | bounces |
//! | 7 | arrives | does not arrive | there is no address |

use std::fmt::Write;

use crate::process::Failure;

const NAMES: &[&str] = &[
    "Asha", "Ben", "Chloé", "Dmitri", "Elif", "Farid", "Grace", "Hana", "Ivo", "Jun", "Kofi", "Lena",
    "Malik", "Nora", "Omar",
];
/// What happens to calls: answered, no answer, busy, voicemail, declined.
const CALLS: &[u32] = &[1, 6, 7, 8, 9];

/// What becomes of the messages to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Reads,
    TextArrives,
    Answers,
    Stops,
    MailOnly,
    Bounces,
    NoAddress,
}

impl Way {
    /// By the digit before the last one.
    pub fn of(number: &str) -> Self {
        match number.as_bytes() {
            [.., b'1', _] => Self::Reads,
            [.., b'2', _] => Self::TextArrives,
            [.., b'3', _] => Self::Answers,
            [.., b'4', _] => Self::Stops,
            [.., b'5', _] => Self::MailOnly,
            [.., b'6', _] => Self::Bounces,
            _ => Self::NoAddress,
        }
    }

    pub fn has_whatsapp(self) -> bool {
        self != Self::MailOnly
    }

    pub fn gets_texts(self) -> bool {
        matches!(self, Self::Reads | Self::TextArrives | Self::Answers | Self::Stops)
    }
}

/// The list as CSV.
pub fn list() -> Result<String, Failure> {
    let mut csv = String::from("Name,Phone,Email\n");
    let mut names = NAMES.iter().cycle();
    for way in 1..=7 {
        for call in CALLS {
            let name = names.next().copied().unwrap_or("Asha");
            let number = format!("+120255501{way}{call}");
            let address = match Way::of(&number) {
                Way::NoAddress => String::new(),
                Way::Bounces => format!("bounce.{way}{call}@example.com"),
                _ => format!("{way}{call}@example.com"),
            };
            writeln!(csv, "{name},{number},{address}")
                .map_err(|e| Failure::during("the list cannot be written", e))?;
        }
    }
    Ok(csv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_goes_their_own_way() {
        let list = list().unwrap();
        let numbers: Vec<&str> = list.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
        assert_eq!(numbers.len(), 35);
        let mut once = numbers.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), 35);
        assert!(numbers.iter().all(|number| number.starts_with("+120255501") && number.len() == 12));
        assert_eq!(Way::of("+12025550146"), Way::Stops);
    }
}
