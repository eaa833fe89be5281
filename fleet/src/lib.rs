//! What the processes of a fleet share: the job queue, the limits, and who is present.
//!
//! [`Fleet`] is the one handle. Connected to Redis it joins many processes; [`Fleet::in_process`] does the same work
//! within one process and needs no server. Everything here is disposable: the truth lives in the database, and
//! whatever is lost with Redis is pushed again, registered again or waited for.
//!
//! - [`Fleet::push`] and [`consume`] move [`Job`]s, a lane and an id, over Redis Streams consumer groups.
//! - [`Fleet::lanes`] tells how many of them wait, and how long.
//! - [`Fleet::limits`] keeps calls per second and live calls within bounds that hold across all workers.
//! - [`Fleet::quotas`] keeps the requests of each caller within bounds.
//! - [`Fleet::hints`] tells whoever follows a call that something was heard of it.
//! - [`Fleet::presence`] tells who works right now.

mod error;
mod fleet;
mod hints;
mod lane;
mod limits;
mod link;
mod presence;
mod queue;
mod quotas;

pub use error::FleetError;
pub use fleet::{Fleet, FleetSettings};
pub use hints::{Hint, Hints};
pub use lane::{Backlog, Job, Lane};
pub use limits::{Acquired, Limit, Limits, Permit, SLOTS_LAST, Seat, Seats, Shortage, Slot};
pub use presence::{Member, Presence};
pub use queue::{ConsumerSettings, JobSource, consume};
pub use quotas::Quotas;
