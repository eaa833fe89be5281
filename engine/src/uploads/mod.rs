//! Uploads: files that come in parts and are looked through before they fill campaigns.
//!
//! Their bytes lie in the database, so whichever process gets the next part goes on where another one stopped, and a killed server loses
//! nothing that it has acknowledged. When the last byte is there a scheduler leases the upload and looks through it as an import would
//! ([`Engine::validate_next_upload`]); an import from it is leased in the same way ([`Engine::fill_next`]). Who dies loses the lease.

mod bytes;
mod fill;
mod preview;
mod validate;

use std::time::Duration;

use chrono::TimeDelta;
use ringfleet_core::{AgentId, CampaignId, ColumnMapping, UploadId, WorkspaceId};
use ringfleet_store::{Import, KeptUploads, NewUpload, Tx, Upload, UploadState};

pub use self::preview::{PREVIEW_ROWS, Preview, Previewed};
use crate::{Engine, EngineError, Receipt, Result, import::check_mapping, recipients::hold_to_fill};

/// Most bytes of an upload.
pub const MOST_BYTES: u64 = 1 << 30;
/// Most rows of an upload.
pub const MOST_ROWS: u64 = 5_000_000;
/// Bytes of one part, at most.
pub const PART: usize = 1 << 20;
/// Uploads a workspace keeps at a time, and their bytes, at most.
const MOST_KEPT: u32 = 200;
const MOST_BYTES_KEPT: u64 = 20 * MOST_BYTES;
/// An upload that fills nothing is forgotten after so long, and one that has filled a campaign so long after that.
const UNUSED: TimeDelta = TimeDelta::days(7);
const USED: TimeDelta = TimeDelta::days(1);
/// How long a file may take that comes in one request. If its sender goes, nobody goes on with it, for nobody was told its id.
const IN_ONE: TimeDelta = TimeDelta::days(1);
/// Whoever works on an upload and gives no sign of life for so long is taken to be dead.
const LEASE: TimeDelta = TimeDelta::seconds(15);
/// How often that sign is given.
const SIGN: Duration = Duration::from_secs(4);

/// What became of bytes that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// They are kept.
    Kept,
    /// They belong somewhere else: the upload has this many bytes.
    Offset(u64),
    /// No bytes are wanted any more; the upload is in this state.
    Closed(UploadState),
}

impl Engine {
    /// Begins an upload that comes in parts.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] when it is too large or its agent is not the workspace's, [`EngineError::Conflict`] when the workspace keeps as
    /// much as it may.
    pub async fn begin_upload(
        &self,
        workspace: WorkspaceId,
        new: &NewUpload,
        receipt: Receipt<Upload>,
    ) -> Result<Upload> {
        self.begin_lasting(workspace, new, UNUSED, receipt).await
    }

    /// The same of one that comes in one request.
    ///
    /// # Errors
    /// As [`Engine::begin_upload`].
    pub async fn begin_whole_upload(&self, workspace: WorkspaceId, new: &NewUpload) -> Result<Upload> {
        self.begin_lasting(workspace, new, IN_ONE, Receipt::none()).await
    }

    async fn begin_lasting(
        &self,
        workspace: WorkspaceId,
        new: &NewUpload,
        lasts: TimeDelta,
        receipt: Receipt<Upload>,
    ) -> Result<Upload> {
        if new.bytes.is_some_and(|bytes| bytes > MOST_BYTES) {
            return Err(EngineError::invalid("bytes", format!("must be at most {MOST_BYTES} (1 GiB)")));
        }
        let now = self.clock().now();
        let mut tx = self.store().write().await?;
        if let Some(agent) = new.agent_id {
            tx.agent(workspace, agent).await?.ok_or_else(|| no_agent(agent))?;
        }
        refuse_too_many(tx.kept_uploads(workspace).await?, new.bytes.unwrap_or(0))?;
        let id = tx.insert_upload(workspace, new, now, now + lasts).await?;
        let upload = find(&mut tx, workspace, id).await?;
        receipt.write(&mut tx, &upload, self.clock()).await?;
        tx.commit().await?;
        Ok(upload)
    }

