//! The brake of trunks carried out: what calls say is kept for all processes, and calls wait while a trunk rests.
//!
//! Nothing is written for a call that went well, unless its trunk is in doubt or on trial.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CallId, Clock, Ending, Hold, TrunkId, WorkspaceId,
    brake::{self, BrakeState, Evidence, Health, Report},
    trunk::TrunkConfig,
};
use ringfleet_store::{Begin, Dial, Trunk, TrunkHealth, Tx};
use uuid::Uuid;

use crate::{Engine, EngineError, Receipt, Result};

/// Most calls that are let go when a trunk opens; more than can wait for workers.
const ALL: u32 = 100_000;

/// The reason of a trunk that somebody has stopped.
const STOPPED: &str = "stopped";

/// What one call says about its trunk.
pub(crate) struct Word<'a> {
    pub(crate) trunk: TrunkId,
    pub(crate) call: CallId,
    pub(crate) begun: Option<DateTime<Utc>>,
    pub(crate) ending: &'a Ending,
}

/// Takes in what calls say about their trunks; gives those that serve nobody now. Call it after calls and recipients have been
/// locked, before counters are.
pub(crate) async fn hear(tx: &mut Tx, words: &[Word<'_>], now: DateTime<Utc>) -> Result<BTreeSet<TrunkId>> {
    let trunks: BTreeSet<Uuid> = words.iter().map(|word| word.trunk.uuid()).collect();
    let known = healths(tx.trunk_health(&trunks.into_iter().collect::<Vec<_>>()).await?);
    let matters = |word: &&Word<'_>| {
        let is_trouble = matches!(brake::evidence(word.ending), Evidence::Trouble | Evidence::TroublePerhaps);
        is_trouble || known.get(&word.trunk).is_some_and(|health| !health.is_clean())
    };
    let concerned: BTreeSet<Uuid> = words.iter().filter(matters).map(|word| word.trunk.uuid()).collect();
    if concerned.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut changes = Changes::lock(tx, concerned).await?;
    for word in words {
        changes.hear(tx, word, now).await?;
    }
    let resting = changes.healths.iter().filter(|(_, health)| !health.is_open()).map(|(id, _)| *id).collect();
    changes.write(tx, now).await?;
    Ok(resting)
}

/// The wishes to begin a call that trunks let through.
pub(crate) struct Admitted<'a> {
    pub(crate) wishes: Cow<'a, [Begin]>,
    changes: Option<Changes>,
}

/// Takes out of `wishes` those whose trunk does not let them begin: they wait for it from now on.
pub(crate) async fn admit<'a>(tx: &mut Tx, wishes: &'a [Begin], now: DateTime<Utc>) -> Result<Admitted<'a>> {
    let trunks: BTreeSet<Uuid> = wishes.iter().map(|wish| wish.trunk.uuid()).collect();
    let known = tx.trunk_health(&trunks.into_iter().collect::<Vec<_>>()).await?;
    let braked: BTreeSet<Uuid> =
        known.iter().filter(|h| h.state != BrakeState::Open).map(|h| h.trunk_id.uuid()).collect();
    if braked.is_empty() {
        return Ok(Admitted { wishes: Cow::Borrowed(wishes), changes: None });
    }
    let calls: Vec<Uuid> = wishes.iter().map(|wish| wish.id).collect();
    tx.lock_waiting_calls(&calls).await?;
    let mut changes = Changes::lock(tx, braked).await?;
    let (mut admitted, mut held) = (Vec::new(), HashMap::<TrunkId, Vec<Uuid>>::new());
    for wish in wishes {
        match changes.healths.get_mut(&wish.trunk).is_none_or(|health| health.admit(wish.id)) {
            true => admitted.push(wish.clone()),
            false => held.entry(wish.trunk).or_default().push(wish.id),
        }
    }
    for (trunk, calls) in held {
        let until = changes.healths.get(&trunk).map_or(now, |health| health.held_until(now));
        let recipients = tx.hold_for_trunk(trunk, &calls, until).await?;
        tx.hold_recipients(&recipients, Hold::Trunk).await?;
    }
    Ok(Admitted { wishes: Cow::Owned(admitted), changes: Some(changes) })
}

impl Admitted<'_> {
    /// Keeps which calls are on trial, of those that have `begun`: one that could not begin for another reason is on none.
    pub(crate) async fn keep(self, tx: &mut Tx, begun: &[Uuid], now: DateTime<Utc>) -> Result<()> {
        let Some(mut changes) = self.changes else { return Ok(()) };
        for (trunk, health) in &mut changes.healths {
            let was = changes.before.get(trunk).and_then(|before| before.trial);
            if health.trial != was && health.trial.is_some_and(|call| !begun.contains(&call)) {
                health.trial = was;
            }
        }
        changes.write(tx, now).await
    }
}

