//! `ringfleet campaign results`: recipients and how they ended, page by page.

use std::io::{BufWriter, Write};

use serde_json::Value;

use super::{Form, ResultsArgs, server::Server};
use crate::process::Failure;

const COLUMNS: [&str; 9] =
    ["to", "state", "disposition", "attempts", "lastOutcome", "lastReason", "doneAt", "variables", "id"];

/// Writes them to where the arguments say; with `--json` as JSON, one a line.
pub async fn run(server: &Server, args: ResultsArgs, json: bool) -> Result<(), Failure> {
    let to: Box<dyn Write + Send> = match &args.output {
        Some(path) => {
            let file = std::fs::File::create(path);
            Box::new(file.map_err(|e| Failure::during(&path.display().to_string(), e))?)
        }
        None => Box::new(std::io::stdout()),
    };
    let mut to = BufWriter::new(to);
    let is_csv = matches!(args.form, Form::Csv) && !json;
    if is_csv {
        write(&mut to, &csv_row(COLUMNS.map(str::to_owned))?)?;
    }
    let mut cursor = String::new();
    loop {
        let path = format!("/campaigns/{}/recipients?limit=100{cursor}", args.campaign);
        let page = server.get(&path).await?;
        for recipient in page.data.as_array().into_iter().flatten() {
            let line = match is_csv {
                true => csv_row(COLUMNS.map(|column| cell(&recipient[column])))?,
                false => format!("{recipient}\n"),
            };
            write(&mut to, &line)?;
        }
        match page.meta["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return to.flush().map_err(unwritable),
        }
    }
}

fn write(to: &mut impl Write, text: &str) -> Result<(), Failure> {
    to.write_all(text.as_bytes()).map_err(unwritable)
}

fn unwritable(error: std::io::Error) -> Failure {
    Failure::during("the results cannot be written", error)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => harmless(text),
        Value::Object(map) if map.is_empty() => String::new(),
        value => value.to_string(),
    }
}

/// A number keeps its plus; what strangers wrote begins no formula (OWASP, "CSV Injection").
fn harmless(text: &str) -> String {
    let is_number = text.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    match text.chars().next() {
        Some(first) if !is_number && ("=+-@".contains(first) || first.is_control()) => format!("'{text}"),
        _ => text.to_owned(),
    }
}

fn csv_row(cells: [String; COLUMNS.len()]) -> Result<String, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&cells)?;
    let bytes = writer.into_inner().map_err(|e| unwritable(e.into_error()))?;
    Ok(String::from_utf8(bytes)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_csv_without_formulas() {
        let cells = ["+4915112345678", "=1+1", "a,b"].map(|text| cell(&json!(text)));
        assert_eq!(cells, ["+4915112345678", "'=1+1", "a,b"]);
        assert_eq!(
            (cell(&json!({})), cell(&Value::Null), cell(&json!(3))),
            (String::new(), String::new(), "3".into())
        );
        let mut row = [const { String::new() }; 9];
        row[0] = "a,b".into();
        assert_eq!(csv_row(row).unwrap_or_default(), "\"a,b\",,,,,,,,\n");
    }
}
