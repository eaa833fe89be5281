//! Page cursors: where a list goes on, opaque to the client.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::id::{Id, Kind};

/// The last row of a page. Lists run by id, newest first, and ids never change, so what is written meanwhile moves no row to
/// another page: new ids are larger than those of pages already read, to the millisecond and the clocks of the hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub Uuid);

/// A text that is not one of our cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor; use meta.next_cursor of the page before, unchanged")]
pub struct BadCursor;

impl<K: Kind> From<Id<K>> for Cursor {
    fn from(id: Id<K>) -> Self {
        Self(id.uuid())
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

impl utoipa::PartialSchema for Cursor {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::schema::free_text(
            "`meta.next_cursor` of the page before, unchanged.",
            "AZNvfopcfD6bHS9KbI4KGw",
        )
    }
}

impl utoipa::ToSchema for Cursor {}

impl std::str::FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        Uuid::from_slice(&bytes).map(Self).map_err(|_| BadCursor)
    }
}
