//! A recipient's state and how it can end.

use crate::text_enum::text_enum;

text_enum! {
    /// Where a recipient stands: PENDING(due_at) → QUEUED → ACTIVE → PENDING (again, later) or DONE(disposition).
    pub enum RecipientState {
        /// Waits until it is due.
        Pending => "PENDING",
        /// Claimed by a scheduler; a call row exists and has not begun.
        Queued => "QUEUED",
        /// A call of it has begun.
        Active => "ACTIVE",
        /// Nothing more will happen; a disposition says how it ended.
        Done => "DONE",
    }
}

text_enum! {
    /// How a recipient ended.
    pub enum Disposition {
        /// Somebody answered a call, or read or answered a message.
        Reached => "REACHED",
        /// The last message of the plan was taken or has arrived; nobody has told that it was read.
        Messaged => "MESSAGED",
        /// Every attempt the plan allows was made, or no further one makes sense.
        Exhausted => "EXHAUSTED",
        /// The address must not be contacted.
        Suppressed => "SUPPRESSED",
        /// The campaign's end or the recipient's lifetime came first.
        Expired => "EXPIRED",
        /// The address cannot be contacted at all (no such number).
        Invalid => "INVALID",
        /// The campaign was cancelled first.
        Cancelled => "CANCELLED",
    }
}

text_enum! {
    /// Why a recipient is not being called right now.
    pub enum Hold {
        /// Outside its calling window.
        Window => "WINDOW",
        /// The calls-per-second limit, or the carrier asked to slow down.
        Pace => "PACE",
        /// Too many live calls.
        Concurrency => "CONCURRENCY",
        /// No seat of its campaign is free, or enough calls are placed for those that are.
        Seats => "SEATS",
        /// Too soon after the previous calls to the same number.
        Gap => "GAP",
        /// Every caller ID of its campaign is at its daily cap.
        CallerId => "CALLER_ID",
        /// On a suppression list.
        Suppressed => "SUPPRESSED",
        /// The campaign is not calling: not started, scheduled, paused or over.
        Paused => "PAUSED",
        /// Its trunk rests after trouble, or had trouble with its last call.
        Trunk => "TRUNK",
        /// The delay its plan sets before the next attempt or step, or somebody asked to be called back then.
        Retry => "RETRY",
        /// Its turn has not come yet: others are before it at the present pace.
        Turn => "TURN",
    }
}
