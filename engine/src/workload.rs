//! How much there is to do and how many there are to do it: what workers are scaled by.

use ringfleet_fleet::Backlog;
use ringfleet_telemetry::{FLEET_CAPACITY, FLEET_LIVE, LANE_AGE, LANE_JOBS, Reading, WORKERS};

use crate::{Engine, Result};

/// The fleet at one moment. Nothing of any workspace is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// How full every lane is.
    pub lanes: Vec<Backlog>,
    /// Workers that take jobs.
    pub ready: u32,
    /// Workers that take none any more.
    pub draining: u32,
    /// Places for calls that are taken, in all of them.
    pub live: u32,
    /// Calls that those who take jobs can have live at once.
    pub capacity: u32,
}

impl Engine {
    /// How much there is to do and how many there are to do it.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn workload(&self) -> Result<Workload> {
        let lanes = self.0.fleet.lanes().await?;
        let mut members = self.0.fleet.presence().members().await?;
        members.retain(|member| member.role == "worker");
        let (draining, ready): (Vec<_>, Vec<_>) = members.iter().partition(|member| member.draining);
        Ok(Workload {
            lanes,
            ready: ready.len() as u32,
            draining: draining.len() as u32,
            live: members.iter().map(|member| member.live).sum(),
            capacity: ready.iter().map(|member| member.capacity).sum(),
        })
    }
}

impl Workload {
    /// The same for Prometheus.
    pub fn readings(&self) -> Vec<Reading> {
        let jobs = |lane: &Backlog| {
            let of = |state, jobs| LANE_JOBS.reading([lane.lane.as_str(), state], jobs as f64);
            [of("waiting", lane.waiting), of("in_hand", lane.in_hand)]
        };
        let age = |lane: &Backlog| {
            LANE_AGE.reading([lane.lane.as_str()], lane.oldest.map_or(0.0, |oldest| oldest.as_secs_f64()))
        };
        let workers = [("ready", self.ready), ("draining", self.draining)];
        let workers = workers.map(|(state, n)| WORKERS.reading([state], n.into()));
        let calls =
            [FLEET_LIVE.reading([], self.live.into()), FLEET_CAPACITY.reading([], self.capacity.into())];
        let lanes = self.lanes.iter().flat_map(jobs).chain(self.lanes.iter().map(age));
        lanes.chain(workers).chain(calls).collect()
    }
}
