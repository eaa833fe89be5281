//! From bytes to rows, each with the line it begins on (RFC 4180, and what spreadsheets make of it).
//!
//! The rules of quoting are those of `csv-core`. It is used without the reader on top of it because that one grows its
//! buffer with the row, so that one quote left open would load the rest of the file into memory, and because it counts
//! lines by `\n` alone and takes blank lines for a part of the row that follows.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// Longest row, in bytes of its cells.
pub(super) const MAX_ROW: usize = 100 * 1024;
/// Most columns.
pub(super) const MAX_COLUMNS: usize = 1024;

/// What makes a row unreadable as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// More than [`MAX_ROW`] bytes.
    TooLong,
    /// The file ends within a quoted cell.
    OpenQuote,
    /// A cell goes on behind its closing quote, and the row fills several lines: a quote was left open further up and has
    /// swallowed the rows between.
    StrayQuote,
}

/// One row, unquoted.
pub(super) struct RawRow<'a> {
    /// The line it begins on, 1 for the first of the file.
    pub(super) line: u64,
    /// The line it ends on.
    pub(super) last_line: u64,
    /// How many cells it has, also where they were too many to keep.
    pub(super) cells: usize,
    pub(super) fault: Option<Fault>,
    bytes: &'a [u8],
    ends: &'a [usize],
}

impl<'a> RawRow<'a> {
    /// The cells that were kept. Of a row at fault there are none.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (bytes, ends) = (self.bytes, if self.fault.is_none() { self.ends } else { &[] });
        (0..ends.len()).map(move |i| &bytes[if i == 0 { 0 } else { ends[i - 1] }..ends[i]])
    }

    /// What the row begins with, to show to people.
    pub(super) fn beginning(&self) -> &'a [u8] {
        self.bytes
    }

    /// A line with nothing but spaces.
    fn is_blank(&self) -> bool {
        self.cells == 1 && !self.bytes.is_empty() && self.bytes.iter().all(|b| matches!(b, b' ' | b'\t'))
    }
}

/// Counts the ends of lines: LF, CR, or both together.
#[derive(Default)]
struct Lines {
    ended: u64,
    after_cr: bool,
}

impl Lines {
    fn pass(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.ended += u64::from(byte == b'\r' || byte == b'\n' && !self.after_cr);
            self.after_cr = byte == b'\r';
        }
    }
}

/// Watches for text behind the closing quote of a cell, which `csv-core` takes for a part of the cell.
#[derive(Default)]
enum Quoting {
    #[default]
    CellBegins,
    Plain,
    Quoted,
    Closed,
}

impl Quoting {
    /// Passes one byte; true when it stands where only the end of the cell may.
    fn pass(&mut self, byte: u8, delimiter: u8) -> bool {
        let ends = byte == delimiter || byte == b'\r' || byte == b'\n';
        let (next, stray) = match (&*self, byte) {
            (Self::Quoted, b'"') => (Self::Closed, false),
            (Self::Quoted, _) => (Self::Quoted, false),
            (Self::CellBegins | Self::Closed, b'"') => (Self::Quoted, false),
            (_, _) if ends => (Self::CellBegins, false),
            (Self::Closed, b' ' | b'\t') => (Self::Closed, false), // some programs align their columns
            (Self::Closed, _) => (Self::Plain, true),
            (Self::CellBegins | Self::Plain, _) => (Self::Plain, false),
        };
        *self = next;
        stray
    }
}

/// Cuts UTF-8 (or what should be) into rows, whatever the cuts between the chunks it is given. Its memory does not grow.
pub(super) struct Splitter {
    core: Reader,
    delimiter: u8,
    lines: Lines,
    quoting: Quoting,
    stray_quote: bool,
    /// The line the row at hand begins on; none between rows.
    begun: Option<u64>,
    out: Vec<u8>,
    used: usize,
    ends: Vec<usize>,
    kept: usize,
    cells: usize,
    too_long: bool,
}

impl Splitter {
    pub(super) fn new(delimiter: u8) -> Self {
        Self {
            core: ReaderBuilder::new().delimiter(delimiter).build(),
            delimiter,
            lines: Lines::default(),
            quoting: Quoting::default(),
            stray_quote: false,
            begun: None,
            out: vec![0; MAX_ROW],
            used: 0,
            ends: vec![0; MAX_COLUMNS],
            kept: 0,
            cells: 0,
            too_long: false,
        }
    }

