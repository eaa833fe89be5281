//! Lists as files: made page by page while they are read, so that a list of millions takes no more memory than a page.

use std::{future::ready, io};

use axum::body::{Body, Bytes};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use ringfleet_core::cursor::Cursor;
use ringfleet_engine::Result;
use ringfleet_store::Page;
use serde::Serialize;
use serde_json::Value;

use crate::{
    csv_rows::{csv_of, harmless_or_number},
    page::bounds,
    query::{FromQuery, Parameters},
};

/// Rows fetched and sent at once.
const ROWS: u32 = 1_000;

/// How the rows are written.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    /// With these columns, and their names in the first row.
    Csv(&'static [&'static str]),
    /// One object in each line.
    JsonLines,
}

/// `?sort=`, `?since=` and `?until=`: which part of a list goes into a file, and in which order.
pub(crate) struct Part(Page);

impl FromQuery for Part {
    fn read(parameters: &mut Parameters) -> crate::error::Result<Self> {
        Ok(Self(Page { limit: ROWS, ..bounds(parameters)? }))
    }
}

/// One page of a list, and where it goes on; nowhere after the last.
pub(crate) type Found<V> = (Vec<V>, Option<Cursor>);

/// The file of all pages that `read` gives. A failure in its middle breaks the answer off, so that nobody takes a part for the whole.
pub(crate) fn file<V, F, Fut>(form: Form, part: Part, read: F) -> Body
where
    V: Serialize + Send + 'static,
    F: Fn(Page) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<Found<V>>> + Send + 'static,
{
    let header = stream::once(ready(header(form)));
    let rows = pages(part.0, read).and_then(move |page| ready(written(form, page)));
    Body::from_stream(header.chain(rows).try_filter(|text| ready(!text.is_empty())))
}

fn pages<V, F, Fut>(first: Page, read: F) -> impl Stream<Item = io::Result<Vec<V>>> + Send + 'static
where
    V: Send + 'static,
    F: Fn(Page) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<Found<V>>> + Send + 'static,
{
    stream::try_unfold(Some(first), move |page| {
        let read = read.clone();
        async move {
            let Some(page) = page else { return Ok(None) };
            let (rows, next) = read(page).await.map_err(|error| {
                tracing::error!(%error, "an export broke off: its list cannot be read");
                io::Error::other(error)
            })?;
            Ok(Some((rows, next.map(|after| Page { after: Some(after), ..page }))))
        }
    })
}

fn header(form: Form) -> io::Result<Bytes> {
    match form {
        Form::Csv(columns) => csv_of([columns.iter().map(|name| (*name).to_owned())]),
        Form::JsonLines => Ok(Bytes::new()),
    }
}

fn written<V: Serialize>(form: Form, page: Vec<V>) -> io::Result<Bytes> {
    match form {
        Form::Csv(columns) => {
            let rows: io::Result<Vec<_>> = page.iter().map(|row| cells(columns, row)).collect();
            csv_of(rows?)
        }
        Form::JsonLines => {
            let mut text = Vec::new();
            for row in &page {
                serde_json::to_writer(&mut text, row)?;
                text.push(b'\n');
            }
            Ok(text.into())
        }
    }
}

fn cells<V: Serialize>(columns: &[&str], row: &V) -> io::Result<Vec<String>> {
    let row = serde_json::to_value(row)?;
    let cell = |name: &&str| match row.get(*name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(other) => other.to_string(),
    };
    let is_number = |name: &&str| row.get(*name).is_some_and(Value::is_number);
    Ok(columns
        .iter()
        .map(|name| if is_number(name) { cell(name) } else { harmless_or_number(cell(name)) })
        .collect())
}

#[cfg(test)]
mod tests {
    use ringfleet_core::CallId;
    use ringfleet_engine::EngineError;
    use serde_json::json;

    use super::*;

    fn part() -> Part {
        Part(Page::first(ROWS))
    }

    async fn chunks(body: Body) -> Vec<std::result::Result<String, axum::Error>> {
        let chunks = body.into_data_stream();
        chunks.map(|chunk| chunk.map(|text| String::from_utf8(text.to_vec()).unwrap())).collect().await
    }

    #[tokio::test]
    async fn a_file_has_every_page_and_none_of_it_is_a_formula() {
        let next = CallId::first_at(chrono::DateTime::UNIX_EPOCH);
        let read = move |page: Page| async move {
            Ok(match page.after {
                None => (vec![json!({"to": "+4915112345678", "n": -1, "x": "=1+1"})], Some(next.into())),
                Some(_) => (vec![json!({"to": "+1 a", "n": null, "x": {"a": "\"b\""}, "z": 1})], None),
            })
        };
        let csv = chunks(file(Form::Csv(&["to", "n", "x"]), part(), read)).await;
        let csv: String = csv.into_iter().map(std::result::Result::unwrap).collect();
        assert_eq!(csv, "to,n,x\n+4915112345678,-1,'=1+1\n'+1 a,,\"{\"\"a\"\":\"\"\\\"\"b\\\"\"\"\"}\"\n");
        let lines = chunks(file(Form::JsonLines, part(), read)).await;
        assert_eq!(lines.len(), 2);
        assert!(lines[1].as_ref().unwrap().ends_with("\"z\":1}\n"), "{lines:?}");
    }

    #[tokio::test]
    async fn one_that_cannot_go_on_breaks_off() {
        let next = CallId::first_at(chrono::DateTime::UNIX_EPOCH);
        let read = move |page: Page| async move {
            match page.after {
                None => Ok((vec![json!({})], Some(next.into()))),
                Some(_) => Err(EngineError::TimedOut),
            }
        };
        let lines = chunks(file(Form::JsonLines, part(), read)).await;
        assert!(matches!(lines.as_slice(), [Ok(_), Err(_)]), "{lines:?}");
    }
}
