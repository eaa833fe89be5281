//! Calls per second and live calls, measured at the far end of the trunk and in the calls' own times.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::JoinHandle;

use crate::{
    operator::{Operator, numbers, time},
    support::{SOON, pair::Pair},
    witness::{Carrier, WitnessFile},
};

const PER_SECOND: usize = 20;
const LIVE: usize = 5;
const PEOPLE: u32 = 200;
/// A call is placed in time, exactly (the tests of `fleet` hold that, and the one below). What is measured here is something else:
/// a session starts when that is written down, up to a quarter of a second before, and the other side stamps a call when it gets to
/// it. On a machine that is busy with other tests all that may take a second, so a window may see the calls of a second
/// before it. Two workers that each keep the pace for themselves show twice as many as allowed, far beyond that in the
/// longer windows.
const LATE: usize = PER_SECOND;
/// Windows to look at, in seconds. The longest is half as long as the list lasts.
const WINDOWS: [i64; 3] = [1, 3, 5];

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_in_one_process() {
    let pair = Pair::embedded();
    let system = pair.start(&[]).await;
    measure(&Operator::new(&system.api)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_across_two_workers() {
    let pair = Pair::fleet().await;
    let system = pair.start(&[]).await;
    let second = pair.spawn(&["worker"], &[]);
    second.wait_line("ready", SOON).await;
    measure(&Operator::new(&system.api)).await;
}

/// However long it takes to write down that a call begins, the carrier sees no second with more than agreed.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_database_does_not_bunch_calls() {
    let (pair, witness) = (Pair::fleet().await, WitnessFile::new());
    let env = [("RINGFLEET_WORKER__WITNESS", witness.path())];
    let system = pair.start(&env).await;
    let second = pair.spawn(&["worker"], &env);
    second.wait_line("ready", SOON).await;
    let operator = Operator::new(&system.api);
    let limits = json!({"limits": {"callsPerSecond": 10}});
    let trunk = operator.simulated_trunk(10, 10, limits).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    campaign.add(&numbers(100, 1)).await;
    let slow = slow_down(&pair).await;
    campaign.act("start").await;
    campaign.finished().await;
    slow.abort();
    let placed: Vec<Value> =
        witness.events().into_iter().filter(|event| event["event"] == "placed").collect();
    let placed = times(&placed, "at");
    assert_eq!(placed.len(), 100);
    // The carrier notes a call when the machine lets it.
    let most = most_within(&placed, TimeDelta::milliseconds(950));
    let (second, took) = (most_within(&placed, TimeDelta::seconds(1)), placed[99] - placed[0]);
    println!("at most {second} in a second, 100 in {} ms", took.num_milliseconds());
    assert!(most <= 10, "{most} calls in less than a second: {placed:?}");
}

/// Keeps everybody else from writing calls, again and again, for up to two tenths of a second.
async fn slow_down(pair: &Pair) -> JoinHandle<()> {
    let Pair::Fleet { database_url, .. } = pair else { panic!("a file has no locks to take") };
    let mut hand = PgConnection::connect(database_url).await.expect("the server runs");
    tokio::spawn(async move {
        for nth in 0.. {
            let hold = 0.001 * f64::from(nth * 73 % 200);
            let held = format!(
                "BEGIN; LOCK TABLE calls IN SHARE MODE; SELECT pg_sleep({hold}); COMMIT; SELECT pg_sleep(0.02)"
            );
            sqlx::raw_sql(AssertSqlSafe(held))
                .execute(&mut hand)
                .await
                .expect("the lock is free now and then");
        }
    })
}

async fn measure(operator: &Operator) {
    // Five calls of a quarter of a second allow just 20 in a second: either limit may be the one that holds.
    let carrier = Carrier::start(&["--ring-ms", "50", "--talk-ms", "200"]).await;
    let trunk = operator.sip_trunk(carrier.addr, json!({})).await;
    let limits = json!({"callsPerSecond": PER_SECOND, "maxLiveCalls": LIVE});
    let both = operator.campaign(&trunk, json!({"limits": limits})).await;
    let paced_trunk = json!({"limits": {"callsPerSecond": PER_SECOND}});
    let paced_trunk = operator.simulated_trunk(10, 10, paced_trunk).await;
    let paced = operator.campaign(&paced_trunk, json!({})).await;
    for campaign in [&both, &paced] {
        campaign.add(&numbers(PEOPLE, 1)).await;
        campaign.act("start").await;
    }
    for campaign in [&both, &paced] {
        assert_eq!(campaign.finished().await["calls"]["byOutcome"]["ANSWERED"], PEOPLE);
        paced_evenly(&times(&campaign.sessions().await, "startedAt"));
    }
    let records = carrier.records().await;
    paced_evenly(&times(&records, "startedAt"));
    let most = most_at_once(&records);
    assert!(most <= LIVE, "{most} calls were live at once at the carrier");
}

/// These times, earliest first.
fn times(items: &[Value], field: &str) -> Vec<DateTime<Utc>> {
    let mut times: Vec<_> = items.iter().map(|item| time(&item[field])).collect();
    times.sort();
    times
}

/// No window has seen more calls than allowed.
fn paced_evenly(begun: &[DateTime<Utc>]) {
    for seconds in WINDOWS {
        let (most, allowed) =
            (most_within(begun, TimeDelta::seconds(seconds)), PER_SECOND * seconds as usize);
        assert!(most <= allowed + LATE, "{most} calls began within {seconds} s, {allowed} are allowed");
    }
}

fn most_within(times: &[DateTime<Utc>], window: TimeDelta) -> usize {
    let from = |i: usize| times[i..].iter().take_while(|time| **time - times[i] < window).count();
    (0..times.len()).map(from).max().unwrap_or_default()
}

/// A call that ends in the millisecond in which another begins was not live with it.
fn most_at_once(records: &[Value]) -> usize {
    let (begun, ended) = (times(records, "startedAt"), times(records, "endedAt"));
    let live = |moment: &DateTime<Utc>| {
        let so_far = |times: &[DateTime<Utc>]| times.partition_point(|time| time <= moment);
        so_far(&begun) - so_far(&ended).min(so_far(&begun))
    };
    begun.iter().map(live).max().unwrap_or_default()
}
