//! Who is first in line gets the next room there is, in whichever process it becomes free.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests are tests

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{
    Rig, brisk, eventually,
    need::{PATIENT, live, permit, rate},
};
use ringfleet_fleet::{Fleet, Limit};
use tokio::{task::JoinSet, time::sleep};

/// How long a campaign's call lasts. What begins while the machine is busy with others is counted too, so it must not be
/// much.
const TALK: Duration = Duration::from_secs(1);

/// How long it takes to begin a single call.
const LEAD: Duration = Duration::from_millis(20);

/// Campaigns that call without end over one trunk, in several processes; the number of calls they have begun.
async fn campaigns(rig: &Rig, trunk: &Limit, calling: &mut JoinSet<()>) -> Arc<AtomicUsize> {
    let begun = Arc::new(AtomicUsize::new(0));
    for campaign in 0..4 {
        let fleet: Fleet = rig.worker().await;
        for _ in 0..8 {
            let limits = [trunk.clone(), live(&format!("campaign-{campaign}"), 1_000)];
            let (fleet, begun) = (fleet.clone(), begun.clone());
            calling.spawn(async move {
                loop {
                    let permit = permit(fleet.limits().acquire(&limits, PATIENT).await);
                    begun.fetch_add(1, Ordering::SeqCst);
                    sleep(TALK).await;
                    drop(permit);
                }
            });
        }
    }
    eventually("the campaigns call", || async { begun.load(Ordering::SeqCst) > 8 }).await;
    begun
}

async fn overtakes(trunk: Limit, most: usize) {
    Rig::on_both(brisk(), |rig| {
        let trunk = trunk.clone();
        async move {
            let mut calling = JoinSet::new();
            let begun = campaigns(&rig, &trunk, &mut calling).await;
            let single = rig.worker().await;
            for _ in 0..5 {
                let before = begun.load(Ordering::SeqCst);
                drop(permit(
                    single.limits().acquire_first(std::slice::from_ref(&trunk), LEAD, PATIENT).await,
                ));
                let overtaken_by = begun.load(Ordering::SeqCst) - before;
                assert!(overtaken_by <= most, "{overtaken_by} calls of campaigns went before it");
            }
            let before = begun.load(Ordering::SeqCst);
            eventually("the campaigns go on", || async { begun.load(Ordering::SeqCst) > before + 8 }).await;
            calling.shutdown().await;
        }
    })
    .await;
}

/// Places that were granted already may be taken up while it waits: at most all of them, once. On a busy machine those of
/// another second go by before it is in line.
#[tokio::test(flavor = "multi_thread")]
async fn on_a_trunk_whose_places_are_taken() {
    overtakes(live("trunk", 6), 12).await;
}

/// The next one, and those of a second in which the machine was busy with others.
#[tokio::test(flavor = "multi_thread")]
async fn on_a_trunk_at_its_pace() {
    overtakes(rate("trunk", 4.0), 5).await;
}
