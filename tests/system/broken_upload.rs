//! Uploads that break off: what came through is kept, and the list can be sent again.

use std::time::Duration;

use axum::http::Method;
use reqwest::Body;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt, DuplexStream},
    task::JoinHandle,
};
use tokio_util::io::ReaderStream;

use crate::{
    database::Database,
    on_both_pairs,
    operator::{Campaign, Operator, number, numbers, text},
    support::{SOON, api::Api, eventually, pair::Pair},
};

/// Half of them are more than PostgreSQL takes in one portion.
const ROWS: u32 = 24_000;

/// Longer than a silent import is taken for alive.
const GIVEN_UP: Duration = Duration::from_secs(120);

/// The list as a file.
fn list() -> String {
    let rows = numbers(ROWS, 1).into_iter().map(|number| format!("{number},Ann\n"));
    std::iter::once("phone,name\n".to_owned()).chain(rows).collect()
}

/// An upload that stands still after half of the list, and has got that far.
struct HalfAnUpload {
    pipe: DuplexStream,
    request: JoinHandle<reqwest::Result<u16>>,
}

impl HalfAnUpload {
    async fn start(campaign: &Campaign) -> Self {
        let (mut pipe, body) = tokio::io::duplex(64 * 1024);
        let path = format!("/api/v1/campaigns/{}/recipients/import", campaign.id);
        let request = campaign.operator.api.request(Method::POST, &path);
        let request =
            request.header("content-type", "text/csv").body(Body::wrap_stream(ReaderStream::new(body)));
        let request = tokio::spawn(async move { Ok(request.send().await?.status().as_u16()) });
        let list = list();
        pipe.write_all(&list.as_bytes()[..list.len() / 2]).await.expect("the server reads");
        campaign.until("some rows are in", |stats| number(&stats["recipients"]["total"]) > 0).await;
        assert!(!request.is_finished(), "half of a list is no list");
        Self { pipe, request }
    }
}

/// The whole list once more: what is in already is listed as such, and then everybody is in once.
async fn repeat(campaign: &Campaign) {
    let import = campaign.import(&list()).await;
    assert_eq!((text(&import["status"]), number(&import["rows"])), ("FINISHED", u64::from(ROWS)), "{import}");
    let (accepted, rejected) = (number(&import["accepted"]), number(&import["rejected"]));
    assert!(accepted > 0 && rejected > 0 && accepted + rejected == u64::from(ROWS), "{import}");
    assert_eq!(campaign.stats().await["recipients"]["total"], ROWS);
    let errors = format!("/api/v1/imports/{}/errors.csv", text(&import["id"]));
    let (_, errors) = campaign.operator.api.get_text(&errors).await;
    assert_eq!(errors.matches("duplicate_in_campaign").count() as u64, rejected);
}

async fn until_imports_are(pair: &Pair, expected: &[&str]) {
    let database = Database::of(pair).await;
    let query = "SELECT state FROM imports ORDER BY id";
    let what = format!("the imports are {expected:?}");
    eventually(GIVEN_UP, &what, async || (database.column(query).await == expected).then_some(())).await;
}

on_both_pairs!(a_client_that_goes_away_leaves_a_failed_import, client_goes);

async fn client_goes(pair: Pair) {
    let system = pair.start(&[]).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(10, 10, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    let upload = HalfAnUpload::start(&campaign).await;
    // Its pipe stays open meanwhile: the end of it could reach the server as the end of the list.
    upload.request.abort();
    until_imports_are(&pair, &["FAILED"]).await;
    drop(upload.pipe);
    repeat(&campaign).await;
    assert_eq!(campaign.act("start").await["status"], "IN_PROGRESS");
    assert_eq!(campaign.act("cancel").await["status"], "CANCELLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_server_dies_can_be_repeated() {
    let pair = Pair::fleet().await;
    let env = [("RINGFLEET_SCHEDULER__HOUSEKEEPING", "* * * * * *")];
    let system = pair.start(&env).await;
    let operator = Operator::new(&system.api);
    let trunk = operator.simulated_trunk(10, 10, json!({})).await;
    let campaign = operator.campaign(&trunk, json!({})).await;
    let upload = HalfAnUpload::start(&campaign).await;

    system.scheduler.as_ref().expect("a scheduler of its own").kill9();
    let scheduler = pair.spawn(&["scheduler"], &env);
    scheduler.wait_line("ready", SOON).await;
    let refusal = start(&campaign).await;
    assert_eq!((refusal.0, text(&refusal.1["meta"]["code"])), (409, "IMPORT_RUNNING"));
    system.server.kill9();
    let ended = upload.request.await.expect("it is not aborted");
    assert!(ended.is_err(), "the client hears of it: {ended:?}");

    let server = pair.spawn(&["api", "--listen", "127.0.0.1:0"], &env);
    let base = server.wait_line("listening on ", SOON).await;
    let api = Api::new(&base, &pair.key("test", "admin").await);
    let campaign = Campaign { operator: Operator::new(&api), id: campaign.id };
    repeat(&campaign).await;
    until_imports_are(&pair, &["FAILED", "FINISHED"]).await;
    assert_eq!(start(&campaign).await.0, 200);
    campaign.act("cancel").await;
}

async fn start(campaign: &Campaign) -> (u16, Value) {
    campaign.operator.api.post(&format!("/api/v1/campaigns/{}/start", campaign.id), &json!({})).await
}
