//! Finds the call of which it is not known whether the provider has it, by what it carries.

use super::{
    Kept, TelnyxCarrier,
    api::{Leg, Placed},
    news::Told,
};
use crate::find::Sought;

/// The call that `kept` speaks of.
pub(super) struct Call<'a> {
    pub(super) carrier: &'a TelnyxCarrier,
    pub(super) kept: &'a Kept,
}

impl Sought for Call<'_> {
    type Shown = Placed;

    async fn listed(&self) -> Vec<Placed> {
        let (api, state) = (&self.carrier.desk.api, self.kept.state());
        let leg = match api.active(&state).await {
            Ok(Some(leg)) => Some(leg),
            // It may be over already.
            _ => told_of(&api.events_to(&self.kept.to.to_string()).await.unwrap_or_default(), &state),
        };
        leg.map(Placed::from).into_iter().collect()
    }

    async fn named(&self, note: &str) -> Option<Placed> {
        let told = Told::of_note(note)?;
        let is_it = told.client_state.as_deref() == Some(&self.kept.state());
        is_it.then(|| Placed { leg: told.leg.clone(), told: Some(told) })
    }
}

/// The call of these events that carries this.
fn told_of(events: &[serde_json::Value], state: &str) -> Option<Leg> {
    let told = events.iter().filter_map(Told::of_event);
    told.filter(|told| told.client_state.as_deref() == Some(state))
        .map(|told| told.leg)
        .find(|leg| !leg.id.is_empty())
}
