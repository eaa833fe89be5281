//! `ringfleet campaign import`: sends a list in parts, waits until it has been looked through, and has it fill the campaign.

use std::{collections::BTreeMap, io::SeekFrom, path::Path, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Method;
use ringfleet_core::CampaignId;
use serde_json::{Value, json};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};

use super::{
    ImportArgs,
    server::{Answer, Server, Trouble, patiently, read},
};
use crate::process::Failure;

/// Bytes sent in one request.
const PART: usize = 4 << 20;
/// How often somebody asks how far it has come.
const LOOK: Duration = Duration::from_millis(500);
/// How long one part may take: 7 kB a second are enough.
const SLOWEST: Duration = Duration::from_secs(600);
/// So often a part may get nowhere, with a wait in between, before the command gives up.
const FRUITLESS: u32 = 5;
const REST: Duration = Duration::from_secs(2);

/// Sends the file, and waits until its rows are in.
pub async fn run(server: &Server, args: ImportArgs, json: bool) -> Result<(), Failure> {
    let named = |e: std::io::Error| Failure::during(&args.file.display().to_string(), e);
    let mut file = File::open(&args.file).await.map_err(named)?;
    let found = file.metadata().await.map_err(named)?;
    if !found.is_file() {
        // Parts are read again from where the server wants them.
        let why = "is not a file; save the list as one first";
        return Err(Failure::new(format!("{} {why}", args.file.display())));
    }
    let bytes = found.len();
    // A wrong id is found before a large file has gone its way.
    server.get(&format!("/campaigns/{}", args.campaign)).await?;
    let upload = begin(server, &args, bytes).await?;
    if !json {
        eprintln!("upload {upload}; if this is interrupted, go on with --resume {upload}");
    }
    let bar = bar(bytes, "{bytes}/{total_bytes} sent, {bytes_per_sec}", json);
    send(server, &upload, &mut file, &bar, &args.file).await?;
    bar.finish_and_clear();
    let found = looked_through(server, &upload, bytes, json).await?;
    let import = fill(server, args.campaign, &upload, &found, json).await?;
    tell(&import, json);
    match import["status"].as_str() {
        Some("FINISHED") if import["accepted"] == 0 && import["rejected"] != 0 => {
            Err(Failure::new("no row of the list was accepted"))
        }
        Some("FINISHED") => Ok(()),
        _ => Err(Failure::new(format!("the import failed: {}", text(&import["error"])))),
    }
}

/// Begins an upload, or finds the one to go on with.
async fn begin(server: &Server, args: &ImportArgs, bytes: u64) -> Result<String, Failure> {
    let found = match &args.resume {
        Some(id) => {
            let found = server.get(&format!("/uploads/{id}")).await?.data;
            if found["bytes"].as_u64().is_some_and(|there| there != bytes) {
                let there = &found["bytes"];
                return Err(Failure::new(format!(
                    "the upload {id} is of a file of {there} bytes, this one has {bytes}"
                )));
            }
            found
        }
        None => {
            let rename: BTreeMap<_, _> = args.rename.iter().cloned().collect();
            let mapping = json!({"number": args.column, "timezone": args.timezone, "rename": rename, "ignore": args.ignore});
            let filename = args.file.file_name().map(|name| name.to_string_lossy().into_owned());
            let body = json!({"filename": filename, "bytes": bytes, "mapping": mapping});
            server.post("/uploads", &body).await?.data
        }
    };
    Ok(text(&found["id"]).to_owned())
}