/// Of `room` calls, how many may wait for this trunk.
pub(crate) async fn room(tx: &mut Tx, trunk: TrunkId, room: u32) -> Result<u32> {
    let health = tx.trunk_health(&[trunk.uuid()]).await?.pop();
    Ok(health.map_or(room, |health| health.health().room(room)))
}

/// The settings of a trunk have changed: see [`Health::renew`].
pub(crate) async fn renew(tx: &mut Tx, trunk: TrunkId, now: DateTime<Utc>) -> Result<()> {
    if tx.trunk_health(&[trunk.uuid()]).await?.is_empty() {
        return Ok(());
    }
    let mut changes = Changes::lock(tx, [trunk.uuid()].into()).await?;
    changes.healths.values_mut().for_each(|health| health.renew(now));
    changes.write(tx, now).await
}

/// Trunks whose health is held and may change in this transaction.
struct Changes {
    before: HashMap<TrunkId, Health>,
    healths: HashMap<TrunkId, Health>,
}

impl Changes {
    async fn lock(tx: &mut Tx, trunks: BTreeSet<Uuid>) -> Result<Self> {
        let trunks: Vec<Uuid> = trunks.into_iter().collect();
        let before = healths(tx.lock_trunk_health(&trunks).await?);
        Ok(Self { healths: before.clone(), before })
    }

    async fn hear(&mut self, tx: &mut Tx, word: &Word<'_>, now: DateTime<Utc>) -> Result<()> {
        let Some(health) = self.healths.get_mut(&word.trunk) else { return Ok(()) };
        let evidence = brake::evidence(word.ending);
        let others = match (evidence, health.doubt_since) {
            (Evidence::TroublePerhaps, Some(since)) if health.is_near() => {
                tx.live_calls_on_trunk(word.trunk, since).await?
            }
            _ => 0,
        };
        let reason = match word.ending {
            Ending::Over { reason, .. } | Ending::NoRoom { reason, .. } | Ending::GivenUp { reason } => {
                reason
            }
        };
        health.hear(Report { call: word.call.uuid(), begun: word.begun, evidence, reason }, others, now);
        Ok(())
    }

    /// Writes what has changed, tells of it, and lets the calls go that waited for a trunk that is open now.
    async fn write(self, tx: &mut Tx, now: DateTime<Utc>) -> Result<()> {
        let mut changed = Vec::new();
        for (trunk, health) in self.healths {
            let before = self.before.get(&trunk);
            if before == Some(&health) {
                continue;
            }
            let was = before.map_or(BrakeState::Open, |before| before.state);
            tell(trunk, was, &health, now);
            if health.is_open() && was != BrakeState::Open {
                tx.let_go(trunk, ALL, now).await?;
            }
            changed.push(TrunkHealth::new(trunk, health));
        }
        if !changed.is_empty() {
            tx.set_trunk_health(&changed).await?;
        }
        Ok(())
    }
}

pub(crate) fn healths(rows: Vec<TrunkHealth>) -> HashMap<TrunkId, Health> {
    rows.into_iter().map(|row| (row.trunk_id, row.health())).collect()
}

fn tell(trunk: TrunkId, was: BrakeState, health: &Health, now: DateTime<Utc>) {
    let reason = health.reason.as_deref();
    match (was, health.state) {
        (BrakeState::Paused, BrakeState::Paused) | (BrakeState::Open, BrakeState::Open) => {}
        (_, BrakeState::Paused) => {
            let seconds = (health.until - now).num_seconds();
            tracing::warn!(%trunk, reason, seconds, in_a_row = health.pauses, "a trunk is in trouble and rests");
        }
        (BrakeState::Trial, BrakeState::Open) => tracing::info!(%trunk, "a trunk works again"),
        (_, BrakeState::Stopped) => tracing::info!(%trunk, "somebody has stopped a trunk"),
        (BrakeState::Stopped, _) => tracing::info!(%trunk, "a trunk that was stopped goes on"),
        (_, state) => tracing::debug!(%trunk, %state, "the brake of a trunk has moved"),
    }
}

