//! Quotas of callers, on both backends.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests are tests

mod common;

use std::time::Duration;

use common::{Rig, brisk, eventually};
use ringfleet_core::quota::Quota;

#[tokio::test(flavor = "multi_thread")]
async fn all_processes_count_together() {
    Rig::on_both(brisk(), |rig| async move {
        let (here, there) = (rig.fleet.quotas().clone(), rig.worker().await);
        let quota = Quota::new(1, 4); // none comes back within the test
        let mut left = Vec::new();
        for n in 0..6 {
            let quotas = if n % 2 == 0 { &here } else { there.quotas() };
            let taken = quotas.take("a", quota).await;
            left.push((taken.allowed, taken.remaining));
        }
        assert_eq!(left, [(true, 3), (true, 2), (true, 1), (true, 0), (false, 0), (false, 0)]);
        let refused = here.take("a", quota).await;
        let minute = Duration::from_secs(60);
        assert!(refused.retry_after > minute / 2 && refused.retry_after <= minute, "{refused:?}");
        assert!(refused.reset > minute * 3 && refused.reset <= minute * 4, "{refused:?}");
        assert!(here.take("b", quota).await.allowed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_comes_back() {
    Rig::on_both(brisk(), |rig| async move {
        let quota = Quota::new(1_200, 2); // one every 50 ms
        let take = || async { rig.fleet.quotas().take("a", quota).await.allowed };
        while take().await {}
        eventually("one comes back", take).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_process_counts_by_itself() {
    let mut rig = Rig::redis(brisk()).await;
    let quota = Quota::new(1, 2);
    assert!(rig.fleet.quotas().take("a", quota).await.allowed);
    rig.redis.as_mut().expect("this one has a Redis").kill();
    let mut allowed = 0;
    for _ in 0..5 {
        allowed += usize::from(rig.fleet.quotas().take("a", quota).await.allowed);
    }
    assert_eq!(allowed, 2, "its own burst, and no more");
}
