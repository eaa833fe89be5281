//! Uploaded lists, as a stream that is read once and never kept.

use std::{io, pin::Pin, time::Duration};

use axum::{
    body::Bytes,
    extract::{FromRequest, Multipart, Request, multipart::MultipartError},
};
use futures::{SinkExt, Stream, StreamExt, channel::mpsc, stream};
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use crate::{
    error::{ApiError, Result},
    json::{media_type, plain_encoding},
};

/// A client that sends nothing for so long has gone.
const PATIENCE: Duration = Duration::from_secs(60);
/// Chunks of a form that wait for the reader; each is what the network gave at once.
const CHUNKS: usize = 4;

/// The bytes of an uploaded list.
pub(crate) type Upload = Pin<Box<dyn AsyncRead + Send>>;

/// Opens the list in a request: the body itself when it is `text/csv`, else the first file of the form.
pub(crate) async fn open(request: Request) -> Result<Upload> {
    match media_type(request.headers()).as_deref() {
        Some("text/csv") => open_bytes(request),
        Some("multipart/form-data") => open_form(request).await,
        _ => Err(ApiError::unsupported("send the list as `text/csv`, or as a file in `multipart/form-data`")),
    }
}

/// Opens the bytes of a body, whatever it says they are.
pub(crate) fn open_bytes(request: Request) -> Result<Upload> {
    plain_encoding(request.headers())?;
    let chunks = request.into_body().into_data_stream().map(|chunk| chunk.map_err(io::Error::other));
    Ok(reader(patient(chunks, PATIENCE)))
}

fn reader(chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Upload {
    Box::pin(StreamReader::new(Box::pin(chunks)))
}

/// Ends in an error when the next chunk does not come in time.
fn patient(
    chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    patience: Duration,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(Some(Box::pin(chunks)), move |chunks| async move {
        let mut chunks = chunks?;
        match tokio::time::timeout(patience, chunks.next()).await {
            Ok(Some(chunk)) => Some((chunk, Some(chunks))),
            Ok(None) => None,
            Err(_) => Some((
                Err(io::Error::new(io::ErrorKind::TimedOut, format!("no data for {patience:?}"))),
                None,
            )),
        }
    })
}

/// A form lends out its parts one at a time, so a task reads it and hands the chunks over, a few at most.
async fn open_form(request: Request) -> Result<Upload> {
    plain_encoding(request.headers())?;
    // The limit of axum's own is lifted by the route: a list may have any length.
    let form = Multipart::from_request(request, &())
        .await
        .map_err(|_| ApiError::unsupported("the form's Content-Type has no valid boundary"))?;
    let (to_reader, from_form) = mpsc::channel(CHUNKS);
    tokio::spawn(send_first_file(form, to_reader));
    let mut chunks = Box::pin(patient(from_form, PATIENCE));
    // The first chunk is empty and tells that there is a file at all, before an import is opened for it.
    match chunks.next().await {
        Some(Ok(_)) => Ok(reader(chunks)),
        Some(Err(error)) => Err(ApiError::broken_upload(format!("the form cannot be read: {error}"))),
        None => Err(ApiError::invalid("file", "the form holds no file; add the list as a file part")),
    }
}

/// Sends the chunks of the first part that is a file, then reads the rest of the form so that the client can finish sending.
async fn send_first_file(mut form: Multipart, mut reader: mpsc::Sender<io::Result<Bytes>>) {
    let failed = |error: MultipartError| io::Error::other(error.body_text());
    let mut found = false;
    loop {
        let mut part = match form.next_field().await {
            Ok(Some(part)) => part,
            Ok(None) => return,
            Err(_) if found => return, // the list itself was whole
            Err(error) => return drop(reader.send(Err(failed(error))).await),
        };
        if found || part.file_name().is_none() {
            continue;
        }
        found = true;
        if reader.send(Ok(Bytes::new())).await.is_err() {
            return; // there is a file, even if it turns out empty
        }
        loop {
            let chunk = match part.chunk().await {
                Ok(Some(chunk)) => Ok(chunk),
                Ok(None) => break,
                Err(error) => Err(failed(error)),
            };
            let broken = chunk.is_err();
            if reader.send(chunk).await.is_err() || broken {
                return;
            }
        }
        reader.close_channel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn a_client_that_falls_silent_is_not_waited_for() {
        let some = stream::iter([Ok(Bytes::from_static(b"to\n")), Ok(Bytes::from_static(b"+91"))]);
        let chunks = some.chain(stream::pending());
        let mut text = Vec::new();
        let error =
            reader(patient(chunks, Duration::from_millis(20))).read_to_end(&mut text).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(text, b"to\n+91");
    }
}
