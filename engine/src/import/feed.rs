//! Reads an upload and passes batches on, no faster than they are stored.

use std::{panic, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::mpsc,
    task::{JoinError, spawn_blocking},
    time::{Instant, timeout},
};

use super::parse::{Batch, Header, Parser, Reading};
use crate::{EngineError, Result};

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;
/// A slow upload hands over what it has after so long, so that it is seen to be alive.
const HAND_OVER: Duration = Duration::from_secs(1);
/// An upload that sends nothing for so long is given up. Shorter than the time after which an import counts as dead.
pub(super) const SILENCE: Duration = Duration::from_secs(45);

/// Some rows, and the name of the phone column.
pub(crate) struct Parcel {
    pub(crate) batch: Batch,
    pub(super) column: String,
}

/// Reads to the end and sends all rows. Of an upload that breaks off, the rows that were complete are sent.
///
/// # Errors
/// [`EngineError::BrokenUpload`] when the upload breaks off or sends nothing for `silence`, [`EngineError::Invalid`] when the header cannot be used.
pub(super) async fn feed<R: AsyncRead + Unpin>(
    mut reader: R,
    reading: Reading,
    parcels: mpsc::Sender<Parcel>,
    silence: Duration,
) -> Result<Header> {
    let mut parser = Parser::new(reading);
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut sent = Instant::now();
    loop {
        chunk.clear();
        let read = match timeout(silence, reader.read_buf(&mut chunk)).await {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(error)) => Err(EngineError::BrokenUpload(format!("the upload broke off: {error}"))),
            Err(_) => {
                Err(EngineError::BrokenUpload(format!("the upload broke off: nothing came for {silence:?}")))
            }
        };
        let is_end = matches!(read, Ok(0));
        if read.is_ok() {
            (parser, chunk) = parse(parser, chunk, is_end).await?;
        }
        let mut ready = parser.take_full();
        if is_end || read.is_err() || !ready.is_empty() || sent.elapsed() >= HAND_OVER {
            ready.push(parser.take_open());
        }
        for batch in ready {
            let parcel = Parcel { batch, column: parser.phone_column().to_owned() };
            if parcels.send(parcel).await.is_err() {
                return Ok(parser.header().clone()); // whoever stores them has given up and knows why
            }
            sent = Instant::now(); // waiting for its turn is no slowness of the upload
        }
        if is_end || read.is_err() {
            return read.map(|_| parser.header().clone());
        }
    }
}

/// Parses away from the threads that serve everybody.
async fn parse(mut parser: Parser, chunk: Vec<u8>, is_end: bool) -> Result<(Parser, Vec<u8>)> {
    let work = spawn_blocking(move || {
        let done = if is_end { parser.finish() } else { parser.push(&chunk) };
        done.map(|()| (parser, chunk))
    });
    work.await.unwrap_or_else(|e| Err(stopped(e)))
}

/// What a task that did not end by itself means. A panic goes on where it would have gone without the task.
pub(crate) fn stopped(error: JoinError) -> EngineError {
    match error.try_into_panic() {
        Ok(panicked) => panic::resume_unwind(panicked),
        Err(_) => EngineError::Conflict {
            code: "SHUTTING_DOWN",
            message: "the server is stopping; send the file again".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::{super::parse::Repeats, *};

    #[tokio::test]
    async fn a_client_that_falls_silent_is_given_up() {
        let (mut client, reader) = tokio::io::duplex(1024);
        client.write_all(b"phone\n+4915111234567\n+49151").await.unwrap();
        let (sender, mut parcels) = mpsc::channel(9);
        let reading = Reading::all(Default::default(), Repeats::Rejected, 1000);
        let error = feed(reader, reading, sender, Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(error.to_string(), "the upload broke off: nothing came for 50ms");
        assert_eq!(parcels.recv().await.unwrap().batch.rows(), 1, "what was complete is handed over");
    }
}
