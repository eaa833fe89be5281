//! `ringfleet bench webhooks`: deliveries per second, and whether bad endpoints delay good ones.

use std::time::Duration;

use clap::Args;
use ringfleet_core::{
    DeliveryId, EventId, WebhookId, catalogue, clock::Stopwatch, event, event::EventType, signing::Secret,
};
use ringfleet_engine::Engine;
use ringfleet_fleet::Lane;
use ringfleet_store::{NewDelivery, NewEvent, NewWebhook};
use serde::Serialize;
use tokio::{net::TcpListener, time::MissedTickBehavior};

use super::{Bench, Every, crew::Crew, receiver::Receiver, round};
use crate::process::Failure;

/// How long the slow endpoint takes to answer.
const SLOW: Duration = Duration::from_secs(2);
/// How often events are made while the rate is held.
const TICK: Duration = Duration::from_millis(20);
/// What is not delivered by then is not counted as waiting but as a fault of the bench.
const PATIENCE: Duration = Duration::from_secs(120);
/// Rows in one transaction while the backlog is made.
const PORTION: usize = 5_000;

#[derive(Args)]
pub struct WebhooksArgs {
    /// How many deliveries wait when the clock starts
    #[arg(long, default_value_t = 40_000, value_parser = clap::value_parser!(u64).range(100..=5_000_000))]
    deliveries: u64,
    /// How many good endpoints there are; one in a hundred more is dead, and one slow
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    endpoints: u64,
    /// Deliveries made per second while latency is measured
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    rate: u64,
    /// For how many seconds, twice with and twice without bad endpoints
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    #[command(flatten)]
    pub(super) every: Every,
}

/// The last line of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    deliveries: u64,
    seconds: f64,
    deliveries_per_second: f64,
    healthy_p99_ms: f64,
    healthy_p99_ms_with_bad: f64,
}

/// A backlog first, as fast as it goes; then a steady rate, without bad endpoints and with them.
pub async fn run(bench: &Bench<'_>, args: &WebhooksArgs) -> Result<(), Failure> {
    let watch = Stopwatch::start();
    let good = Receiver::start(watch, Duration::ZERO).await?;
    let slow = Receiver::start(watch, SLOW).await?;
    let dead = TcpListener::bind("127.0.0.1:0").await?; // connections wait in its backlog; it never reads a byte
    let office = Office { bench, watch };
    let healthy = office.endpoints(&good.url, args.endpoints).await?;
    let bad = [format!("http://{}/", dead.local_addr()?), slow.url.clone()];
    let measured = measure(&office, args, &good, &healthy, &bad).await;
    office.close(&healthy).await?;
    let figures = measured?;
    match args.every.json {
        true => println!("{}", serde_json::to_string(&figures)?),
        false => println!(
            "{} deliveries in {} s: {}/s; p99 of good endpoints {} ms, beside bad ones {} ms",
            figures.deliveries,
            figures.seconds,
            figures.deliveries_per_second,
            figures.healthy_p99_ms,
            figures.healthy_p99_ms_with_bad
        ),
    }
    Ok(())
}

async fn measure(
    office: &Office<'_>,
    args: &WebhooksArgs,
    good: &Receiver,
    healthy: &[WebhookId],
    bad: &[String],
) -> Result<Figures, Failure> {
    let backlog = office.backlog(healthy, args.deliveries as usize).await?;
    eprintln!("{} deliveries wait; starting a scheduler and a worker", backlog.len());
    let mut crew = Crew::start(office.bench, &["scheduler", "worker"]).await?;
    crew.ready().await?;
    let work = async {
        let seconds = office.deliver(&backlog, good).await?;
        // In this order, what changes with time (the machine, the size of the tables) bears on both alike.
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        for with_bad in [false, true, true, false] {
            match with_bad {
                false => alone.extend(office.steadily(args, healthy, &[], good).await?),
                true => beside.extend(office.beside(args, healthy, bad, good).await?),
            }
        }
        Ok::<_, Failure>(Figures {
            deliveries: args.deliveries,
            seconds: round(seconds),
            deliveries_per_second: round(args.deliveries as f64 / seconds),
            healthy_p99_ms: round(p99(alone)),
            healthy_p99_ms_with_bad: round(p99(beside)),
        })
    };
    let figures = tokio::select! {
        figures = work => figures?,
        broken = crew.broken() => return Err(broken),
    };
    crew.close().await;
    Ok(figures)
}

/// Makes events for endpoints, and sees them delivered.
struct Office<'a> {
    bench: &'a Bench<'a>,
    watch: Stopwatch,
}

