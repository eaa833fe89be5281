//! People who were erased: how their number is known again although it is kept nowhere, and what an erasure goes through.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use crate::{phone, text_enum::text_enum};

/// What the numbers of people who were erased are marked with: one secret of the installation. Never logged.
#[derive(Clone)]
pub struct MarkKey(Vec<u8>);

impl MarkKey {
    /// A key from any bytes; 32 random ones are best.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// What stands for a number of a workspace: HMAC-SHA256 (RFC 2104) in hex. Without the key nobody tells whose number it was, nor
    /// whether two workspaces have erased the same one.
    pub fn mark(&self, workspace: Uuid, digits: u64) -> String {
        // HMAC takes keys of any length.
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).unwrap_or_else(|_| unreachable!("any length is a key"));
        mac.update(workspace.as_bytes());
        mac.update(&digits.to_be_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

text_enum! {
    /// What is looked through for a person, in this order.
    pub enum ErasureStep {
        /// What stands under the number itself: leads, suppressions, past calls to it, messages and answers.
        Number => "NUMBER",
        /// The recipients of campaigns.
        Recipients => "RECIPIENTS",
        /// Calls with their transcripts and recordings.
        Calls => "CALLS",
        /// Events, their deliveries, and what endpoints said to these.
        Events => "EVENTS",
        /// What endpoints said to other deliveries.
        Attempts => "ATTEMPTS",
        /// The details of the audit log.
        Audit => "AUDIT",
        /// Rejected rows of imports and uploads.
        Rejects => "REJECTS",
        /// Uploads that have the number in them.
        Uploads => "UPLOADS",
        /// The answers kept for Idempotency-Keys.
        Answers => "ANSWERS",
    }
}

impl ErasureStep {
    /// The step after this one; none after the last.
    pub fn next(self) -> Option<Self> {
        let after = Self::ALL.iter().skip_while(|&&step| step != self).nth(1);
        after.copied()
    }
}

/// How many of each kind of thing were erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Erased {
    /// Leads, deleted.
    pub leads: u64,
    /// Entries of suppression lists, deleted.
    pub suppressions: u64,
    /// The note of the last calls to the number, deleted.
    pub contacts: u64,
    /// Notes of messages by which answers are matched, deleted.
    pub messages: u64,
    /// What the person has written, deleted.
    pub replies: u64,
    /// Recipients of campaigns: number, variables and time zone emptied.
    pub recipients: u64,
    /// Calls and messages: number, variables, metadata and what was heard emptied.
    pub sessions: u64,
    /// Transcripts, deleted.
    pub transcripts: u64,
    /// Recordings, deleted with their files.
    pub recordings: u64,
    /// Events, deleted.
    pub events: u64,
    /// Deliveries of those events, deleted with every request made for them.
    pub deliveries: u64,
    /// What endpoints said to other deliveries, emptied.
    pub endpoint_answers: u64,
    /// Entries of the audit log whose detail was emptied.
    pub audit_details: u64,
    /// Rejected rows of imports and uploads whose value was emptied.
    pub rejected_rows: u64,
    /// Uploads, deleted whole.
    pub uploads: u64,
    /// Answers kept for Idempotency-Keys, emptied.
    pub kept_answers: u64,
}

/// Whether a cell of a list is this number: with its country code however that is written, or as its country dials it.
#[derive(Debug, Clone)]
pub struct Spelled {
    whole: String,
    national: String,
}

impl Spelled {
    /// `digits`: of the whole number; `country_code`: those in front.
    pub fn new(digits: u64, country_code: u64) -> Self {
        let whole = digits.to_string();
        let national = whole.strip_prefix(&country_code.to_string()).unwrap_or(&whole).to_owned();
        Self { whole, national }
    }

    /// All of its digits.
    pub fn whole(&self) -> &str {
        &self.whole
    }

    /// Those behind the country code.
    pub fn national(&self) -> &str {
        &self.national
    }

    /// Whether a cell is the number, in whatever way people and spreadsheets write it: see [`crate::E164::parse_loose`].
    pub fn is_cell(&self, cell: &str) -> bool {
        self.is(&cell.replace("(0)", "").chars().filter_map(phone::digit).collect::<String>())
    }

    /// Whether the digits of one cell are the number, or hold it.
    pub fn is(&self, digits: &str) -> bool {
        digits.contains(&self.whole)
            || digits == self.national
            || digits.strip_prefix('0') == Some(&self.national)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_numbers_workspaces_and_keys_apart() {
        let (key, other) = (MarkKey::new([1; 32]), MarkKey::new([2; 32]));
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mark = key.mark(a, 919_876_543_210);
        assert_eq!(mark, key.mark(a, 919_876_543_210));
        assert_eq!(mark.len(), 64);
        for another in
            [key.mark(b, 919_876_543_210), key.mark(a, 919_876_543_211), other.mark(a, 919_876_543_210)]
        {
            assert_ne!(mark, another);
        }
    }

    #[test]
    fn the_steps_come_to_an_end() {
        let steps: Vec<_> = std::iter::successors(Some(ErasureStep::Number), |step| step.next()).collect();
        assert_eq!(steps, ErasureStep::ALL);
    }

    #[test]
    fn a_number_is_known_however_it_is_written() {
        let spelled = Spelled::new(491_701_234_567, 49);
        for cell in [
            "+49 170 1234567",
            "0049 (0)170/1234567",
            "+49\u{2013}170\u{2013}1234567",
            "\u{202d}+49\u{a0}170\u{a0}1234567\u{202c}",
            "\u{ff0b}\u{ff14}\u{ff19}1701234567",
            "Anna 0170 1234567",
        ] {
            assert!(spelled.is_cell(cell), "{cell}");
        }
        assert!(!spelled.is_cell("+49 170 1234568") && !spelled.is_cell("(0)"));
        for digits in ["491701234567", "00491701234567", "01701234567", "1701234567", "1491701234567"] {
            assert!(spelled.is(digits), "{digits}");
        }
        for digits in ["", "1701234568", "701234567", "11701234567", "49170123456"] {
            assert!(!spelled.is(digits), "{digits}");
        }
    }
}
