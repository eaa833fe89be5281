//! What more than one role does: begin and settle a call, move a campaign through its life, add recipients, publish events.
//!
//! Each of these is one transaction of the store, then its hints to the fleet. A hint that is lost costs a moment,
//! never a call: the scheduler pushes again what is due and was not taken. Writes of many calls share transactions
//! (see `batch`): one-row commits are the wall every dialer hits.

mod access;
mod agents;
mod api_keys;
mod batch;
mod begin;
mod brake;
mod caller_ids;
mod campaign_brake;
mod campaigns;
mod deliveries;
mod delivery_log;
mod dial;
mod dispatch;
mod edit;
mod erasing;
mod erasures;
mod error;
mod facts;
mod hang_up;
pub mod import;
mod invites;
mod known;
mod lacks;
mod leads;
mod logins;
mod members;
mod messages;
mod news;
mod passwords;
mod preflight;
mod progress;
mod publish;
mod ready;
mod receipt;
mod recipients;
mod recordings;
mod requests;
mod restored;
mod retention;
mod runs;
mod samples;
mod scheduled_calls;
mod seats;
mod secrets;
mod settle;
mod stats;
mod suppress;
mod sweep;
mod tenants;
mod throttle;
mod transfers;
mod tried;
mod trunk_groups;
mod trunks;
mod upkeep;
pub mod uploads;
mod users;
mod verdict;
mod watch;
mod ways;
mod webhooks;
mod wind_up;
mod workload;

use std::sync::{Arc, OnceLock};

use ringfleet_core::{Clock, delivery::RetrySchedule};
use ringfleet_fleet::{Fleet, Lane};
use ringfleet_store::{Answered, Begin, Dial, Kept, Letter, Store};
use uuid::Uuid;

pub use access::AccessSettings;
pub use access::Signup;
pub use api_keys::{KeyWish, MadeKey};
pub use caller_ids::{Begun, PoolToday};
pub use campaigns::{InFlight, NewSession};
pub use deliveries::Answer;
pub use delivery_log::{DeliveryStory, Replayed};
pub use dispatch::Dispatched;
pub use edit::Changed;
pub use error::EngineError;
pub use hang_up::{AFTER_A_MISSED_CALL, hung_up, hung_up_unsent};
pub use invites::{INVITE_LASTS, Invitation};
pub use lacks::{Lack, Lacks};
pub use leads::{KeptLead, KnownLead};
pub use logins::{Credentials, Grant};
pub use messages::{News, Noted};
pub use preflight::{Held, Preflight, ZoneHours};
pub use receipt::{Deed, Handed, KeptAnswer, Receipt, Target, Told};
pub use recipients::AddReport;
pub use recordings::{LINK_OPEN, Media, Recorded};
pub use requests::{ANSWERS_LAST, Asked, Claim, Claimed, Fingerprint, Whole};
pub use retention::{Forgotten, Keep};
pub use runs::NAME_LIMIT;
pub use samples::Timeline;
pub use scheduled_calls::{COUNTED, CallStats, SORTED};
pub use secrets::reseal_secrets;
pub use settle::Settlement;
pub use stats::{CampaignProgress, CampaignStats, HourStats, SeatStats};
pub use suppress::{REASON_LIMIT, SuppressionReport};
pub use sweep::WORKER_SILENCE;
pub use trunk_groups::lines_rest;
pub use users::{Entry, GoogleProfile, NewAccount, Origin, ResetLink};
pub use watch::{FleetNow, Hands, WorkerNow};
pub use ways::Way;
pub use webhooks::WEBHOOK_NAME_LIMIT;
pub use workload::Workload;

use batch::Batcher;
use deliveries::Settled;
use publish::Hints;

/// What the methods of this crate answer with.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

/// The rules carried out over one store and one fleet. Cheap to clone; every role of a process shares one.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    store: Store,
    fleet: Fleet,
    clock: Arc<dyn Clock>,
    hints: Hints,
    retries: RetrySchedule,
    access: access::Access,
    media: OnceLock<Media>,
    loads: Batcher<Uuid, Option<Dial>>,
    begins: Batcher<Begin, Option<Begun>>,
    // For single calls, which do not wait behind a large batch of campaigns' calls, nor in one.
    single_loads: Batcher<Uuid, Option<Dial>>,
    single_begins: Batcher<Begin, Option<Begun>>,
    answers: Batcher<Answered, bool>,
    resumes: Batcher<Kept, ()>,
    settlements: Batcher<Settlement, bool>,
    letters: Batcher<Uuid, Option<Letter>>,
    attempts: Batcher<Settled, ()>,
}

impl Engine {
    /// Joins the parts. `retries`: when failed webhook deliveries are tried again.
    pub fn new(store: Store, fleet: Fleet, clock: Arc<dyn Clock>, retries: RetrySchedule) -> Self {
        let hints = Hints::new(fleet.clone());
        Self(Arc::new(Shared {
            loads: dial::loader(store.clone()),
            begins: begin::beginner(store.clone(), hints.clone(), clock.clone()),
            single_loads: dial::loader(store.clone()),
            single_begins: begin::beginner(store.clone(), hints.clone(), clock.clone()),
            answers: dial::answerer(store.clone()),
            resumes: dial::keeper(store.clone()),
            settlements: settle::settler(store.clone(), hints.clone(), clock.clone()),
            letters: deliveries::fetcher(store.clone(), clock.clone()),
            attempts: deliveries::recorder(store.clone(), hints.clone(), clock.clone()),
            hints,
            store,
            fleet,
            clock,
            retries,
            access: access::Access::default(),
            media: OnceLock::new(),
        }))
    }

    /// The truth.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// What processes share.
    pub fn fleet(&self) -> &Fleet {
        &self.0.fleet
    }

    /// The clock every rule is measured by.
    pub fn clock(&self) -> &dyn Clock {
        self.0.clock.as_ref()
    }

    /// Tells workers of committed work. Failure is only logged: the scheduler pushes again.
    async fn hint(&self, lane: Lane, ids: &[Uuid]) {
        self.0.hints.push(lane, ids).await;
    }
}
