//! The whole way of a chunk: bytes, text, rows, recipients or rejects, batches. Pure; the same whatever the chunks.

use ringfleet_store::{NewRecipient, Reject};

use super::{
    encoding::Decoder,
    header::{Columns, Head},
    row::Judge,
    split::{RawRow, Splitter},
};
use crate::{EngineError, Result};

/// Most rows of a batch.
const BATCH_ROWS: usize = 1000;
/// Most bytes of a batch, roughly: long rows make smaller batches.
const BATCH_BYTES: usize = 1 << 20;

/// Rows that go to the database together.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) recipients: Vec<NewRecipient>,
    /// For each of them: the line it begins on, and its number as it was written.
    pub(crate) origins: Vec<(u64, String)>,
    pub(crate) rejects: Vec<Reject>,
    bytes: usize,
}

impl Batch {
    /// How many rows it holds.
    pub(super) fn rows(&self) -> usize {
        self.recipients.len() + self.rejects.len()
    }

    fn is_full(&self) -> bool {
        self.rows() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    fn take(&mut self, row: &RawRow<'_>, judge: &mut Judge) {
        match judge.judge(row) {
            Ok(candidate) => {
                self.bytes += row.beginning().len();
                self.recipients.push(candidate.recipient);
                self.origins.push((candidate.line, candidate.written));
            }
            Err(reject) => self.rejects.push(reject),
        }
    }
}

/// What becomes of a number that stands further up in the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// The row is rejected.
    Rejected,
    /// The row counts, too: it may say something else of the number.
    Kept,
}

/// Takes a file in chunks of any size and gives batches.
pub(super) struct Parser {
    wanted: Option<String>,
    repeats: Repeats,
    decoder: Decoder,
    text: Vec<u8>,
    stage: Stage,
    /// Batches that are full, and the one being filled.
    full: Vec<Batch>,
    open: Batch,
    /// The column under which the number of a duplicate is reported.
    phone: String,
}

enum Stage {
    /// The first row is not complete.
    Head(Head),
    Rows {
        splitter: Box<Splitter>,
        /// None until the header has been read.
        judge: Option<Judge>,
    },
}

impl Parser {
    /// `wanted`: the name of the phone column, if the caller gave one.
    pub(super) fn new(wanted: Option<String>, repeats: Repeats) -> Self {
        Self {
            wanted,
            repeats,
            decoder: Decoder::new(),
            text: Vec::new(),
            stage: Stage::Head(Head::default()),
            full: Vec::new(),
            open: Batch::default(),
            phone: String::new(),
        }
    }

    /// Reads on.
    ///
    /// # Errors
    /// When the header cannot be used; nothing has been read then.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<()> {
        self.text.clear();
        self.decoder.push(chunk, &mut self.text);
        self.read_text()
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it is empty or its header cannot be used.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.text.clear();
        self.decoder.finish(&mut self.text);
        self.read_text()?;
        if let Stage::Head(head) = &mut self.stage {
            if head.bytes.iter().all(u8::is_ascii_whitespace) {
                return Err(EngineError::invalid("file", "the file is empty"));
            }
            let (delimiter, bytes) = (head.delimiter(), std::mem::take(&mut head.bytes));
            self.begin_rows(delimiter, &bytes)?;
        }
        self.split(&[], true)
    }

    /// The batches that are full.
    pub(super) fn take_full(&mut self) -> Vec<Batch> {
        std::mem::take(&mut self.full)
    }

    /// The batch being filled, as far as it has come.
    pub(super) fn take_open(&mut self) -> Batch {
        std::mem::take(&mut self.open)
    }

    /// The name of the phone column, once the header has been read.
    pub(super) fn phone_column(&self) -> &str {
        &self.phone
    }

    fn read_text(&mut self) -> Result<()> {
        let text = std::mem::take(&mut self.text);
        let done = match &mut self.stage {
            Stage::Rows { .. } => self.split(&text, false),
            Stage::Head(head) => match head.push(&text)? {
                Some(delimiter) => {
                    let bytes = std::mem::take(&mut head.bytes);
                    self.begin_rows(delimiter, &bytes)
                }
                None => Ok(()),
            },
        };
        self.text = text; // its memory serves the next chunk
        done
    }

    fn begin_rows(&mut self, delimiter: u8, bytes: &[u8]) -> Result<()> {
        self.stage = Stage::Rows { splitter: Box::new(Splitter::new(delimiter)), judge: None };
        self.split(bytes, false)
    }

    fn split(&mut self, text: &[u8], is_end: bool) -> Result<()> {
        let Stage::Rows { splitter, judge } = &mut self.stage else { return Ok(()) };
        let mut trouble = None;
        let mut each = |row: RawRow<'_>| match judge {
            Some(judge) => {
                self.open.take(&row, judge);
                if self.open.is_full() {
                    self.full.push(std::mem::take(&mut self.open));
                }
            }
            None if trouble.is_some() => {}
            None => match header(&row, self.wanted.as_deref()) {
                Ok(columns) => {
                    self.phone = columns.name(columns.phone).to_owned();
                    *judge = Some(Judge::new(columns, self.repeats));
                }
                Err(error) => trouble = Some(error),
            },
        };
        splitter.push(text, &mut each);
        if is_end {
            splitter.finish(&mut each);
        }
        trouble.map_or(Ok(()), Err)
    }
}

fn header(row: &RawRow<'_>, wanted: Option<&str>) -> Result<Columns> {
    if row.fault.is_some() {
        return Err(EngineError::invalid(
            "file",
            "the first row, which names the columns, has a quote that is not closed",
        ));
    }
    Columns::read(row.iter(), wanted)
}