impl Engine {
    /// Lets no call begin on a trunk from now on, or, with `stops` false, lets them begin again: those that waited for it are due. Live calls go
    /// on. What is so already stays as it is.
    pub async fn stop_trunk(
        &self,
        workspace: WorkspaceId,
        id: TrunkId,
        stops: bool,
        receipt: Receipt<(Trunk, TrunkHealth)>,
    ) -> Result<()> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        let trunk = tx.trunk(workspace, id).await?.ok_or(EngineError::NotFound("trunk"))?;
        let mut changes = Changes::lock(&mut tx, [id.uuid()].into()).await?;
        let health = changes.healths.entry(id).or_insert_with(Health::unknown);
        match stops {
            true if health.state == BrakeState::Stopped => {}
            true => health.stop(STOPPED, now),
            false => drop(health.go_on(now)),
        }
        let shown = (trunk, TrunkHealth::new(id, health.clone()));
        changes.write(&mut tx, now).await?;
        receipt.write(&mut tx, &shown, self.clock()).await?;
        Ok(tx.commit().await?)
    }

    /// Takes the probes of trunks that are due; what this gives, nobody else probes. Tell what came of each by
    /// [`Engine::probed`].
    pub async fn take_probes(&self) -> Result<Vec<(TrunkId, TrunkConfig)>> {
        let now = Clock::now(self.clock());
        let is_probe = |state| matches!(state, BrakeState::Paused | BrakeState::Probing);
        let mut tx = self.0.store.read().await?;
        let due = tx.due_trunks(now).await?;
        tx.commit().await?;
        if !due.iter().any(|trunk| is_probe(trunk.state)) {
            return Ok(Vec::new());
        }
        let mut tx = self.0.store.write().await?;
        let ids = due.iter().filter(|trunk| is_probe(trunk.state)).map(|trunk| trunk.trunk_id.uuid());
        let mut changes = Changes::lock(&mut tx, ids.collect()).await?;
        let mut taken = Vec::new();
        for trunk in due {
            if changes.healths.get_mut(&trunk.trunk_id).is_some_and(|health| health.take_probe(now)) {
                taken.push((trunk.trunk_id, trunk.config));
            }
        }
        changes.write(&mut tx, now).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// What came of a probe: the far end is there, or why it is not.
    pub async fn probed(&self, trunk: TrunkId, answer: std::result::Result<(), &str>) -> Result<()> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        let mut changes = Changes::lock(&mut tx, [trunk.uuid()].into()).await?;
        if let Some(health) = changes.healths.get_mut(&trunk) {
            health.probed(answer, now);
        }
        changes.write(&mut tx, now).await?;
        Ok(tx.commit().await?)
    }

    /// Lets a call go on trial where a trunk waits for one. Gives how many were offered one.
    pub async fn offer_trials(&self) -> Result<usize> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.read().await?;
        let due = tx.due_trunks(now).await?;
        tx.commit().await?;
        let waiting: BTreeSet<Uuid> =
            due.iter().filter(|t| t.state == BrakeState::Trial).map(|t| t.trunk_id.uuid()).collect();
        if waiting.is_empty() {
            return Ok(0);
        }
        let mut tx = self.0.store.write().await?;
        let mut changes = Changes::lock(&mut tx, waiting).await?;
        let mut offered = 0;
        for (trunk, health) in &mut changes.healths {
            if health.wants_trial() && health.until <= now {
                health.until = now + brake::OFFER_AGAIN;
                offered += tx.let_go(*trunk, 1, now).await? as usize;
            }
        }
        changes.write(&mut tx, now).await?;
        tx.commit().await?;
        Ok(offered)
    }

    /// The phone of a call on trial rings: its trunk works. Of any other call this changes nothing.
    pub async fn trial_passed(&self, trunk: TrunkId, call: CallId) -> Result<()> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        let mut changes = Changes::lock(&mut tx, [trunk.uuid()].into()).await?;
        if let Some(health) = changes.healths.get_mut(&trunk)
            && health.trial == Some(call.uuid())
        {
            let report = Report { call: call.uuid(), begun: Some(now), evidence: Evidence::Fine, reason: "" };
            health.hear(report, 0, now);
        }
        changes.write(&mut tx, now).await?;
        Ok(tx.commit().await?)
    }

    /// Sends a call back whose trunk rests. Nothing is consumed.
    pub async fn wait_for_trunk(&self, dial: &Dial) -> Result<()> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        // Held before the trunk is looked at: if it opens meanwhile, either it lets this call go or this sees that it is open.
        tx.lock_waiting_calls(&[dial.id.uuid()]).await?;
        let health = tx.trunk_health(&[dial.trunk_id.uuid()]).await?.pop().map(TrunkHealth::health);
        let at = health.filter(|health| !health.is_open()).map_or(now, |health| health.held_until(now));
        let recipients = tx.hold_for_trunk(dial.trunk_id, &[dial.id.uuid()], at).await?;
        tx.hold_recipients(&recipients, Hold::Trunk).await?;
        Ok(tx.commit().await?)
    }

    /// There is no way to the trunk of this call, found out before anything was sent. It comes back; nothing is consumed.
    pub async fn unplaced(&self, dial: &Dial, ending: &Ending) -> Result<()> {
        let now = Clock::now(self.clock());
        let mut tx = self.0.store.write().await?;
        tx.lock_waiting_calls(&[dial.id.uuid()]).await?;
        let word = Word { trunk: dial.trunk_id, call: dial.id, begun: Some(now), ending };
        let rests = hear(&mut tx, &[word], now).await?.contains(&dial.trunk_id);
        let at = now + if rests { brake::HELD_FOR } else { brake::rest(1) };
        let recipients = tx.hold_for_trunk(dial.trunk_id, &[dial.id.uuid()], at).await?;
        tx.hold_recipients(&recipients, Hold::Trunk).await?;
        Ok(tx.commit().await?)
    }
}
