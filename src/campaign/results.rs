//! `ringfleet campaign results`: recipients and how they ended, as the API exports them.

use std::io::{BufWriter, Write};

use reqwest::Method;
use tokio::time::timeout;

use super::{
    Form, ResultsArgs,
    server::{PATIENCE, Server, Trouble, patiently, taken},
};
use crate::process::Failure;

/// Writes them to where the arguments say; with `--json` as JSON, one a line.
pub async fn run(server: &Server, args: ResultsArgs, json: bool) -> Result<(), Failure> {
    let form = match args.form {
        Form::Csv if !json => "csv",
        Form::Csv | Form::Jsonl => "jsonl",
    };
    let path = format!("/campaigns/{}/results.{form}", args.campaign);
    let filters = [("state", &args.state), ("disposition", &args.disposition)];
    let filters: Vec<_> =
        filters.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))).collect();
    let mut answer = patiently(async || {
        let asked = server.request(Method::GET, &path).query(&filters).send();
        taken(timeout(PATIENCE, asked).await.map_err(|_| silent())??).await
    })
    .await?;
    // Only now: what the file held before is not lost to a mistake in the command.
    let to: Box<dyn Write + Send> = match &args.output {
        Some(path) => {
            let file = std::fs::File::create(path);
            Box::new(file.map_err(|e| Failure::during(&path.display().to_string(), e))?)
        }
        None => Box::new(std::io::stdout()),
    };
    let mut to = BufWriter::new(to);
    let broken = |why: Trouble| {
        Failure::new(format!("the results broke off ({why}): what is written is not all of them; ask again"))
    };
    loop {
        let chunk = timeout(PATIENCE, answer.chunk()).await.map_err(|_| broken(silent()))?;
        match chunk.map_err(|error| broken(error.into()))? {
            Some(chunk) => to.write_all(&chunk).map_err(unwritable)?,
            None => return to.flush().map_err(unwritable),
        }
    }
}

fn silent() -> Trouble {
    Trouble::Broken(format!("the server said nothing for {PATIENCE:?}"))
}

fn unwritable(error: std::io::Error) -> Failure {
    Failure::during("the results cannot be written", error)
}
