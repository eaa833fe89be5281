//! Calls that are handed on to somebody else while they last.

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CallId, CallState, Clock, WorkerId, WorkspaceId, transfer::TransferName, trunk::TrunkConfig,
};
use ringfleet_fleet::Hint;
use ringfleet_store::Call;

use crate::{Engine, EngineError, Receipt, Result, batch::until_it_passes, facts, publish::publish};

impl Engine {
    /// A call was handed on to `to` at `at`: that is written, and told as `session.transferred`.
    pub async fn transferred(&self, id: CallId, worker: WorkerId, to: &str, at: DateTime<Utc>) -> Result<()> {
        let note = || self.note_transfer(id, worker, to, at);
        until_it_passes("a transfer cannot be noted yet", id, note).await
    }

    async fn note_transfer(&self, id: CallId, worker: WorkerId, to: &str, at: DateTime<Utc>) -> Result<()> {
        let mut tx = self.0.store.write_many().await?;
        let Some(call) = tx.transfer_call(id, worker, to, at).await? else { return Ok(()) };
        let deliveries = publish(&mut tx, vec![facts::transferred(&call)], Clock::now(self.clock())).await?;
        tx.commit().await?;
        self.0.hints.deliveries(&deliveries);
        Ok(())
    }

    /// Asks whoever follows a live call to hand it on to one of the destinations of its agent. `note`: how the carriers say that.
    ///
    /// What becomes of it shows later, at the call and as `session.transferred`: the far end may be busy, and the wish may come too late.
    ///
    /// # Errors
    /// When there is no such call, it is not ONGOING, its trunk hands no calls on, or its agent names no such destination.
    pub async fn ask_to_transfer(
        &self,
        workspace: WorkspaceId,
        id: CallId,
        to: &TransferName,
        note: String,
        receipt: Receipt<Call>,
    ) -> Result<()> {
        let mut tx = self.0.store.write().await?;
        let call = tx.call(workspace, id).await?.ok_or(EngineError::NotFound("session"))?;
        let dial = tx.dials(&[id.uuid()]).await?.pop().ok_or(EngineError::NotFound("session"))?;
        if call.state != CallState::Ongoing {
            let problem = format!("the session is {}; only one that is ONGOING can be handed on", call.state);
            return Err(EngineError::conflict("NOT_ONGOING", problem));
        }
        if !matches!(dial.config, TrunkConfig::Sip(_)) {
            let problem = "only calls over trunks of the kind sip can be handed on";
            return Err(EngineError::conflict("NOT_TRANSFERABLE", problem));
        }
        if !dial.conversation.transfers.contains_key(to) {
            let problem =
                "is none of the names in transfers of the agent's version that the call is made with";
            return Err(EngineError::invalid("to", problem));
        }
        if call.transferred_at.is_some() {
            return Err(EngineError::conflict("TRANSFERRED", "the session was handed on already"));
        }
        receipt.write(&mut tx, &call, self.clock()).await?;
        // Before it is written that it was: who is told of trouble asks again.
        self.fleet().hints().tell(Hint { call: id.uuid(), note }).await?;
        Ok(tx.commit().await?)
    }
}
