//! All SQL of Ringfleet, for PostgreSQL and SQLite.
//!
//! Each statement is written once, in the PostgreSQL manner with one extension (`ROWS`, see `dialect.rs`), and runs on both.
//! A [`Tx`] is one transaction; its methods are grouped by table in the modules of this crate. Nothing here waits for
//! anything but the database, and nothing here decides: rules live in `ringfleet-core`, sequences in `ringfleet-engine`.

mod agents;
mod api_keys;
mod audit;
mod audit_log;
mod caller_ids;
mod calls;
mod campaign_brakes;
mod campaign_seats;
mod campaigns;
mod contacts;
mod copy;
mod copy_yard;
mod counters;
mod deliveries;
mod delivery_log;
mod dialect;
mod dials;
mod edit;
mod error;
mod hang_ups;
mod import_portions;
mod imports;
mod logins;
mod members;
mod migrate;
mod preflight;
mod recipients;
mod record;
mod request_keys;
mod rows;
mod runs;
mod secrets;
mod store;
mod suppressions;
mod text;
mod throttles;
mod time;
mod trunk_groups;
mod trunk_health;
mod trunks;
mod tx;
mod upload_parts;
mod uploads;
mod users;
mod waiting;
mod webhooks;
mod workers;
mod workspaces;

pub use agents::{Agent, NewAgent};
pub use api_keys::{Key, NewApiKey};
pub use audit::{KeptCounter, Told, Unfinished};
pub use audit_log::{AuditEntry, AuditFilter};
pub use caller_ids::{CallerDay, TrunkPool};
pub use calls::{Answered, Call, CallFilter, CallUpdate, Kept, NewCall, SeatAnswer};
pub use campaign_brakes::{CampaignBrake, Tripped};
pub use campaign_seats::CampaignAnswers;
pub use campaigns::{Campaign, NewCampaign, Running};
pub use contacts::Contact;
pub use copy::Bulk;
pub use copy_yard::CopyYard;
pub use counters::{Bump, Counter, RecipientCounts};
pub use deliveries::{DeliveryUpdate, Letter, NewAttempt, NewDelivery, NewEvent};
pub use delivery_log::{Attempt, Delivery, DeliveryFilter};
pub use dials::{Begin, Beginning, Dial, Placement};
pub use edit::{CampaignSettings, Placed, Waited};
pub use error::StoreError;
pub use import_portions::{Filling, Portion};
pub use imports::{Import, Progress, Reject};
pub use logins::{Login, Visitor};
pub use members::{Invite, Member, Membership};
pub use preflight::{Alike, Special};
pub use recipients::{NewRecipient, Recipient, RecipientFilter, RecipientUpdate, Standing, fresh_ids};
pub use request_keys::{KeptRequest, RequestKey};
pub use ringfleet_core::import::{ImportState, UploadState};
pub use runs::{CopiedRecipient, Copying, Listed, Unready};
pub use secrets::Resealed;
pub use store::Store;
pub use suppressions::{Address, NewSuppression, Suppression};
pub use throttles::Throttle;
pub use time::Timestamp;
pub use trunk_groups::{GroupCampaign, Move, Stranded, TrunkGroup};
pub use trunk_health::{DueTrunk, TrunkHealth};
pub use trunks::{NewTrunk, Trunk};
pub use tx::Tx;
pub use uploads::{NewUpload, Upload, Validated};
pub use users::{NewUser, User};
pub use waiting::{Queue, Waiting};
pub use webhooks::{Listener, NewWebhook, Webhook};
pub use workspaces::Workspace;

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
