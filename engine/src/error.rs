use std::sync::Arc;

use ringfleet_blobs::BlobError;
use ringfleet_core::WrongState;
use ringfleet_fleet::FleetError;
use ringfleet_store::StoreError;

/// What went wrong, by what the caller can do. `api` maps these to status and code in one place.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// There is no such thing in this workspace.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The state forbids it; nothing was changed.
    #[error(transparent)]
    WrongState(#[from] WrongState),
    /// Something else than the state forbids it at this moment; nothing was changed.
    #[error("{message}")]
    Conflict {
        /// Stable code, like `NO_RECIPIENTS`.
        code: &'static str,
        /// What forbids it and what to do.
        message: String,
    },
    /// A value of the request is wrong.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field at fault, as the request names it.
        field: String,
        /// What would be right.
        problem: String,
    },
    /// Whoever asks may not do this; nothing was changed.
    #[error("{0}")]
    Forbidden(String),
    /// What was shown does not open anything: a password, a login that is over, a link that was used.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// Too many attempts.
    #[error("too many attempts; wait {} s", .retry_after.as_secs())]
    TooMany {
        /// How long to wait; whole seconds, at least one.
        retry_after: std::time::Duration,
    },
    /// It has been changed since whoever wants to change it looked; nothing was changed.
    #[error("it has been changed since you looked")]
    Stale,
    /// The request, which has an Idempotency-Key, is being carried out by another meanwhile; nothing was changed by this one.
    #[error("the request with this Idempotency-Key is being carried out by another process")]
    ClaimLost,
    /// The client's upload broke off or could not be read as a list.
    #[error("{0}")]
    BrokenUpload(String),
    /// The fleet (Redis) did not answer.
    #[error("{0}")]
    Fleet(Arc<FleetError>),
    /// Where blobs are kept cannot be reached.
    #[error("{0}")]
    Blobs(Arc<BlobError>),
    /// The database took too long; what was asked of it may or may not have happened.
    #[error("the database did not answer in time")]
    TimedOut,
    /// A bug: the work broke down.
    #[error("broke down: {0}")]
    Broken(String),
    /// The store failed.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

impl EngineError {
    /// Worth trying again unchanged.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Store(error) => error.is_passing(),
            Self::Fleet(_) | Self::Blobs(_) | Self::TimedOut => true,
            _ => false,
        }
    }

    /// Something forbids it at this moment.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict { code, message: message.into() }
    }

    /// A wrong value.
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), problem: problem.into() }
    }
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::WrongState(wrong) => Self::WrongState(wrong),
            error => Self::Store(Arc::new(error)),
        }
    }
}

impl From<BlobError> for EngineError {
    fn from(error: BlobError) -> Self {
        Self::Blobs(Arc::new(error))
    }
}

impl From<FleetError> for EngineError {
    fn from(error: FleetError) -> Self {
        Self::Fleet(Arc::new(error))
    }
}
