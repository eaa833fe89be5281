//! A provider that leaves it unclear whether it has placed calls, or taken messages, is given no more of them for a moment. Each such call is used up, for it
//! may have reached somebody; without this an hour of its errors would use up the list.

use std::sync::atomic::{AtomicU32, Ordering};

use ringfleet_core::brake::PERHAPS_CALLS;

/// So many unclear answers in a row are no accident.
const UNCLEAR: u32 = 3;

/// How many answers in a row were unclear, and how many calls have been kept back since.
///
/// Calls that are kept back are trouble of the trunk that charges nobody. As many of them are, as the brake wants to see
/// ([`PERHAPS_CALLS`]): then the trunk rests, is probed, and tried with one call.
#[derive(Debug, Default)]
pub(crate) struct Doubt(AtomicU32);

impl Doubt {
    /// An answer left it open whether the call was placed.
    pub(crate) fn unclear(&self) {
        let more = |n| (n < UNCLEAR).then_some(n + 1);
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more); // full is full
    }

    /// An answer was clear, whatever it said.
    pub(crate) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether the next call is to be kept back.
    pub(crate) fn keeps_back(&self) -> bool {
        let last = UNCLEAR + PERHAPS_CALLS as u32 - 1;
        let kept = |n| (n >= UNCLEAR).then_some(if n >= last { 0 } else { n + 1 });
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, kept).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_few_unclear_answers_as_many_are_kept_back_as_the_brake_wants_to_see() {
        let doubt = Doubt::default();
        for _ in 0..2 {
            doubt.unclear();
            doubt.unclear();
            assert!(!doubt.keeps_back(), "two may be an accident");
            doubt.unclear();
            doubt.unclear();
            let kept = (0..20).take_while(|_| doubt.keeps_back()).count();
            assert_eq!(kept, PERHAPS_CALLS);
            assert!(!doubt.keeps_back(), "then one is tried");
        }
        doubt.unclear();
        doubt.unclear();
        doubt.clear();
        doubt.unclear();
        assert!(!doubt.keeps_back(), "they have to be in a row");
    }
}
