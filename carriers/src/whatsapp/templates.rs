//! A template that WhatsApp refuses is refused for everybody: it does not exist in that language, was paused, has more places than there are
//! values. That is no fault of whoever was to get it, so nobody is charged; and nobody else's message with it is tried for a while, so that a list
//! of millions is neither used up nor thrown at the provider. When it was approved meanwhile, the next try finds that out.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// So long nothing is sent with a template that was refused.
pub(super) const REST: Duration = Duration::from_secs(300);
/// Whoever tries it again has this long to find out; then somebody else tries.
const TRIAL: Duration = Duration::from_secs(30);

/// A template as it is used: its name, its language, and how many values it is given.
pub(super) type Used = (String, String, usize);

/// Those that were refused, and until when they rest.
#[derive(Debug, Default)]
pub(super) struct Templates(Mutex<HashMap<Used, Instant>>);

impl Templates {
    /// How long this one still rests. Who is told that it does not is the one who tries it.
    pub(super) fn rests(&self, used: &Used) -> Option<Duration> {
        let mut resting = self.0.lock();
        let until = resting.get_mut(used)?;
        let now = Instant::now();
        if now < *until {
            return Some(*until - now);
        }
        *until = now + TRIAL;
        None
    }

    pub(super) fn refused(&self, used: Used) {
        self.0.lock().insert(used, Instant::now() + REST);
    }

    pub(super) fn taken(&self, used: &Used) {
        self.0.lock().remove(used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_that_was_refused_rests_and_is_tried_by_one() {
        let templates = Templates::default();
        let used = |values| ("reminder".to_owned(), "en_US".to_owned(), values);
        templates.refused(used(1));
        assert_eq!(templates.rests(&used(1)), Some(REST));
        assert_eq!(templates.rests(&used(2)), None, "with as many values as it has places");
        tokio::time::advance(REST).await;
        assert_eq!(templates.rests(&used(1)), None);
        assert_eq!(templates.rests(&used(1)), Some(TRIAL), "somebody else is trying it");
        templates.refused(used(1));
        assert_eq!(templates.rests(&used(1)), Some(REST));
        templates.taken(&used(1));
        assert_eq!(templates.rests(&used(1)), None);
        assert_eq!(templates.rests(&used(1)), None, "everybody uses it");
    }
}
