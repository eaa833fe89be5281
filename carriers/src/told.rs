//! What a provider tells of a message after it took it.

use ringfleet_core::message::Receipt;

/// A receipt and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// What has become of the message.
    pub receipt: Receipt,
    /// Finer than that, stable text: `delivered`, `read`, or why it will not arrive: `bad_number`, `unreachable`, `filtered`, `opted_out`, …
    pub reason: &'static str,
    /// The provider's own code, if there was one.
    pub code: Option<u32>,
}

impl Told {
    /// Good news: it has arrived, or was read.
    pub(crate) const fn good(receipt: Receipt) -> Self {
        Self { receipt, reason: receipt.as_str(), code: None }
    }

    /// It will not arrive.
    pub(crate) const fn bad(reason: &'static str, code: Option<u32>) -> Self {
        Self { receipt: Receipt::Undelivered, reason, code }
    }
}
