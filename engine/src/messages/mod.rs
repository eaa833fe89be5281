//! Messages: how many may wait for a trunk, what they say, what is told of them afterwards, and what people answer.

mod compose;
mod earlier;
mod receipts;
mod replies;
mod rooms;

pub(crate) use earlier::earlier_of;
pub(crate) use receipts::leave_alone;
pub use receipts::{News, Noted};
pub(crate) use rooms::{Room, Rooms};
