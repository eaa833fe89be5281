//! What it means when a provider refuses a call or a message: tables of codes, and the HTTP status where it gave none.

use std::{borrow::Cow, time::Duration};

use ringfleet_core::{
    EndedBy, Ending, Outcome,
    call::{TRUNK_TROUBLE, TRUNK_TROUBLE_PERHAPS},
};

use crate::rest::{Trouble, wait};

/// Wait where nobody says how long.
pub(crate) const USUAL_WAIT: Duration = Duration::from_secs(5);

/// What a code stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// There is no room now: nothing is consumed.
    NoRoom(&'static str),
    /// The call, or the message, has failed for this reason.
    Failed(&'static str),
}
use Meaning::{Failed, NoRoom};

/// Codes and what they stand for.
pub(crate) type Codes = &'static [(u32, Meaning)];

/// The ending of what was refused with this status (300 to 499): it was not placed, or sent. `tables`: what the provider's codes stand for.
pub(crate) fn refused(
    tables: &[Codes],
    status: u16,
    code: Option<u32>,
    retry_after: Option<Duration>,
) -> Ending {
    let meaning = code.and_then(|code| meaning(tables, code)).unwrap_or(match status {
        401 | 404 => Failed("auth"),
        429 => NoRoom("throttled"),
        300..=399 => Failed("network"),
        // Mostly a fault of the account's settings; where it is the number's, the brake finds that out.
        _ => Failed("forbidden"),
    });
    let code = Some(code.and_then(|code| u16::try_from(code).ok()).unwrap_or(status));
    match meaning {
        Failed(reason) => Ending::over(Outcome::Failed, reason, code, EndedBy::Carrier),
        NoRoom(reason) => {
            let retry_after = wait(retry_after, USUAL_WAIT);
            Ending::NoRoom { retry_after, reason: Cow::Borrowed(reason), code }
        }
    }
}

/// What the answer to a question about the account says about the trunk.
pub(crate) fn probed(tables: &[Codes], answer: Result<(), Trouble>) -> Result<(), &'static str> {
    probed_by(|status, code| refused(tables, status, code, None), answer)
}

/// The same where `refused` knows what a refusal with this status and code stands for.
pub(crate) fn probed_by<C>(
    refused: impl FnOnce(u16, Option<C>) -> Ending,
    answer: Result<(), Trouble<C>>,
) -> Result<(), &'static str> {
    match answer {
        Ok(()) => Ok(()),
        Err(Trouble::Unsent(_) | Trouble::Unknown(_)) => Err("network"),
        Err(Trouble::Refused { status, code, .. }) => match refused(status, code) {
            // Too much asked of it, it is there all the same.
            Ending::NoRoom { .. } | Ending::GivenUp { .. } => Ok(()),
            Ending::Over { reason, .. } => {
                let all = TRUNK_TROUBLE.iter().chain(TRUNK_TROUBLE_PERHAPS);
                Err(all.copied().find(|known| *known == reason).unwrap_or("forbidden"))
            }
        },
    }
}

/// What a code stands for; the first table that has it decides.
pub(crate) fn meaning(tables: &[Codes], code: u32) -> Option<Meaning> {
    tables.iter().copied().flatten().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning)
}
