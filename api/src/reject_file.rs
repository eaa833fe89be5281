//! `errors.csv`: the rejected rows of an import or an upload as a file, page by page.

use std::io;

use axum::body::Bytes;
use futures::{Stream, StreamExt, stream};
use ringfleet_core::{ImportId, UploadId};
use ringfleet_store::{Reject, Store};

use crate::csv_rows::{csv_of, harmless};

/// Rows fetched and sent at once.
const ROWS: u32 = 1_000;

/// Whose rejected rows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rejects {
    OfImport(ImportId),
    OfUpload(UploadId),
}

/// The file, made while it is read. A failure in its middle breaks the answer off, so that nobody takes a part for the whole.
pub(crate) fn stream(store: Store, of: Rejects) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let header = stream::once(async { csv_of([["line", "column", "value", "reason"].map(str::to_owned)]) });
    let rows = stream::try_unfold(Some(0), move |after| {
        let store = store.clone();
        async move {
            let Some(after) = after else { return Ok(None) };
            let page = page(&store, of, after).await.map_err(|error| {
                tracing::error!(%error, ?of, "rejected rows cannot be read");
                io::Error::other(error)
            })?;
            let next = page.last().map(|reject| reject.line).filter(|_| page.len() == ROWS as usize);
            let text = csv_of(page.into_iter().map(cells))?;
            Ok(Some((text, next)))
        }
    });
    header.chain(rows)
}

async fn page(store: &Store, of: Rejects, after: i64) -> ringfleet_store::Result<Vec<Reject>> {
    let mut tx = store.read().await?;
    let rejects = match of {
        Rejects::OfImport(import) => tx.rejects(import, after, ROWS).await?,
        Rejects::OfUpload(upload) => tx.upload_rejects(upload, after, ROWS).await?,
    };
    tx.commit().await?;
    Ok(rejects)
}

fn cells(reject: Reject) -> [String; 4] {
    [reject.line.to_string(), harmless(reject.field), harmless(reject.value), harmless(reject.reason)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_every_cell_is_quoted_as_needed() {
        let row = |value: &str| {
            let reject = Reject { line: 7, field: "to".into(), value: value.into(), reason: "r".into() };
            String::from_utf8(csv_of([cells(reject)]).unwrap().to_vec()).unwrap()
        };
        assert_eq!(row("abc"), "7,to,abc,r\n");
        assert_eq!(row("=1+1"), "7,to,'=1+1,r\n");
        assert_eq!(row("+91 98"), "7,to,'+91 98,r\n");
        assert_eq!(row("-1"), "7,to,'-1,r\n");
        assert_eq!(row("@SUM(A1)"), "7,to,'@SUM(A1),r\n");
        assert_eq!(row("\t=1"), "7,to,'\t=1,r\n");
        assert_eq!(row("a,\"b\"\nc"), "7,to,\"a,\"\"b\"\"\nc\",r\n");
        assert_eq!(row(""), "7,to,,r\n");
    }
}