/// Sends what the server has not got; after a lost connection it is asked how much that is.
async fn send(
    server: &Server,
    upload: &str,
    file: &mut File,
    bar: &ProgressBar,
    path: &Path,
) -> Result<(), Failure> {
    let named = |e: std::io::Error| Failure::during(&path.display().to_string(), e);
    let mut state = server.get(&format!("/uploads/{upload}")).await?.data;
    let (mut furthest, mut fruitless) = (0, 0);
    while state["status"] == "RECEIVING" {
        let offset = state["offset"].as_u64().unwrap_or_default();
        if offset > furthest {
            (furthest, fruitless) = (offset, 0);
        }
        bar.set_position(offset);
        file.seek(SeekFrom::Start(offset)).await.map_err(named)?;
        let mut part = Vec::with_capacity(PART);
        (&mut *file).take(PART as u64).read_to_end(&mut part).await.map_err(named)?;
        if part.is_empty() {
            return Err(Failure::new(format!("{} has become shorter while it was sent", path.display())));
        }
        state = match append(server, upload, offset, part).await {
            Ok(answer) => answer.data,
            // Somebody has them already: most likely this command, whose answer was lost.
            Err(Trouble::Refused { code, .. })
                if matches!(code.as_str(), "WRONG_OFFSET" | "UPLOAD_CLOSED") =>
            {
                server.get(&format!("/uploads/{upload}")).await?.data
            }
            Err(Trouble::Broken(why)) if fruitless == FRUITLESS => return Err(Trouble::Broken(why).into()),
            Err(Trouble::Broken(why)) => {
                fruitless += 1;
                bar.println(format!("{why}; going on"));
                tokio::time::sleep(REST).await;
                server.get(&format!("/uploads/{upload}")).await?.data
            }
            Err(refused) => return Err(refused.into()),
        };
    }
    Ok(())
}

async fn append(server: &Server, upload: &str, offset: u64, part: Vec<u8>) -> Result<Answer, Trouble> {
    let request = server.request(Method::PATCH, &format!("/uploads/{upload}/data"));
    let request = request.header("Upload-Offset", offset).header("Content-Type", "application/octet-stream");
    read(request.timeout(SLOWEST).body(part).send().await?).await
}

/// Waits until the server has looked through the file.
async fn looked_through(server: &Server, upload: &str, bytes: u64, json: bool) -> Result<Value, Failure> {
    let bar = bar(bytes, "{bytes}/{total_bytes} looked through, {msg}", json);
    loop {
        let state = server.get(&format!("/uploads/{upload}")).await?.data;
        bar.set_position(state["bytesRead"].as_u64().unwrap_or_default());
        bar.set_message(format!("{} rows, {} rejected", state["rows"], state["rejected"]));
        match state["status"].as_str() {
            Some("VALIDATING") => tokio::time::sleep(LOOK).await,
            Some("READY") => {
                bar.finish_and_clear();
                return Ok(state);
            }
            _ => {
                bar.finish_and_clear();
                return Err(Failure::new(format!("the list cannot be used: {}", text(&state["error"]))));
            }
        }
    }
}

/// Has it fill the campaign, and waits.
async fn fill(
    server: &Server,
    campaign: CampaignId,
    upload: &str,
    found: &Value,
    json: bool,
) -> Result<Value, Failure> {
    let ordered = order(server, campaign, upload).await?;
    let path = format!("/imports/{}", text(&ordered["id"]));
    let bar = bar(found["rows"].as_u64().unwrap_or_default(), "{pos}/{len} rows, {msg}", json);
    loop {
        let import = server.get(&path).await?.data;
        bar.set_position(import["rows"].as_u64().unwrap_or_default());
        bar.set_message(format!("{} accepted, {} rejected", import["accepted"], import["rejected"]));
        if import["status"] != "RUNNING" {
            bar.finish_and_clear();
            return Ok(import);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// An order whose answer was lost is found again, and not given twice.
async fn order(server: &Server, campaign: CampaignId, upload: &str) -> Result<Value, Trouble> {
    patiently(async || {
        let imports = server.get(&format!("/imports?campaignId={campaign}&limit=100")).await?.data;
        let given = imports.as_array().into_iter().flatten();
        let given = given.filter(|import| import["uploadId"] == upload && import["status"] != "FAILED");
        if let Some(given) = given.into_iter().next() {
            return Ok(given.clone());
        }
        let path = format!("/campaigns/{campaign}/recipients/import");
        Ok(server.post(&path, &json!({"uploadId": upload})).await?.data)
    })
    .await
}

fn tell(import: &Value, json: bool) {
    match json {
        true => println!("{import}"),
        false => {
            println!(
                "{} rows: {} accepted, {} rejected",
                import["rows"], import["accepted"], import["rejected"]
            );
            if import["rejected"].as_u64().is_some_and(|rejected| rejected > 0) {
                println!("why: GET /api/v1/imports/{}/errors.csv", text(&import["id"]));
            }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// On a terminal; nothing is drawn beside JSON.
fn bar(length: u64, template: &str, json: bool) -> ProgressBar {
    let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    match ProgressStyle::with_template(&format!("{{bar:30}} {template}")) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
