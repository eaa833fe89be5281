use ringfleet_core::{Disposition, E164, RecipientState};

use crate::Recipient;

/// Which recipients of a campaign to list.
#[derive(Debug, Clone, Default)]
pub struct RecipientFilter {
    /// Only in this state.
    pub state: Option<RecipientState>,
    /// Only ended so.
    pub disposition: Option<Disposition>,
    /// Only this number.
    pub number: Option<E164>,
    /// Only numbers that hold these digits.
    pub digits: Option<String>,
}

impl RecipientFilter {
    /// Whether this one is among them.
    pub(crate) fn wants(&self, one: &Recipient) -> bool {
        self.state.is_none_or(|state| state == one.state)
            && self.disposition.is_none_or(|disposition| Some(disposition) == one.disposition)
            && self.number.is_none_or(|number| number == one.number)
            && self.digits.as_ref().is_none_or(|digits| one.number.digits().to_string().contains(digits))
    }
}
