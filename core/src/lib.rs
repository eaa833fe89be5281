//! The rules of Ringfleet, pure: no I/O, no async runtime, no database, no clock of its own.
//!
//! Time and randomness are arguments everywhere except in [`clock`], the one place that reads the real clock.

mod schema;
mod text_enum;

pub mod actor;
pub mod agent;
pub mod brake;
pub mod call;
pub mod caller_ids;
pub mod campaign;
pub mod campaign_brake;
pub mod caps;
pub mod clock;
pub mod cursor;
pub mod delivery;
pub mod event;
pub mod fair;
pub mod forecast;
pub mod hold;
pub mod id;
pub mod import;
pub mod link;
pub mod phone;
pub mod plan;
pub mod recipient;
pub mod recurrence;
pub mod replan;
pub mod role;
pub mod scheduled_call;
pub mod seats;
pub mod settle;
pub mod signing;
pub mod suppression;
pub mod terms;
pub mod trunk;
pub mod trunk_group;
pub mod window;
pub mod zone;

pub use actor::{Actor, ActorKind};
pub use agent::AgentVersion;
pub use call::{CallState, EndedBy, Ending, Outcome};
pub use caller_ids::CallerIds;
pub use campaign::{CampaignAction, CampaignState, CounterKind, WrongState};
pub use campaign_brake::BrakeRule;
pub use caps::Caps;
pub use clock::{Clock, ManualClock, ShiftedClock, SystemClock};
pub use id::*;
pub use phone::{E164, NumberError};
pub use plan::{Channel, Plan, Retry, Step};
pub use recipient::{Disposition, Hold, RecipientState};
pub use recurrence::Recurrence;
pub use role::{Action, Role};
pub use scheduled_call::ScheduledCallState;
pub use seats::Seats;
pub use suppression::SuppressionSource;
pub use terms::{Terms, WorkspaceRules};
pub use window::{Schedule, ScheduleError};
pub use zone::Zones;
