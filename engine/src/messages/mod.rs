//! Messages: how many may wait for a trunk, what they say, what is told of them afterwards, and what people answer.

mod compose;
mod receipts;
mod replies;
mod rooms;

pub use receipts::{News, Noted};
pub(crate) use receipts::{barred_from_calls, leave_alone};
pub(crate) use rooms::{Room, Rooms};
