//! What an operator would do through the HTTP API, step by step.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::Body;
use serde_json::{Value, json};
use tokio::{fs::File, time::Instant};
use tokio_util::io::{InspectReader, ReaderStream};

use super::{
    DemoArgs,
    client::{ApiError, Campaign, Client, Import, Made, Stats, Webhook},
    receiver::Receiver,
    target::Target,
    view::View,
};
use crate::process::Failure;

/// How often the campaign is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// A campaign in which nothing has happened for so much longer than a call may last will not go on.
const STALLED: Duration = Duration::from_secs(120);
/// Webhooks that have not come so long after the one before will not come; the first retry is after 5 s.
const SILENT: Duration = Duration::from_secs(15);
/// Longest call; a greeting is shorter.
const LONGEST_CALL: Duration = Duration::from_secs(60);
/// Shown to the people called: a number reserved for fiction.
const CALLER_ID: &str = "+12025550100";

/// The operator's list: opened, so that a wrong name is noticed before anything is started.
pub struct List {
    path: PathBuf,
    file: File,
    pub bytes: u64,
}

impl List {
    /// # Errors
    /// When there is no such file, it is a folder, or it may not be read.
    pub async fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |why: &dyn std::fmt::Display| {
            Failure::new(format!("the list {} cannot be read: {why}", path.display()))
        };
        let file = File::open(path).await.map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Failure::new(format!("there is no file {}", path.display())),
            _ => failed(&e),
        })?;
        let about = file.metadata().await.map_err(|e| failed(&e))?;
        match about.is_dir() {
            true => Err(Failure::new(format!("{} is a folder; name a CSV file in it", path.display()))),
            false => Ok(Self { path: path.to_owned(), file, bytes: about.len() }),
        }
    }
}

impl List {
    /// The file.
    pub fn name(&self) -> &Path {
        &self.path
    }
}

/// Makes agent, trunk, webhook and campaign; gives the campaign's id. `more`: the steps of its plan after the calls.
pub async fn prepare(
    client: &Client,
    args: &DemoArgs,
    target: &Target,
    greeting: &str,
    receiver: &Receiver,
    more: Vec<Value>,
) -> Result<String, Failure> {
    let made =
        |what: &'static str| move |e: ApiError| Failure::new(format!("the {what} cannot be made: {e}"));
    let agent = json!({
        "name": "Demo",
        "prompt": "Play the greeting and say goodbye.",
        "greeting": greeting,
        "recording": args.keep, // without --keep nobody could listen to it
    });
    let agent: Made = client.post("/agents", &agent).await.map_err(made("agent"))?;
    let trunk = json!({
        "name": "Demo trunk",
        "kind": "sip",
        "host": target.host,
        "port": target.port,
        "transport": target.transport,
        "callerId": CALLER_ID,
    });
    let trunk: Made = client.post("/trunks", &trunk).await.map_err(made("trunk"))?;
    let webhook: Webhook =
        client.post("/webhooks", &json!({"url": receiver.url()})).await.map_err(made("webhook"))?;
    receiver.trust(&webhook.signing_secret)?;
    let calls = json!({
        "channel": "voice",
        "attempts": 2,
        "retry": {"afterMinutes": 0.05, "backoff": 1, "on": ["UNANSWERED", "REJECTED", "VOICEMAIL", "FAILED"]},
    });
    let channels: Vec<Value> = std::iter::once(calls).chain(more).collect();
    let campaign = json!({
        "name": "Demo",
        "agentId": agent.id,
        "trunkId": trunk.id,
        "channels": channels,
        "schedule": {"window": "always"}, // its phones are at hand, at any hour
        "limits": {"callsPerSecond": args.calls_per_second, "maxLiveCalls": args.live_calls},
        "ringTimeoutSeconds": args.ring_timeout(),
        "maxCallSeconds": longest_call(args).as_secs(),
    });
    let campaign: Made = client.post("/campaigns", &campaign).await.map_err(made("campaign"))?;
    Ok(campaign.id)
}

