//! The first rows of an upload, as a campaign would have them.

use ringfleet_core::{E164, UploadId, WorkspaceId, Zones};
use ringfleet_store::{Reject, Upload};
use serde_json::Value;

use super::{bytes::part, find, refuse_incomplete};
use crate::{
    Engine, Result,
    import::{Header, Peek, Reading, Repeats},
};

/// Rows of a preview.
pub const PREVIEW_ROWS: usize = 100;
/// Bytes looked at between two questions whether it is enough.
const STEP: usize = 64 * 1024;

/// One row of a preview.
#[derive(Debug, Clone)]
pub struct Previewed {
    /// The line it begins on.
    pub line: u64,
    /// Whom it would call, with which variables, and the zones this one may be in; or why nobody.
    pub row: std::result::Result<(E164, Value, Vec<String>), Reject>,
}

impl Engine {
    /// The first rows of an upload whose bytes are all there, in the order of the file.
    ///
    /// # Errors
    /// [`crate::EngineError::Conflict`] when bytes are missing, [`crate::EngineError::Invalid`] when the first row cannot be used.
    pub async fn preview_upload(
        &self,
        workspace: WorkspaceId,
        id: UploadId,
    ) -> Result<(Upload, Vec<Previewed>)> {
        let mut tx = self.store().read().await?;
        let upload = find(&mut tx, workspace, id).await?;
        tx.commit().await?;
        refuse_incomplete(&upload)?;
        let mut peek = self.peek(&upload, PREVIEW_ROWS).await?;
        if let Some(error) = peek.trouble.take() {
            return Err(error);
        }
        let good = peek.recipients.into_iter().map(|(line, new)| {
            let zones = Zones::of(new.timezone.as_deref(), new.number, None);
            let zones = zones.iter().flat_map(Zones::iter).map(|zone| zone.name().to_owned()).collect();
            Previewed { line, row: Ok((new.number, new.variables.value(), zones)) }
        });
        let bad =
            peek.rejects.into_iter().map(|reject| Previewed { line: reject.line as u64, row: Err(reject) });
        let mut rows: Vec<Previewed> = good.chain(bad).collect();
        rows.sort_by_key(|row| row.line);
        rows.truncate(PREVIEW_ROWS);
        Ok((upload, rows))
    }

    /// What the first row of an upload says, as far as it can be read.
    pub(super) async fn header_of(&self, upload: &Upload) -> Result<Header> {
        Ok(self.peek(upload, 1).await?.header)
    }

    async fn peek(&self, upload: &Upload, rows: usize) -> Result<Peek> {
        let mut peek = Peek::new(Reading::all(upload.mapping.clone(), Repeats::Rejected, rows));
        let (mut start, end) = (0, upload.received as u64);
        while start < end {
            let Some(part) = part(self.store(), upload.id, start).await? else { break };
            start += part.len() as u64;
            if part.chunks(STEP).any(|chunk| peek.push(chunk)) {
                return Ok(peek);
            }
        }
        peek.finish();
        Ok(peek)
    }
}
