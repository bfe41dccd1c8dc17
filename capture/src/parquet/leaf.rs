//! One column of a table, some rows at a time.

use std::sync::Arc;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{AsBytes, DataType};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;

use super::RandomAccess;
use super::budget::Budget;
use super::cell::Style;
use super::page::{Pages, grows};

/// A text beyond this is not what a log has in a field.
const MAX_CELL: usize = 4096;
/// A list of texts likewise.
const MAX_LIST: usize = 1 << 14;

/// What some rows have in a column, as text.
#[derive(Debug, Default)]
pub struct Cells {
    text: Vec<u8>,
    /// Where each row's text ends, and whether it was too long to be kept.
    ends: Vec<(usize, bool)>,
}

impl Cells {
    /// The text of a row, empty where it has nothing; `None` where it is no text, or too long for one.
    pub fn get(&self, row: usize) -> Option<&str> {
        let start = row.checked_sub(1).map_or(Some(0), |before| Some(self.ends.get(before)?.0))?;
        let (end, is_too_long) = *self.ends.get(row)?;
        std::str::from_utf8(self.text.get(start..end)?).ok().filter(|_| !is_too_long)
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    fn start(&self) -> usize {
        self.ends.last().map_or(0, |(end, _)| *end)
    }

    fn end_row(&mut self, is_too_long: bool) {
        self.ends.push((self.text.len(), is_too_long));
    }
}

/// A column of a row group, read from the front.
pub struct Leaf {
    reader: ColumnReader,
    style: Style,
    /// The level at which there is a value.
    full: i16,
    is_list: bool,
    /// The level from which on a list has a member, with a value or without.
    member: i16,
    may_grow: bool,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    /// What the rows have that were read last.
    pub cells: Cells,
}

impl Leaf {
    /// A column before its first row.
    pub fn new(file: Arc<dyn RandomAccess>, chunk: &ColumnChunkMetaData, style: Style) -> Self {
        let column = chunk.column_descr_ptr();
        let (full, is_list) = (column.max_def_level(), column.max_rep_level() > 0);
        let member = column.repeated_ancestor_def_level();
        let pages = Pages::new(file, chunk);
        Leaf {
            reader: get_column_reader(column, Box::new(pages)),
            style,
            full,
            is_list,
            member,
            may_grow: grows(chunk),
            definitions: Vec::new(),
            repetitions: Vec::new(),
            cells: Cells::default(),
        }
    }

    /// Reads so many rows, and no fewer.
    pub fn read(&mut self, rows: usize, budget: &mut Budget) -> Result<()> {
        let style = self.style;
        self.definitions.clear();
        self.repetitions.clear();
        self.cells.clear();
        let mut levels = Levels {
            full: self.full,
            is_list: self.is_list,
            member: self.member,
            may_grow: self.may_grow,
            definitions: &mut self.definitions,
            repetitions: &mut self.repetitions,
            cells: &mut self.cells,
            budget,
        };
        match &mut self.reader {
            ColumnReader::BoolColumnReader(reader) => levels.read(reader, rows, |value, to| {
                to.extend_from_slice(if *value { b"true" } else { b"false" });
            }),
            ColumnReader::Int32ColumnReader(reader) => {
                levels.read(reader, rows, |value, to| style.whole(i64::from(*value), 32, to))
            }
            ColumnReader::Int64ColumnReader(reader) => {
                levels.read(reader, rows, |value, to| style.whole(*value, 64, to))
            }
            ColumnReader::Int96ColumnReader(reader) => levels.read(reader, rows, |value, to| {
                if let Ok(words) = <[u32; 3]>::try_from(value.data()) {
                    style.int96(words, to);
                }
            }),
            ColumnReader::FloatColumnReader(reader) => {
                levels.read(reader, rows, |value, to| Style::real(f64::from(*value), to))
            }
            ColumnReader::DoubleColumnReader(reader) => {
                levels.read(reader, rows, |value, to| Style::real(*value, to))
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                levels.read(reader, rows, |value, to| octets(style, value.data(), to))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                levels.read(reader, rows, |value, to| octets(style, value.data(), to))
            }
        }
    }
}

/// One octet more than may be is written of what is too long: enough to see that it is.
fn octets(style: Style, value: &[u8], to: &mut Vec<u8>) {
    style.octets(value.get(..=MAX_CELL).unwrap_or(value), to);
}

struct Levels<'a> {
    full: i16,
    is_list: bool,
    member: i16,
    may_grow: bool,
    definitions: &'a mut Vec<i16>,
    repetitions: &'a mut Vec<i16>,
    cells: &'a mut Cells,
    budget: &'a mut Budget,
}

impl Levels<'_> {
    fn read<T: DataType>(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        rows: usize,
        write: impl Fn(&T::T, &mut Vec<u8>),
    ) -> Result<()> {
        let mut values: Vec<T::T> = Vec::new();
        let mut done = 0;
        while done < rows {
            let (definitions, repetitions) = (&mut *self.definitions, &mut *self.repetitions);
            let (read, _, levels) =
                reader.read_records(rows - done, Some(definitions), Some(repetitions), &mut values)?;
            if read == 0 && levels == 0 {
                return Err(ParquetError::General("a column has fewer rows than the others".to_owned()));
            }
            done += read;
        }
        if self.may_grow {
            // Each was written anew, however little of it was in the file.
            self.budget.spend(values.iter().map(|value| value.as_bytes().len()).sum())?;
        }
        if self.full == 0 {
            for value in values.iter().take(rows) {
                write(value, &mut self.cells.text);
                self.end_row();
            }
        } else {
            self.place(&values, write);
        }
        self.budget.spend(self.cells.text.len())?;
        if self.cells.ends.len() == rows {
            return Ok(());
        }
        Err(ParquetError::General("a column has other rows than the others".to_owned()))
    }

    /// Puts values where levels say that they belong.
    fn place<V>(&mut self, values: &[V], write: impl Fn(&V, &mut Vec<u8>)) {
        let mut values = values.iter();
        let mut members = 0;
        for i in 0..self.definitions.len() {
            let level = self.definitions.get(i).copied();
            if self.is_list && i > 0 && self.repetitions.get(i) == Some(&0) {
                self.end_row();
                members = 0;
            }
            let value = if level == Some(self.full) { values.next() } else { None };
            if self.is_list && level.is_some_and(|level| level >= self.member) {
                if members > 0 {
                    self.cells.text.push(b',');
                }
                members += 1;
            }
            if let Some(value) = value
                && self.cells.text.len() <= self.cells.start() + MAX_LIST
            {
                write(value, &mut self.cells.text);
            }
            if !self.is_list {
                self.end_row();
            }
        }
        if self.is_list && !self.definitions.is_empty() {
            self.end_row();
        }
    }

    fn end_row(&mut self) {
        let start = self.cells.start();
        let most = if self.is_list { MAX_LIST } else { MAX_CELL };
        let is_too_long = self.cells.text.len() - start > most;
        if is_too_long {
            self.cells.text.truncate(start);
        }
        self.cells.end_row(is_too_long);
    }
}