    /// Keeps bytes that belong at `offset`.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] when they are more than was announced, or than fit.
    pub async fn append_upload(
        &self,
        workspace: WorkspaceId,
        id: UploadId,
        offset: u64,
        data: &[u8],
    ) -> Result<Appended> {
        let mut tx = self.store().write().await?;
        let upload = held(&mut tx, workspace, id).await?;
        if upload.state != UploadState::Receiving {
            return Ok(Appended::Closed(upload.state));
        }
        if upload.received as u64 != offset {
            return Ok(Appended::Offset(upload.received as u64));
        }
        let most = upload.bytes.map_or(MOST_BYTES, |bytes| bytes as u64);
        if offset + data.len() as u64 > most {
            let problem = format!("the upload takes {most} bytes, and these would be more");
            return Err(EngineError::invalid("data", problem));
        }
        if upload.bytes.is_none() {
            let kept = tx.kept_uploads(workspace).await?;
            refuse_too_many(KeptUploads { uploads: 0, ..kept }, data.len() as u64)?;
        }
        if data.is_empty() || tx.append_part(id, offset, data).await? {
            tx.commit().await?;
            return Ok(Appended::Kept);
        }
        Ok(Appended::Offset(upload.received as u64))
    }

    /// Has an upload looked through when all of its bytes are there: those that were announced, or, of an upload of unknown length, those that
    /// `is_last` says are all.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] when `is_last` and bytes that were announced are missing.
    pub async fn complete_upload(
        &self,
        workspace: WorkspaceId,
        id: UploadId,
        is_last: bool,
        receipt: Receipt<Upload>,
    ) -> Result<Upload> {
        let mut tx = self.store().write().await?;
        let upload = held(&mut tx, workspace, id).await?;
        let missing = upload.bytes.map(|bytes| bytes - upload.received);
        if upload.state == UploadState::Receiving && (missing == Some(0) || missing.is_none() && is_last) {
            tx.validate_upload(id, &upload.mapping).await?;
            tx.set_upload_expiry(id, upload.expires_at.max(self.clock().now() + UNUSED)).await?;
        } else if let (UploadState::Receiving, true, Some(missing)) = (upload.state, is_last, missing) {
            let message = format!(
                "{missing} of the bytes that were announced are missing; go on at {}",
                upload.received
            );
            return Err(EngineError::Conflict { code: "UPLOAD_INCOMPLETE", message });
        }
        let upload = find(&mut tx, workspace, id).await?;
        receipt.write(&mut tx, &upload, self.clock()).await?;
        tx.commit().await?;
        Ok(upload)
    }

    /// Says which column is what, and has the upload looked through anew.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] while an import reads it, or its bytes are not all there; [`EngineError::Invalid`] of a mapping that does not
    /// fit the columns, as far as they are known.
    pub async fn map_upload(
        &self,
        workspace: WorkspaceId,
        id: UploadId,
        mapping: &ColumnMapping,
        receipt: Receipt<Upload>,
    ) -> Result<Upload> {
        let mut tx = self.store().write().await?;
        let upload = held(&mut tx, workspace, id).await?;
        refuse_incomplete(&upload)?;
        refuse_used(&mut tx, id).await?;
        if !upload.columns.is_empty() {
            check_mapping(&upload.columns, mapping)?;
        }
        tx.validate_upload(id, mapping).await?;
        let upload = find(&mut tx, workspace, id).await?;
        receipt.write(&mut tx, &upload, self.clock()).await?;
        tx.commit().await?;
        Ok(upload)
    }

