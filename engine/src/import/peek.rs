//! The beginning of a file.

use ringfleet_store::{NewRecipient, Reject};

use super::parse::{Batch, Header, Parser, Reading};
use crate::EngineError;

/// Reads a file until it has had a batch of rows.
pub(crate) struct Peek {
    parser: Parser,
    /// What the first row says.
    pub(crate) header: Header,
    /// Rows that would become recipients, each with its line.
    pub(crate) recipients: Vec<(u64, NewRecipient)>,
    /// Rows that would not.
    pub(crate) rejects: Vec<Reject>,
    /// Why the file cannot be read.
    pub(crate) trouble: Option<EngineError>,
}

impl Peek {
    pub(crate) fn new(reading: Reading) -> Self {
        let (header, trouble) = (Header::default(), None);
        Self { parser: Parser::new(reading), header, recipients: Vec::new(), rejects: Vec::new(), trouble }
    }

    /// Reads on; true when that is enough.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> bool {
        let read = self.parser.push(chunk);
        self.take(read)
    }

    /// There is no more.
    pub(crate) fn finish(&mut self) {
        let read = self.parser.finish();
        self.take(read);
        let open = self.parser.take_open();
        self.keep(open);
    }

    fn take(&mut self, read: crate::Result<()>) -> bool {
        self.header = self.parser.header().clone();
        self.trouble = read.err();
        let full = self.parser.take_full();
        let enough = !full.is_empty() || self.trouble.is_some();
        full.into_iter().for_each(|batch| self.keep(batch));
        enough
    }

    fn keep(&mut self, batch: Batch) {
        let lines = batch.origins.iter().map(|(line, _)| *line);
        self.recipients.extend(lines.zip(batch.recipients));
        self.rejects.extend(batch.rejects);
    }
}
