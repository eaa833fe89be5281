//! What it means when a mail server refuses: reply codes (RFC 5321 §4.2.3, RFC 4954 §6) and, where it gives one, the enhanced code (RFC 3463),
//! which says more.

use std::{borrow::Cow, time::Duration};

use ringfleet_core::{EndedBy, Ending, Outcome};

/// When a mail comes back that was put off: what greylists lets it through then (RFC 6647 §4.1).
const PUT_OFF: Duration = Duration::from_secs(300);
/// When one comes back for which the server had no connection.
const BUSY: Duration = Duration::from_secs(60);

/// How far it had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connecting, greeting, encryption.
    Door,
    /// Credentials.
    Login,
    /// Whom it is from.
    Sender,
    /// Whom it is for.
    Recipient,
    /// The mail itself, up to its final dot.
    Text,
    /// The answer to the final dot.
    Taken,
}

/// What went wrong.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server has said no.
    Refused {
        /// When.
        stage: Stage,
        /// Its reply code, 400 to 599.
        code: u16,
        /// The three numbers of its enhanced code.
        enhanced: Option<[u16; 3]>,
    },
    /// Connection or encryption failed, or took too long.
    Broken {
        /// When.
        stage: Stage,
        /// How.
        problem: String,
    },
    /// It offers no way to log in that we know.
    NoLogin,
    /// The address has letters that this server does not take (RFC 6531).
    ForeignAddress,
}

/// The three numbers that the text of a reply begins with.
pub(super) fn enhanced(text: &str) -> Option<[u16; 3]> {
    let mut parts = text.split_whitespace().next()?.split('.').map(|part| part.parse::<u16>().ok());
    let found = [parts.next()??, parts.next()??, parts.next()??];
    (parts.next().is_none() && matches!(found[0], 4 | 5)).then_some(found)
}

/// The ending of a mail that met this.
pub(super) fn ending(failure: &Failure) -> Ending {
    let failed = |reason, code, by| Ending::over(Outcome::Failed, reason, code, by);
    match failure {
        Failure::Broken { stage: Stage::Taken, .. } => Ending::uncertain("placement_unknown"),
        Failure::Broken { .. } => failed("network", None, EndedBy::Carrier),
        Failure::NoLogin => failed("auth", None, EndedBy::Carrier),
        Failure::ForeignAddress => failed(BAD_ADDRESS, None, EndedBy::Carrier),
        Failure::Refused { stage, code, enhanced } => match meaning(*stage, *code, *enhanced) {
            Meaning::NoRoom(retry_after, reason) => {
                Ending::NoRoom { retry_after, reason: Cow::Borrowed(reason), code: Some(*code) }
            }
            Meaning::Failed(reason) => failed(reason, Some(*code), EndedBy::Carrier),
        },
    }
}

/// There is no such mailbox.
const BAD_ADDRESS: &str = "bad_address";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    NoRoom(Duration, &'static str),
    Failed(&'static str),
}
use Meaning::{Failed, NoRoom};

/// `auth` and `forbidden` are trouble with the trunk: see [`ringfleet_core::call::TRUNK_TROUBLE`] and
/// [`ringfleet_core::call::TRUNK_TROUBLE_PERHAPS`]. What is a matter of policy (5.7) is mostly about who sends.
fn meaning(stage: Stage, code: u16, enhanced: Option<[u16; 3]>) -> Meaning {
    match (code, enhanced, stage) {
        // Full is full for longer than a mail can be put off.
        (_, Some([_, 2, 2]), _) => Failed("mailbox_full"),
        (421, ..) | (_, _, Stage::Door | Stage::Login) if code < 500 => NoRoom(BUSY, "throttled"),
        (400..=499, ..) => NoRoom(PUT_OFF, "deferred"),
        (530 | 534 | 535 | 538, ..) | (_, _, Stage::Login) => Failed("auth"),
        (_, Some([_, 7, _]), _) | (_, _, Stage::Door | Stage::Sender) => Failed("forbidden"),
        (_, Some([_, 1, _]), Stage::Recipient) | (550 | 551 | 553, None, Stage::Recipient) => {
            Failed(BAD_ADDRESS)
        }
        (_, Some([_, 2 | 3, 3 | 4]), _) | (552, None, _) => Failed("message_too_long"),
        _ => Failed("refused"),
    }
}

#[cfg(test)]
mod tests {
    use ringfleet_core::brake::{Evidence, evidence};

    use super::*;

    #[test]
    fn a_code_means_what_its_stage_makes_of_it() {
        use Stage::{Door, Login, Recipient, Sender, Taken, Text};
        for (stage, code, text, expected) in [
            (Recipient, 550, "5.1.1 no such user", Failed("bad_address")),
            (Recipient, 550, "no such user", Failed("bad_address")),
            (Recipient, 553, "", Failed("bad_address")),
            (Recipient, 554, "5.7.1 relay access denied", Failed("forbidden")),
            (Recipient, 550, "5.7.1 blocked", Failed("forbidden")),
            (Recipient, 552, "5.2.2 over quota", Failed("mailbox_full")),
            (Recipient, 452, "4.2.2 over quota", Failed("mailbox_full")),
            (Recipient, 550, "5.2.1 disabled", Failed("refused")),
            (Recipient, 451, "4.7.1 greylisted", NoRoom(PUT_OFF, "deferred")),
            (Recipient, 450, "", NoRoom(PUT_OFF, "deferred")),
            (Recipient, 421, "4.7.0 too many", NoRoom(BUSY, "throttled")),
            (Sender, 553, "5.1.8 who are you", Failed("forbidden")),
            (Sender, 530, "5.7.0 log in first", Failed("auth")),
            (Login, 535, "5.7.8 wrong", Failed("auth")),
            (Login, 504, "", Failed("auth")),
            (Login, 454, "4.7.0 not now", NoRoom(BUSY, "throttled")),
            (Door, 554, "no mail from you", Failed("forbidden")),
            (Door, 450, "", NoRoom(BUSY, "throttled")),
            (Text, 554, "", Failed("refused")),
            (Taken, 554, "5.7.1 spam", Failed("forbidden")),
            (Taken, 552, "5.3.4 too big", Failed("message_too_long")),
            (Taken, 550, "no", Failed("refused")),
            (Taken, 451, "4.3.0 not now", NoRoom(PUT_OFF, "deferred")),
        ] {
            assert_eq!(meaning(stage, code, enhanced(text)), expected, "{stage:?} {code} {text}");
        }
    }

    #[test]
    fn an_enhanced_code_stands_first_and_has_three_numbers() {
        assert_eq!(enhanced("5.1.1 <a@b.c> unknown"), Some([5, 1, 1]));
        for other in ["", "no", "5.1 x", "5.1.1.1 x", "2.0.0 ok", "1.2.3.4 is listed", "5.x.1"] {
            assert_eq!(enhanced(other), None, "{other}");
        }
    }

    #[test]
    fn only_what_is_lost_after_the_dot_may_have_been_sent() {
        let broken = |stage| ending(&Failure::Broken { stage, problem: String::new() });
        for stage in [Stage::Door, Stage::Login, Stage::Sender, Stage::Recipient, Stage::Text] {
            assert_eq!(evidence(&broken(stage)), Evidence::TroublePerhaps, "{stage:?}");
        }
        assert_eq!(broken(Stage::Taken), Ending::uncertain("placement_unknown"));
        assert_eq!(evidence(&ending(&Failure::NoLogin)), Evidence::Trouble);
    }
}