/// Streams the list in. `column`: the one with the numbers, where it has to be named.
pub async fn import(
    client: &Client,
    campaign: &str,
    list: List,
    column: Option<&str>,
    view: &View,
) -> Result<Import, Failure> {
    let List { path, file, .. } = list;
    let read = Arc::new(AtomicU64::new(0));
    let counter = read.clone();
    let counted = InspectReader::new(file, move |chunk: &[u8]| {
        counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    });
    let (upload_path, stats_path) =
        (format!("/campaigns/{campaign}/recipients/import"), format!("/campaigns/{campaign}/stats"));
    let upload = client.upload::<Import>(&upload_path, column, Body::wrap_stream(ReaderStream::new(counted)));
    tokio::pin!(upload);
    let import = loop {
        tokio::select! {
            import = &mut upload => {
                break import.map_err(|e| refused(&path, e))?;
            }
            () = tokio::time::sleep(LOOK) => {
                // Only for the eye: the upload itself says what went wrong.
                if let Ok(stats) = client.get::<Stats>(&stats_path).await {
                    view.uploading(read.load(Ordering::Relaxed), stats.recipients.total);
                }
            }
        }
    };
    view.imported(&import);
    Ok(import)
}

/// How long an answered call may last.
fn longest_call(args: &DemoArgs) -> Duration {
    LONGEST_CALL + args.greeting()
}

fn refused(list: &Path, error: ApiError) -> Failure {
    // The API speaks of its query parameter; here it is a flag.
    let words = error.to_string().replace("`column`", "--column");
    Failure::new(format!("{} cannot be imported: {words}", list.display()))
}

/// Starts the campaign and watches until it is over; gives the last figures, and why it ended when it did not finish.
pub async fn call(
    client: &Client,
    args: &DemoArgs,
    campaign: &str,
    receiver: &Receiver,
    view: &View,
) -> Result<(Stats, Option<String>), Failure> {
    let path = format!("/campaigns/{campaign}");
    let lost = |e: ApiError| Failure::new(format!("the campaign cannot be watched: {e}"));
    let started = client.post::<Campaign>(&format!("{path}/start"), &json!({})).await;
    started.map_err(|e| Failure::new(format!("the campaign cannot be started: {e}")))?;
    let stalled = STALLED + Duration::from_secs(args.ring_timeout()) + longest_call(args);
    let mut moved = (Instant::now(), None);
    let stats = loop {
        let stats: Stats = client.get(&format!("{path}/stats")).await.map_err(lost)?;
        view.calling(&stats, receiver.received());
        if matches!(stats.status.as_str(), "FINISHED" | "FAILED" | "CANCELLED") {
            break stats;
        }
        let now = Some((stats.recipients.clone(), stats.calls.clone()));
        if moved.1 != now {
            moved = (Instant::now(), now);
        } else if moved.0.elapsed() > stalled {
            let (done, total) = (stats.recipients.done, stats.recipients.total);
            return Err(Failure::new(format!(
                "nothing has happened for {} minutes; {done} of {total} recipients are done and the campaign is {}",
                stalled.as_secs() / 60,
                stats.status,
            )));
        }
        tokio::time::sleep(LOOK).await;
    };
    let campaign: Campaign = client.get(&path).await.map_err(lost)?;
    let reason = campaign.reason.filter(|_| campaign.status != "FINISHED");
    Ok((stats, reason))
}

/// Waits for the webhooks of a finished campaign; false when some have not come.
pub async fn hear_all(receiver: &Receiver, stats: &Stats, view: &View) -> bool {
    let mut moved = (Instant::now(), receiver.received());
    loop {
        let received = receiver.received();
        view.calling(stats, received);
        if received.tells_all_of(stats.calls.ended) {
            return true;
        }
        if received != moved.1 {
            moved = (Instant::now(), received);
        } else if moved.0.elapsed() > SILENT {
            return false;
        }
        tokio::time::sleep(LOOK / 4).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_list_that_cannot_be_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = List::open(&folder.path().join("none.csv")).await.err().unwrap().to_string();
        assert!(missing.contains("there is no file") && missing.contains("none.csv"), "{missing}");
        let folder = List::open(folder.path()).await.err().unwrap().to_string();
        assert!(folder.contains("is a folder"), "{folder}");
    }
}
