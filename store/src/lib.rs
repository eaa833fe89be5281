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
mod checkup;
mod contacts;
mod copy;
mod copy_yard;
mod counters;
mod deliveries;
mod delivery_log;
mod dialect;
mod dials;
mod edit;
mod erasing;
mod erasing_told;
mod erasures;
mod error;
mod giving_up;
mod hang_ups;
mod import_portions;
mod imports;
mod leads;
mod logins;
mod members;
mod messages;
mod migrate;
mod preflight;
mod recipient_filter;
mod recipients;
mod record;
mod recordings;
mod request_keys;
mod restored;
mod retention;
mod rows;
mod runs;
mod samples;
mod scheduled_calls;
mod secrets;
mod store;
mod suppressions;
mod text;
mod throttles;
mod time;
mod timed;
mod transcripts;
mod transfers;
mod trunk_groups;
mod trunk_health;
mod trunks;
mod tx;
mod upload_parts;
mod uploads;
mod users;
mod waiting;
mod watched;
mod webhooks;
mod workers;
mod workspaces;

use chrono::{DateTime, Utc};
use ringfleet_core::{CallId, cursor::Cursor};
use uuid::Uuid;

pub use agents::{Agent, NewAgent};
pub use api_keys::{Key, NewApiKey};
pub use audit::{KeptCounter, Told, Unfinished};
pub use audit_log::{AuditEntry, AuditFilter};
pub use caller_ids::{CallerDay, TrunkPool};
pub use calls::{Answered, Call, CallFilter, CallUpdate, Kept, NewCall, SeatAnswer};
pub use campaign_brakes::{CampaignBrake, Tripped};
pub use campaign_seats::CampaignAnswers;
pub use campaigns::{Campaign, CampaignFilter, NewCampaign, Running};
pub use checkup::Checkup;
pub use contacts::Contact;
pub use copy::Bulk;
pub use copy_yard::CopyYard;
pub use counters::{Bump, Counter, RecipientCounts};
pub use deliveries::{DeliveryUpdate, Letter, NewAttempt, NewDelivery, NewEvent};
pub use delivery_log::{Attempt, Delivery, DeliveryFilter, Over, Replay};
pub use dials::{Background, Begin, Beginning, Dial, Placement};
pub use edit::{CampaignSettings, Placed, Waited};
pub use erasing::{Forgettable, ForgettableCall, UnderNumber};
pub use erasing_told::{EventBody, KeptBody, RejectedCell, RejectsOf};
pub use erasures::{Erasure, NewErasure};
pub use error::StoreError;
pub use giving_up::GivenUp;
pub use import_portions::{Filling, Portion};
pub use imports::{Import, ImportFilter, Progress, Reject};
pub use leads::{Lead, LeadFilter, NewLead};
pub use logins::{Login, Visitor};
pub use members::{Invite, Member, Membership};
pub use messages::{MessageTimes, NewMessage, NewReply, Reply};
pub use migrate::SCHEMA;
pub use preflight::{Alike, Described, Special};
pub use recipient_filter::RecipientFilter;
pub use recipients::{NewRecipient, Recipient, RecipientUpdate, Standing, fresh_ids};
pub use recordings::{NewRecording, Recording};
pub use request_keys::{KeptRequest, RequestKey};
pub use restored::Calling;
pub use retention::Looked;
pub use ringfleet_core::import::{ImportState, UploadState};
pub use runs::{CopiedRecipient, Copying, Listed, Unready};
pub use samples::Sampled;
pub use scheduled_calls::{ScheduledCall, ScheduledCallFilter, ScheduledCallSort};
pub use secrets::Resealed;
pub use store::{Connections, Store};
pub use suppressions::{Address, NewSuppression, Suppression};
pub use throttles::Throttle;
pub use time::Timestamp;
pub use transcripts::Transcript;
pub use trunk_groups::{GroupCampaign, Move, Stranded, TrunkGroup};
pub use trunk_health::{DueTrunk, TrunkHealth};
pub use trunks::{NewTrunk, Trunk};
pub use tx::Tx;
pub use uploads::{KeptUploads, NewUpload, Upload, Validated};
pub use users::{NewUser, User};
pub use waiting::{Queue, Waiting};
pub use watched::{CampaignStanding, LiveCount};
pub use webhooks::{Listener, NewWebhook, Webhook};
pub use workers::Worker;
pub use workspaces::Workspace;

/// How far the clocks of two processes may lie apart. What one has made due now, another that is so much behind still takes.
pub const CLOCK_SKEW: chrono::Duration = chrono::Duration::seconds(5);

/// What the methods of this crate answer with.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Rows of a large table that are looked at for one page where a filter has no index: a page may then hold fewer rows than it could,
/// and the list goes on all the same.
pub const LOOKED_AT: u32 = 10_000;

/// Which page of a list: at most `limit` rows after `after`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Page {
    /// The last row of the page before.
    pub after: Option<Cursor>,
    /// Most rows, 1 to 1,000.
    pub limit: u32,
    /// In which order.
    pub order: Order,
    /// Only what was made then or later, to the millisecond.
    pub since: Option<DateTime<Utc>>,
    /// Only what was made before.
    pub until: Option<DateTime<Utc>>,
}

/// The order of a list. Lists run by id, which is by the time things were made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    NewestFirst,
    /// The oldest first.
    OldestFirst,
}

impl Page {
    /// The first page, newest first.
    pub fn first(limit: u32) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Whether a row of this id is left.
    pub(crate) fn holds(self, id: Uuid) -> bool {
        self.above() < id && id < self.below()
    }

    /// The ids of the rows that are left lie above this one.
    pub(crate) fn above(self) -> Uuid {
        let since = self.since.map_or(Uuid::nil(), |at| CallId::first_at(at).uuid());
        match self.order {
            Order::NewestFirst => since,
            Order::OldestFirst => self.after.map_or(since, |cursor| cursor.0.max(since)),
        }
    }

    /// And below this one.
    pub(crate) fn below(self) -> Uuid {
        let until = self.until.map_or(Uuid::max(), |at| CallId::first_at(at).uuid());
        match self.order {
            Order::NewestFirst => self.after.map_or(until, |cursor| cursor.0.min(until)),
            Order::OldestFirst => until,
        }
    }
}
