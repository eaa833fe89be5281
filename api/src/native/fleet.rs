//! The fleet: its workers and what waits for them, of all workspaces together.

use ringfleet_core::{WorkerId, id::WorkerKind};
use ringfleet_engine::{FleetNow, WorkerNow};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    change::Answer,
    envelope::{Moment, Reply},
    error::Result,
    json::NoBody,
    path::PathId,
};

/// The fleet at one moment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Fleet)]
pub(super) struct View {
    /// The version of the server that answers.
    version: &'static str,
    /// Whether several processes share the work, or one does all of it.
    mode: Mode,
    workers: Vec<Worker>,
    lanes: Vec<Lane>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = FleetMode)]
enum Mode {
    Alone,
    Fleet,
}

/// A process that places calls and sends webhooks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FleetWorker)]
pub(super) struct Worker {
    id: WorkerId,
    version: String,
    /// Calls on the line, and calls that can be.
    live: u32,
    capacity: u32,
    /// It takes no calls: somebody has asked it to drain, or it is about to end.
    draining: bool,
    /// Somebody has asked it to drain.
    asked_to_drain: bool,
    started_at: Moment,
}

/// Jobs that wait for workers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FleetLane)]
struct Lane {
    lane: &'static str,
    waiting: u64,
    in_hand: u64,
    /// How long the first of those that wait has done so.
    oldest_seconds: Option<f64>,
}

impl From<WorkerNow> for Worker {
    fn from(worker: WorkerNow) -> Self {
        let WorkerNow { id, version, live, capacity, draining, asked_to_drain, started_at } = worker;
        Self { id, version, live, capacity, draining, asked_to_drain, started_at: started_at.into() }
    }
}

impl From<FleetNow> for View {
    fn from(fleet: FleetNow) -> Self {
        let lanes = fleet.lanes.into_iter().map(|lane| Lane {
            lane: lane.lane.as_str(),
            waiting: lane.waiting,
            in_hand: lane.in_hand,
            oldest_seconds: lane.oldest.map(|age| age.as_secs_f64()),
        });
        Self {
            version: env!("CARGO_PKG_VERSION"),
            mode: if fleet.is_shared { Mode::Fleet } else { Mode::Alone },
            lanes: lanes.collect(),
            workers: fleet.workers.into_iter().map(Worker::from).collect(),
        }
    }
}

/// `GET /fleet`: workers and lanes.
pub(super) async fn show(door: Allowed<may::SeeFleet>) -> Result<Reply<View>> {
    Ok(Reply::ok(door.engine().fleet_now().await?.into()))
}

/// `POST /fleet/workers/:id/drain`: it takes no more calls; those on the line go on.
pub(super) async fn drain(
    door: Allowed<may::RunFleet>,
    PathId(id): PathId<WorkerKind>,
    _: NoBody,
) -> Result<Answer<Worker>> {
    ask(door, id, true).await
}

/// `POST /fleet/workers/:id/resume`: it takes calls again.
pub(super) async fn resume(
    door: Allowed<may::RunFleet>,
    PathId(id): PathId<WorkerKind>,
    _: NoBody,
) -> Result<Answer<Worker>> {
    ask(door, id, false).await
}

async fn ask(door: Allowed<may::RunFleet>, id: WorkerId, drains: bool) -> Result<Answer<Worker>> {
    let noted = if drains { "worker.drain" } else { "worker.resume" };
    let mut change = door.change(noted, move |worker: &WorkerNow| {
        Reply::ok(Worker::from(worker.clone())).about(id).with_detail(json!({}))
    });
    let receipt = change.receipt();
    change.engine().drain_worker(id, drains, receipt).await?;
    change.answer()
}