    /// Reads on; `each` gets every row that is complete. Blank lines are none.
    pub(super) fn push(&mut self, mut input: &[u8], each: &mut impl FnMut(RawRow<'_>)) {
        loop {
            if self.begun.is_none() {
                let blank = input.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
                self.lines.pass(&input[..blank]);
                input = &input[blank..];
            }
            if input.is_empty() {
                return;
            }
            self.begun.get_or_insert(self.lines.ended + 1);
            let (complete, read) = self.step(input);
            self.lines.pass(&input[..read]);
            for &byte in &input[..read] {
                self.stray_quote |= self.quoting.pass(byte, self.delimiter);
            }
            input = &input[read..];
            if complete {
                // The line end that completes the row has been passed: it ends the row's last line.
                self.hand_over(None, self.lines.ended, each);
            }
        }
    }

    /// Ends the file; a last row without a line end counts.
    pub(super) fn finish(&mut self, each: &mut impl FnMut(RawRow<'_>)) {
        if self.begun.is_none() {
            return;
        }
        // A line end completes the row, unless it is taken for a part of a quoted cell.
        let (complete, _) = std::iter::repeat_with(|| self.step(b"\n"))
            .find(|&(complete, read)| complete || read == 1)
            .unwrap_or_default();
        while !complete && !self.step(b"").0 {}
        self.hand_over((!complete).then_some(Fault::OpenQuote), self.lines.ended + 1, each);
    }

    /// One step of the reader below: whether it completes the row, and how many bytes it took.
    fn step(&mut self, input: &[u8]) -> (bool, usize) {
        let (result, read, written, ended) =
            self.core.read_record(input, &mut self.out[self.used..], &mut self.ends[self.kept..]);
        self.used += written;
        self.kept += ended;
        self.cells += ended;
        match result {
            ReadRecordResult::Record | ReadRecordResult::End => return (true, read),
            ReadRecordResult::InputEmpty => {}
            // The row is refused, its beginning is kept to be shown, the rest of the buffer is written over and over.
            ReadRecordResult::OutputFull => {
                self.too_long = true;
                self.used = MAX_ROW / 2;
            }
            // Cells beyond the last column are only counted.
            ReadRecordResult::OutputEndsFull => self.kept = MAX_COLUMNS - 1,
        }
        (false, read)
    }

    fn hand_over(&mut self, fault: Option<Fault>, last_line: u64, each: &mut impl FnMut(RawRow<'_>)) {
        let line = self.begun.take().unwrap_or(last_line);
        let fault = match fault {
            _ if self.too_long => Some(Fault::TooLong),
            None if self.stray_quote && last_line > line => Some(Fault::StrayQuote),
            fault => fault,
        };
        let (bytes, ends) = (&self.out[..self.used], &self.ends[..self.kept]);
        let row = RawRow { line, last_line: last_line.max(line), cells: self.cells, fault, bytes, ends };
        if !row.is_blank() {
            each(row);
        }
        (self.used, self.kept, self.cells) = (0, 0, 0);
        (self.too_long, self.stray_quote, self.quoting) = (false, false, Quoting::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Row = (u64, u64, Vec<String>, Option<Fault>);

    fn split(file: &[u8], cut: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut keep = |row: RawRow<'_>| {
            let cells = row.iter().map(|c| String::from_utf8_lossy(c).into_owned()).collect();
            rows.push((row.line, row.last_line, cells, row.fault));
        };
        let mut splitter = Splitter::new(b',');
        file.chunks(cut).for_each(|chunk| splitter.push(chunk, &mut keep));
        splitter.finish(&mut keep);
        rows
    }

    fn lines(file: &str) -> Vec<(u64, u64)> {
        let whole = split(file.as_bytes(), file.len().max(1));
        assert_eq!(whole, split(file.as_bytes(), 1), "{file:?} byte by byte");
        whole.into_iter().map(|(line, last, ..)| (line, last)).collect()
    }

    #[test]
    fn rows_know_the_lines_they_begin_and_end_on() {
        for end in ["\n", "\r\n", "\r"] {
            let file = |text: &str| text.replace('\n', end);
            assert_eq!(lines(&file("a,b\nc,d\ne,f\n")), [(1, 1), (2, 2), (3, 3)], "{end:?}");
            assert_eq!(lines(&file("a,b\nc,d")), [(1, 1), (2, 2)], "{end:?} no line end at the end");
            assert_eq!(lines(&file("\n\na\n\n\nb\n\n")), [(3, 3), (6, 6)], "{end:?} blank lines");
            assert_eq!(lines(&file("a\n\"b\n\nc\"\nd\n")), [(1, 1), (2, 4), (5, 5)], "{end:?} in quotes");
            assert_eq!(lines(&file("a\n  \n\t\nb\n")), [(1, 1), (4, 4)], "{end:?} lines of spaces");
            assert_eq!(
                lines(&file("a\n\"x\n\"\n")),
                [(1, 1), (2, 3)],
                "{end:?} quote closes on its own line"
            );
            assert_eq!(lines(&file("a\n\"b\nc\nd")), [(1, 1), (2, 4)], "{end:?} quote left open");
        }
        assert_eq!(lines("a\n\rb\r\n\nc"), [(1, 1), (3, 3), (5, 5)], "all mixed");
    }

    #[test]
    fn quotes_are_undone() {
        let rows = split(b"a,\"b \"\"c\"\"\",\"d,e\"\nx\"y,,\n\"\"\n", 3);
        let cells: Vec<Vec<String>> = rows.into_iter().map(|row| row.2).collect();
        assert_eq!(cells, [vec!["a", "b \"c\"", "d,e"], vec!["x\"y", "", ""], vec![""]]);
    }

    #[test]
    fn an_open_quote_at_the_end_is_told_from_a_closed_one() {
        for (file, fault) in [
            ("a\n\"b", Some(Fault::OpenQuote)),
            ("a\n\"b\n", Some(Fault::OpenQuote)),
            ("a\nb,\"", Some(Fault::OpenQuote)),
            ("a\n\"b\"", None),
            ("a\n\"b\"\"\"", None),
            ("a\nb\"", None),
        ] {
            let rows = split(file.as_bytes(), 2);
            assert_eq!((rows.len(), rows[1].3), (2, fault), "{file:?}");
        }
    }

    #[test]
    fn rows_swallowed_by_a_quote_left_open_are_told() {
        for (file, fault) in [
            ("a\n1,\"A\n2,\"B\n3,C\n", Some(Fault::StrayQuote)),
            ("a\n1,\"A\n2,\"B\"\n", Some(Fault::StrayQuote)),
            ("a\n1,\"A\nB\" ,c\n", None),
            ("a\n1,\"A \"\"the\nB\"\"\"\n", None),
            ("a\n1,\"A\" the B\n", None), // one line: nothing was swallowed
        ] {
            let rows = split(file.as_bytes(), 3);
            assert_eq!(rows[1].3, fault, "{file:?}");
        }
    }

    #[test]
    fn a_row_may_be_just_so_long_and_the_next_one_is_read_again() {
        for (length, fault) in
            [(MAX_ROW - 1, None), (MAX_ROW + 1, Some(Fault::TooLong)), (5 * MAX_ROW, Some(Fault::TooLong))]
        {
            for cut in [1000, 1 << 20] {
                let rows = split(format!("{}\nb\n", "x".repeat(length)).as_bytes(), cut);
                assert_eq!((rows.len(), rows[0].3), (2, fault), "{length}");
                assert_eq!(rows[1], (2, 2, vec!["b".to_owned()], None));
            }
        }
    }

    #[test]
    fn cells_are_counted_beyond_what_is_kept() {
        let mut counts = Vec::new();
        let mut splitter = Splitter::new(b',');
        let file = format!("{}\nb,c\n", ",".repeat(3000));
        file.as_bytes().chunks(700).for_each(|c| splitter.push(c, &mut |row| counts.push(row.cells)));
        assert_eq!(counts, [3001, 2]);
    }

    proptest! {
        #[test]
        fn the_cuts_do_not_matter(file in proptest::collection::vec(proptest::sample::select(b"ab,\"\r\n \xc3".to_vec()), 0..60), cut in 1usize..20) {
            let whole = split(&file, 60);
            prop_assert_eq!(&whole, &split(&file, cut));
            prop_assert!(whole.windows(2).all(|pair| pair[0].1 < pair[1].0), "rows overlap: {:?}", whole);
            prop_assert!(whole.iter().all(|row| row.0 <= row.1), "{:?}", whole);
        }
    }
}