    /// Forgets an upload.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] while an import reads it.
    pub async fn delete_upload(
        &self,
        workspace: WorkspaceId,
        id: UploadId,
        receipt: Receipt<()>,
    ) -> Result<()> {
        let mut tx = self.store().write().await?;
        held(&mut tx, workspace, id).await?;
        refuse_used(&mut tx, id).await?;
        tx.delete_upload(id).await?;
        receipt.write(&mut tx, &(), self.clock()).await?;
        Ok(tx.commit().await?)
    }

    /// Has an upload fill a campaign in DRAFT or PAUSED; it begins when the upload has been found READY.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] and [`EngineError::WrongState`] of the campaign, [`EngineError::Conflict`] of an upload that cannot be used.
    pub async fn import_upload(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        upload: UploadId,
        receipt: Receipt<Import>,
    ) -> Result<Import> {
        let mut tx = self.store().write().await?;
        let import = self.order_import(&mut tx, workspace, campaign, upload).await?;
        receipt.write(&mut tx, &import, self.clock()).await?;
        tx.commit().await?;
        Ok(import)
    }

    /// The same within a transaction.
    pub(crate) async fn order_import(
        &self,
        tx: &mut Tx,
        workspace: WorkspaceId,
        campaign: CampaignId,
        upload: UploadId,
    ) -> Result<Import> {
        hold_to_fill(tx, workspace, campaign).await?;
        let held = held(tx, workspace, upload).await?;
        refuse_incomplete(&held)?;
        if held.state == UploadState::Failed {
            let why = held.error.unwrap_or_default();
            let message =
                format!("the upload cannot be used ({why}); say which column is what, or send another file");
            return Err(EngineError::Conflict { code: "UPLOAD_FAILED", message });
        }
        let import = tx.insert_filling(workspace, campaign, upload, self.clock().now()).await?;
        tx.import(workspace, import).await?.ok_or(EngineError::NotFound("import"))
    }

    /// Forgets uploads that nobody used for days. Gives how many.
    pub async fn expire_uploads(&self) -> Result<u64> {
        let mut expired = 0;
        loop {
            let mut tx = self.store().write().await?;
            let found = tx.expire_upload(self.clock().now()).await?;
            tx.commit().await?;
            if !found {
                return Ok(expired);
            }
            expired += 1;
        }
    }
}

async fn find(tx: &mut Tx, workspace: WorkspaceId, id: UploadId) -> Result<Upload> {
    tx.upload(workspace, id).await?.ok_or(EngineError::NotFound("upload"))
}

async fn held(tx: &mut Tx, workspace: WorkspaceId, id: UploadId) -> Result<Upload> {
    tx.hold_upload(workspace, id).await?.ok_or(EngineError::NotFound("upload"))
}

fn no_agent(agent: AgentId) -> EngineError {
    EngineError::invalid("agentId", format!("the workspace has no agent {agent}"))
}

fn refuse_too_many(kept: KeptUploads, more: u64) -> Result<()> {
    if kept.uploads < MOST_KEPT && kept.bytes.unsigned_abs() + more <= MOST_BYTES_KEPT {
        return Ok(());
    }
    let message = format!(
        "the workspace keeps {} uploads of {} bytes, and may keep {MOST_KEPT} of {MOST_BYTES_KEPT}; remove one that is not needed any more",
        kept.uploads, kept.bytes
    );
    Err(EngineError::Conflict { code: "TOO_MANY_UPLOADS", message })
}

fn refuse_incomplete(upload: &Upload) -> Result<()> {
    if upload.state != UploadState::Receiving {
        return Ok(());
    }
    let message =
        format!("bytes of the upload are missing; go on at {} and finish it first", upload.received);
    Err(EngineError::Conflict { code: "UPLOAD_INCOMPLETE", message })
}

async fn refuse_used(tx: &mut Tx, id: UploadId) -> Result<()> {
    if !tx.is_upload_in_use(id).await? {
        return Ok(());
    }
    let message = "an import reads this upload at the moment; wait until it has finished";
    Err(EngineError::Conflict { code: "UPLOAD_IN_USE", message: message.into() })
}
