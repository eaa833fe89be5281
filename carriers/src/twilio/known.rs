//! What is known already is not what is looked for.

use std::collections::VecDeque;

/// How many ids are remembered.
const REMEMBERED: usize = 10_000;

/// The provider's ids of the last calls, or messages, whose attempt is known: none of them is the one that is looked for.
#[derive(Debug, Default)]
pub(crate) struct Known(VecDeque<String>);

impl Known {
    pub(crate) fn add(&mut self, sid: &str) {
        self.0.push_back(sid.to_owned());
        if self.0.len() > REMEMBERED {
            self.0.pop_front();
        }
    }

    pub(crate) fn has(&self, sid: &str) -> bool {
        self.0.iter().any(|known| known == sid)
    }
}