impl Office<'_> {
    fn engine(&self) -> &Engine {
        &self.bench.engine
    }

    async fn endpoints(&self, url: &str, n: u64) -> Result<Vec<WebhookId>, Failure> {
        let mut made = Vec::new();
        let now = self.engine().clock().now();
        // More than a workspace may have.
        let mut tx = self.engine().store().write().await?;
        for _ in 0..n {
            let new = NewWebhook::new(url, &[], &Secret::new(rand::random()));
            made.push(tx.insert_webhook(self.bench.ground.workspace, new, now).await?.id);
        }
        tx.commit().await?;
        Ok(made)
    }

    /// Takes the endpoints away; their secrets are sealed with a key that nobody has after this.
    async fn close(&self, endpoints: &[WebhookId]) -> Result<(), Failure> {
        let mut tx = self.engine().store().write().await?;
        for id in endpoints {
            tx.delete_webhook(self.bench.ground.workspace, *id, None, self.engine().clock().now()).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn backlog(&self, to: &[WebhookId], n: usize) -> Result<Vec<uuid::Uuid>, Failure> {
        let all: Vec<WebhookId> = to.iter().copied().cycle().take(n).collect();
        let mut ids = Vec::with_capacity(n);
        for portion in all.chunks(PORTION) {
            ids.extend(self.write(portion).await?);
        }
        Ok(ids)
    }

    /// One event of its own for each of these endpoints.
    async fn write(&self, to: &[WebhookId]) -> Result<Vec<uuid::Uuid>, Failure> {
        let now = self.engine().clock().now();
        let workspace_id = self.bench.ground.workspace.uuid();
        let mut data = catalogue::sample_data(EventType::SessionEnded);
        let (mut events, mut deliveries) = (Vec::new(), Vec::new());
        for webhook in to {
            data["metadata"] = serde_json::json!({"madeAt": self.watch.elapsed().as_micros() as u64});
            let id = EventId::new(now);
            let body = event::body(id, EventType::SessionEnded, now, event::sequence::ENDED, false, &data);
            events.push(NewEvent {
                id: id.uuid(),
                workspace_id,
                event: EventType::SessionEnded,
                body,
                traceparent: None,
            });
            let id = DeliveryId::new(now).uuid();
            deliveries.push(NewDelivery {
                id,
                workspace_id,
                event_id: events[events.len() - 1].id,
                webhook_id: webhook.uuid(),
            });
        }
        let mut tx = self.engine().store().write().await?;
        tx.insert_events(&events, &deliveries, now).await?;
        tx.commit().await?;
        Ok(deliveries.iter().map(|delivery| delivery.id).collect())
    }

    /// Hands the backlog over, and waits until each of them is recorded as delivered. The database is asked only after all have arrived:
    /// to count them costs it as much as to deliver some.
    async fn deliver(&self, backlog: &[uuid::Uuid], good: &Receiver) -> Result<f64, Failure> {
        let watch = Stopwatch::start();
        for portion in backlog.chunks(PORTION) {
            self.engine().fleet().push(Lane::Deliver, portion).await?;
        }
        arrived(good, backlog.len(), &watch).await?;
        self.until_none_waits(&watch).await?;
        good.taken();
        Ok(watch.elapsed().as_secs_f64())
    }

    async fn until_none_waits(&self, watch: &Stopwatch) -> Result<(), Failure> {
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            let mut tx = self.engine().store().read().await?;
            let left = tx.unfinished().await?.deliveries;
            tx.commit().await?;
            if left == 0 {
                return Ok(());
            }
            if watch.elapsed() > PATIENCE {
                return Err(Failure::new(format!("{left} deliveries are still not made")));
            }
        }
    }

    /// The same beside bad endpoints at these URLs, of which there were none before and are none after it.
    async fn beside(
        &self,
        args: &WebhooksArgs,
        healthy: &[WebhookId],
        bad: &[String],
        good: &Receiver,
    ) -> Result<Vec<Duration>, Failure> {
        let mut endpoints = Vec::new();
        for url in bad {
            endpoints.extend(self.endpoints(url, args.endpoints.div_ceil(100)).await?);
        }
        let latencies = self.steadily(args, healthy, &endpoints, good).await;
        self.close(&endpoints).await?;
        latencies
    }

    /// Makes events at the rate, those of `bad` beside those of the good ones at the same pace for each; gives the time from each event to its
    /// arrival at a good endpoint.
    async fn steadily(
        &self,
        args: &WebhooksArgs,
        healthy: &[WebhookId],
        bad: &[WebhookId],
        good: &Receiver,
    ) -> Result<Vec<Duration>, Failure> {
        let watch = Stopwatch::start();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let all: Vec<WebhookId> = healthy.iter().chain(bad).copied().collect();
        let rate = args.rate as f64 * all.len() as f64 / healthy.len() as f64;
        let (mut turn, mut made) = (all.iter().copied().cycle(), 0_u64);
        while watch.elapsed().as_secs() < args.seconds {
            ticks.tick().await;
            let due = (watch.elapsed().as_secs_f64() * rate) as u64;
            let to: Vec<WebhookId> = turn.by_ref().take((due - made) as usize).collect();
            made = due;
            if !to.is_empty() {
                let ids = self.write(&to).await?;
                self.engine().fleet().push(Lane::Deliver, &ids).await?;
            }
        }
        let expected = (0..made as usize).filter(|n| n % all.len() < healthy.len()).count();
        arrived(good, expected, &watch).await?;
        Ok(good.taken())
    }
}

/// Waits until so many have come to the good endpoints.
async fn arrived(good: &Receiver, n: usize, watch: &Stopwatch) -> Result<(), Failure> {
    while good.latencies.lock().len() < n {
        if watch.elapsed() > PATIENCE {
            return Err(Failure::new("good endpoints did not get what was theirs"));
        }
        tokio::time::sleep(TICK).await;
    }
    Ok(())
}

/// The 99th percentile, in milliseconds.
fn p99(mut latencies: Vec<Duration>) -> f64 {
    latencies.sort_unstable();
    let at = (latencies.len() * 99).div_ceil(100).saturating_sub(1);
    latencies.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_percentile_is_the_99th_of_a_hundred() {
        assert_eq!(p99((1..=100).rev().map(Duration::from_millis).collect()), 99.0);
        assert_eq!(p99(vec![Duration::from_millis(7)]), 7.0);
        assert_eq!(p99(Vec::new()), 0.0);
    }
}
