//! The first rows of an upload, as a campaign would have them.

use ringfleet_core::{AgentId, Conversation, E164, UploadId, WorkspaceId, Zones};
use ringfleet_store::{Reject, Upload};
use serde_json::Value;

use super::{bytes::part, find, refuse_incomplete};
use crate::{
    Engine, EngineError, Result,
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

/// The first rows of an upload, and what is said to them first.
#[derive(Debug, Clone)]
pub struct Preview {
    /// What the agent says first, its places not filled; none where it says nothing of the kind, or nobody has said which agent it is.
    pub opening_line: Option<String>,
    /// What is said in its calls, likewise ([`Conversation::greeting_text`]).
    pub greeting_text: Option<String>,
    /// What machines are told, likewise.
    pub machine_message_text: Option<String>,
    /// What a callee is told where nobody is there to talk, likewise.
    pub fallback_message_text: Option<String>,
    /// In the order of the file.
    pub rows: Vec<Previewed>,
}

impl Engine {
    /// The first rows of an upload whose bytes are all there, with the opening line and the texts of `agent`, else of the agent the upload was begun with: that
    /// of its live version, or of its latest one where none is.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] when there is no such upload or agent in the workspace, [`EngineError::Conflict`] when bytes are missing,
    /// [`EngineError::Invalid`] when the first row cannot be used.
    pub async fn preview_upload(
        &self,
        workspace: WorkspaceId,
        id: UploadId,
        agent: Option<AgentId>,
    ) -> Result<Preview> {
        let mut tx = self.store().read().await?;
        let upload = find(&mut tx, workspace, id).await?;
        let agent = match agent.or(upload.agent_id) {
            Some(agent) => {
                Some(tx.agent(workspace, agent).await?.ok_or(EngineError::NotFound("agent"))?.draft())
            }
            None => None,
        };
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
        let (opening_line, said) = agent.map(|agent| (agent.opening_line, agent.conversation)).unzip();
        let Conversation { greeting_text, machine_message_text, fallback_message_text, .. } =
            said.unwrap_or_default();
        let opening_line = opening_line.flatten();
        Ok(Preview { opening_line, greeting_text, machine_message_text, fallback_message_text, rows })
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
