//! The whole way of a chunk: bytes, text, rows, recipients or rejects, batches. Pure; the same whatever the chunks.

use std::ops::RangeInclusive;

use ringfleet_core::ColumnMapping;
use ringfleet_store::{NewRecipient, Reject};

use super::{
    encoding::Decoder,
    header::{Columns, Head, names_of, too_long},
    row::{Candidate, Judge},
    split::{Fault, RawRow, Splitter},
};
use crate::{EngineError, Result};

/// Most bytes of a batch, roughly: long rows make smaller batches.
const BATCH_BYTES: usize = 4 << 20;

/// Rows that go to the database together.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) recipients: Vec<NewRecipient>,
    /// For each of them: the line it begins on, and its number as it was written.
    pub(crate) origins: Vec<(u64, String)>,
    pub(crate) rejects: Vec<Reject>,
    /// Its first row, 1 for the first below the header; 0 while it has none.
    pub(crate) first_row: u64,
    bytes: usize,
}

impl Batch {
    /// How many rows it holds.
    pub(crate) fn rows(&self) -> usize {
        self.recipients.len() + self.rejects.len()
    }

    fn take(&mut self, row: &RawRow<'_>, judged: std::result::Result<Candidate, Reject>) {
        self.bytes += row.beginning().len();
        match judged {
            Ok(candidate) => {
                self.recipients.push(candidate.recipient);
                self.origins.push((candidate.line, candidate.written));
            }
            Err(reject) => self.rejects.push(reject),
        }
    }
}

/// How a file is to be read.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) mapping: ColumnMapping,
    pub(crate) repeats: Repeats,
    /// Most rows of a batch.
    pub(crate) batch: usize,
    /// Rows that are in already, in order: judged, for their numbers count, and not given again.
    pub(crate) done: Vec<RangeInclusive<u64>>,
}

impl Reading {
    /// Reads all rows.
    pub(crate) fn all(mapping: ColumnMapping, repeats: Repeats, batch: usize) -> Self {
        Self { mapping, repeats, batch, done: Vec::new() }
    }
}

/// What the first row says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Header {
    /// The columns by their names.
    pub(crate) columns: Vec<String>,
    /// What was made of them; none when it cannot be used.
    pub(crate) mapped: Option<ColumnMapping>,
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
    reading: Reading,
    /// Rows read, those that were in already counted.
    rows: u64,
    header: Header,
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
    pub(super) fn new(reading: Reading) -> Self {
        Self {
            reading,
            rows: 0,
            header: Header::default(),
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

    /// What the first row says, once it has been read.
    pub(super) fn header(&self) -> &Header {
        &self.header
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
        let Self { reading, rows, header, stage, full, open, phone, .. } = self;
        let Stage::Rows { splitter, judge } = stage else { return Ok(()) };
        let mut trouble = None;
        let mut each = |row: RawRow<'_>| match judge {
            Some(judge) => {
                *rows += 1;
                let judged = judge.judge(&row);
                if is_done(&mut reading.done, *rows) {
                    if open.rows() > 0 {
                        full.push(std::mem::take(open)); // a batch has no gaps
                    }
                    return;
                }
                if open.rows() == 0 {
                    open.first_row = *rows;
                }
                open.take(&row, judged);
                if open.rows() >= reading.batch || open.bytes >= BATCH_BYTES {
                    full.push(std::mem::take(open));
                }
            }
            None if trouble.is_some() => {}
            None => match read_header(&row, &reading.mapping, header) {
                Ok(columns) => {
                    *phone = columns.name(columns.phone).to_owned();
                    *judge = Some(Judge::new(columns, reading.repeats));
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

/// Whether the row is in one of these; those before it are dropped.
fn is_done(done: &mut Vec<RangeInclusive<u64>>, row: u64) -> bool {
    while done.first().is_some_and(|range| *range.end() < row) {
        done.remove(0);
    }
    done.first().is_some_and(|range| range.contains(&row))
}

fn read_header(row: &RawRow<'_>, mapping: &ColumnMapping, header: &mut Header) -> Result<Columns> {
    match row.fault {
        None => {}
        Some(Fault::TooLong) => return Err(too_long()),
        Some(Fault::OpenQuote | Fault::StrayQuote) => {
            return Err(EngineError::invalid(
                "file",
                "the first row, which names the columns, has a quote that is not closed",
            ));
        }
    }
    header.columns = names_of(row.iter())?;
    let columns = Columns::read(header.columns.clone(), mapping)?;
    header.mapped = Some(columns.mapping());
    Ok(columns)
}
