//! All SQL of Ringfleet, for PostgreSQL and SQLite.
//!
//! Each statement is written once, in the PostgreSQL manner with one extension (`ROWS`, see `dialect.rs`), and runs on both.
//! A [`Tx`] is one transaction; its methods are grouped by table in the modules of this crate. Nothing here waits for
//! anything but the database, and nothing here decides: rules live in `ringfleet-core`, sequences in `ringfleet-engine`.

mod agents;
mod audit;
mod audit_log;
mod caller_ids;
mod calls;
mod campaign_brakes;
mod campaign_seats;
mod campaigns;
mod contacts;
mod counters;
mod deliveries;
mod dialect;
mod dials;
mod edit;
mod error;
mod hang_ups;
mod imports;
mod leads;
mod migrate;
mod preflight;
mod recipients;
mod record;
mod request_keys;
mod rows;
mod runs;
mod scheduled_calls;
mod store;
mod suppressions;
mod text;
mod time;
mod transcripts;
mod trunk_groups;
mod trunk_health;
mod trunks;
mod tx;
mod waiting;
mod webhooks;
mod workers;
mod workspaces;

pub use agents::{Agent, NewAgent};
pub use audit::{KeptCounter, Told, Unfinished};
pub use audit_log::{AuditEntry, AuditFilter};
pub use caller_ids::{CallerDay, TrunkPool};
pub use calls::{Answered, Call, CallFilter, CallUpdate, Kept, NewCall, SeatAnswer};
pub use campaign_brakes::{CampaignBrake, Tripped};
pub use campaign_seats::CampaignAnswers;
pub use campaigns::{Campaign, NewCampaign, Running};
pub use contacts::Contact;
pub use counters::{Bump, Counter, RecipientCounts};
pub use deliveries::{DeliveryUpdate, Letter, NewDelivery, NewEvent};
pub use dials::{Begin, Beginning, Dial, Placement};
pub use edit::{CampaignSettings, Placed, Waited};
pub use error::StoreError;
pub use imports::{Import, Reject};
pub use leads::{Lead, LeadFilter, NewLead};
pub use preflight::{Alike, Special};
pub use recipients::{NewRecipient, Recipient, RecipientFilter, RecipientUpdate, Standing, fresh_ids};
pub use request_keys::{KeptRequest, RequestKey};
pub use ringfleet_core::import::ImportState;
pub use runs::{CopiedRecipient, Copying, Listed, Unready};
pub use scheduled_calls::{ScheduledCall, ScheduledCallFilter, ScheduledCallSort};
pub use store::Store;
pub use suppressions::{Address, NewSuppression, Suppression};
pub use time::Timestamp;
pub use transcripts::Transcript;
pub use trunk_groups::{GroupCampaign, Move, Stranded, TrunkGroup};
pub use trunk_health::{DueTrunk, TrunkHealth};
pub use trunks::{NewTrunk, Trunk};
pub use tx::Tx;
pub use waiting::{Queue, Waiting};
pub use webhooks::Webhook;
pub use workspaces::{Key, Workspace};

/// How far the clocks of two processes may lie apart. What one has made due now, another that is so much behind still takes.
pub const CLOCK_SKEW: chrono::Duration = chrono::Duration::seconds(5);

/// What the methods of this crate answer with.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Which page of a list: at most `limit` rows after `after`, newest first.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The last row of the page before.
    pub after: Option<ringfleet_core::cursor::Cursor>,
    /// Most rows, 1 to 100.
    pub limit: u32,
}

impl Page {
    /// The id a newest-first list goes on below; the largest UUID for the first page.
    pub(crate) fn below(self) -> uuid::Uuid {
        self.after.map_or(uuid::Uuid::max(), |cursor| cursor.0)
    }
}
