//! Trouble with carriers, for those who watch.

use ringfleet_core::{
    Ending,
    brake::{Evidence, evidence},
};
use ringfleet_telemetry::CARRIER_TROUBLE;

/// Tells of a call over a trunk of this kind, if its ending speaks against the trunk.
pub(crate) fn tell(kind: &'static str, ending: &Ending) {
    let trouble = match evidence(ending) {
        Evidence::Trouble => "certain",
        Evidence::TroublePerhaps => "perhaps",
        Evidence::Fine | Evidence::None => return,
    };
    CARRIER_TROUBLE.of([kind, trouble]).increment(1);
}
