//! Redis flushed or killed, PostgreSQL restarted, in mid-campaign: it costs seconds, never a recipient, a call or a webhook.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    operator::{Campaign, Operator, PATIENCE, numbers, text},
    support::{
        eventually,
        pair::{Pair, System},
        postgres::Postgres,
        receiver::Receiver,
        redis::Redis,
    },
    witness::{WitnessFile, count},
};

const PEOPLE: u32 = 250;

/// A campaign that calls 25 in a second, with a witness and a webhook receiver.
struct Scene {
    system: System,
    campaign: Campaign,
    receiver: Receiver,
    witness: WitnessFile,
}

impl Scene {
    async fn start(pair: &Pair) -> Self {
        let (receiver, witness) = (Receiver::start().await, WitnessFile::new());
        let system = pair.start(&[("RINGFLEET_WORKER__WITNESS", witness.path())]).await;
        let operator = Operator::new(&system.api);
        operator.webhook(&receiver.url("/hook"), &["session.ended"]).await;
        let trunk = operator.simulated_trunk(30, 100, json!({"limits": {"callsPerSecond": 25}})).await;
        let campaign = operator.campaign(&trunk, json!({})).await;
        campaign.add(&numbers(PEOPLE, 1)).await;
        campaign.act("start").await;
        Self { system, campaign, receiver, witness }
    }

    /// Everybody was called once and reached, and everybody's webhook has come.
    async fn check(self) {
        let stats = self.campaign.finished().await;
        assert_eq!(stats["recipients"]["byDisposition"]["REACHED"], PEOPLE, "{stats}");
        assert_eq!(self.witness.calls(), count(numbers(PEOPLE, 1)), "everybody was called once");
        let people = |received: &[_]| called(received).len();
        let received = self.receiver.wait_for(|received| people(received) == PEOPLE as usize, PATIENCE).await;
        let told = numbers(PEOPLE, 1).into_iter().collect::<BTreeSet<_>>();
        assert_eq!(called(&received), told, "everybody's webhook came");
        drop(self.system);
    }
}

fn called(received: &[crate::support::receiver::Received]) -> BTreeSet<String> {
    received.iter().map(|one| text(&one.json()["data"]["to"]).to_owned()).collect()
}

fn redis(pair: &Pair) -> &Redis {
    match pair {
        Pair::Fleet { redis, .. } => redis,
        Pair::Embedded(_) => panic!("the embedded pair has no Redis"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_be_flushed_in_mid_campaign() {
    let pair = Pair::fleet().await;
    let scene = Scene::start(&pair).await;
    for ended in [25, 75, 150] {
        scene.campaign.until_ended(ended).await;
        redis(&pair).flushall().await;
    }
    scene.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_die_in_mid_campaign() {
    let pair = Pair::fleet().await;
    let scene = Scene::start(&pair).await;
    scene.campaign.until_ended(25).await;
    redis(&pair).kill9();
    let ready = "/readyz";
    let answer = eventually(PATIENCE, "the server notices", async || {
        Some(scene.system.api.get(ready).await).filter(|(status, _)| *status == 503)
    })
    .await;
    let checks = &answer.1["checks"];
    assert_eq!((&checks["database"], &checks["schema"]), (&json!("ok"), &json!("ok")), "{checks}");
    assert_eq!(scene.system.api.get("/healthz").await.0, 200);
    // Lists, figures and a pause need no Redis.
    assert_eq!(scene.campaign.act("pause").await["status"], "PAUSED");
    assert_eq!(scene.campaign.act("start").await["status"], "IN_PROGRESS");
    redis(&pair).restart().await;
    eventually(PATIENCE, "the server is ready again", async || {
        (scene.system.api.get(ready).await.0 == 200).then_some(())
    })
    .await;
    scene.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_may_restart_in_mid_campaign() {
    let postgres = Postgres::start().await;
    let pair = Pair::Fleet { database_url: postgres.fresh_database().await, redis: Redis::start().await };
    let scene = Scene::start(&pair).await;
    scene.campaign.until_ended(25).await;
    postgres.stop();
    let (status, answer) = scene.system.api.get("/api/v1/campaigns").await;
    assert_eq!((status, &answer["meta"]["code"]), (503, &Value::from("UNAVAILABLE")), "{answer}");
    postgres.restart().await;
    eventually(PATIENCE, "the server is ready again", async || {
        (scene.system.api.get("/readyz").await.0 == 200).then_some(())
    })
    .await;
    scene.check().await;
}
