//! Rows of a table, given to the decoder of its format.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use parquet::errors::Result;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::budget::Budget;
use super::cell::{Moments, Style};
use super::choose::{Chosen, choose, recognise};
use super::leaf::Leaf;
use super::page::grows;
use super::{RandomAccess, footer, guarded, in_words, schema};
use crate::cause::Tally;
use crate::error::CaptureError;
use crate::flowlog::{Decoder, Form, Skip, sample};
use crate::recorder::Recorder;

/// Rows that are read at a time.
const TOGETHER: usize = 1024;
/// The same where each value may be as long as a page.
const FEW: usize = 16;
/// Problems of one input that are told in words.
const MAX_PROBLEMS: usize = 8;
/// Columns that are named when none is known.
const NAMED: usize = 12;

/// Reads the table, whose input was begun.
pub fn read(
    file: &Arc<dyn RandomAccess>,
    recorder: &mut Recorder,
    input: u32,
    progress: &mut dyn FnMut(u64),
) -> std::result::Result<(), CaptureError> {
    if recorder.has_outlet() {
        return Err(CaptureError::LogIntoFlowFile);
    }
    let meta = footer::read(file.as_ref())?;
    let (decoder, chosen, problems) = decoder(&meta, recorder.form())?;
    let mut table = Table {
        file,
        decoder,
        chosen,
        recorder,
        input,
        row: 0,
        damaged: 0,
        is_cut: false,
        problems,
        budget: Budget::of(file.size()),
    };
    let rows: u64 = meta.row_groups().iter().map(rows_of).fold(0, u64::saturating_add);
    for group in meta.row_groups() {
        table.group(group, &mut |row| progress(share(file.size(), row, rows)));
    }
    table.close();
    Ok(())
}

/// A decoder, its columns, and what is odd about them.
type Begun = (Box<dyn Decoder>, Vec<Chosen>, Vec<String>);

/// The decoder, with the columns that it asks for, and what is odd about it.
fn decoder(meta: &ParquetMetaData, said: Option<Form>) -> std::result::Result<Begun, CaptureError> {
    let refuse = |why: String| Err(CaptureError::Table(why));
    let columns = schema::columns(meta.file_metadata().schema_descr());
    let seen = recognise(&columns);
    let mut problems = Vec::new();
    let formats = said.as_ref().and_then(Form::format).zip(seen.as_ref().and_then(Form::format));
    if let Some((read, seen)) = formats.filter(|(read, seen)| read.token != seen.token) {
        problems.push(format!("looks like {} ({}) and is read as {}", seen.token, seen.name, read.token));
    }
    let named = || {
        let mut names: Vec<String> = columns.iter().map(|column| column.path.join("/")).collect();
        names.dedup();
        let more = if names.len() > NAMED { ", …" } else { "" };
        names.truncate(NAMED);
        // The names go to a terminal with the rest of the sentence.
        sample(format!("{}{more}", names.join(", ")).as_bytes())
    };
    let Some(form) = said.or(seen) else {
        return refuse(format!(
            "its columns are of no format that is known; say what they are with --format map:FILE (columns: {})",
            named()
        ));
    };
    let mut decoder = form.open();
    let Some(asks) = decoder.asks() else {
        let name = form.format().map_or("this format", |format| format.token);
        return refuse(format!("{name} is read from lines only"));
    };
    let chosen = choose(&asks, &columns);
    if chosen.is_empty() {
        return refuse(format!("it has none of the columns that are asked for (columns: {})", named()));
    }
    for chosen in &chosen {
        if let Some(codec) = schema::unopened(meta, chosen.leaf) {
            return refuse(format!("it is compressed with {codec}, which is not opened here"));
        }
    }
    let fields: Vec<String> = chosen.iter().map(|chosen| chosen.field.clone()).collect();
    decoder.begin_table(&fields);
    Ok((decoder, chosen, problems))
}

/// A table that is being read.
struct Table<'a> {
    file: &'a Arc<dyn RandomAccess>,
    decoder: Box<dyn Decoder>,
    chosen: Vec<Chosen>,
    recorder: &'a mut Recorder,
    input: u32,
    /// Rows that were passed.
    row: u64,
    damaged: u64,
    is_cut: bool,
    problems: Vec<String>,
    budget: Budget,
}

impl Table<'_> {
    /// Reads a group of rows. What breaks it down costs the rest of it.
    fn group(&mut self, group: &RowGroupMetaData, progress: &mut dyn FnMut(u64)) {
        let mut left = rows_of(group);
        let may_grow = self.chosen.iter().any(|chosen| group.columns().get(chosen.leaf).is_some_and(grows));
        let most = if may_grow { FEW } else { TOGETHER };
        let mut leaves = match guarded(|| Ok(self.leaves(group))) {
            Ok(leaves) => leaves,
            Err(error) => return self.lose(left, &in_words(&error)),
        };
        while left > 0 {
            let rows = usize::try_from(left).unwrap_or(usize::MAX).min(most);
            if let Err(error) = self.fill(&mut leaves, rows) {
                return self.lose(left, &in_words(&error));
            }
            self.give(&leaves, rows);
            left -= rows as u64;
            progress(self.row);
        }
    }

    /// The columns of a group before their first row.
    fn leaves(&self, group: &RowGroupMetaData) -> BTreeMap<usize, Leaf> {
        let moments = self.decoder.asks().map_or(Moments::Rfc3339, |asks| {
            if asks.wants_seconds { Moments::Epoch } else { Moments::Rfc3339 }
        });
        let mut leaves = BTreeMap::new();
        for leaf in self.chosen.iter().flat_map(|chosen| [Some(chosen.leaf), chosen.values]).flatten() {
            if let Some(chunk) = group.columns().get(leaf)
                && let Some(style) = Style::of(chunk.column_descr(), moments)
            {
                leaves.entry(leaf).or_insert_with(|| Leaf::new(Arc::clone(self.file), chunk, style));
            }
        }
        leaves
    }

    fn fill(&mut self, leaves: &mut BTreeMap<usize, Leaf>, rows: usize) -> Result<()> {
        let budget = &mut self.budget;
        budget.rows(rows)?;
        guarded(|| leaves.values_mut().try_for_each(|leaf| leaf.read(rows, budget)))
    }

    /// Gives rows that were read to the decoder.
    fn give(&mut self, leaves: &BTreeMap<usize, Leaf>, rows: usize) {
        let columns: Vec<Source<'_>> = self
            .chosen
            .iter()
            .map(|chosen| Source {
                leaf: leaves.get(&chosen.leaf),
                values: chosen.values.and_then(|leaf| leaves.get(&leaf)),
                is_first: chosen.is_first,
            })
            .collect();
        let damaged_before = self.damaged;
        for row in 0..rows {
            self.row += 1;
            let values: Option<Vec<Cow<'_, str>>> = columns.iter().map(|column| column.value(row)).collect();
            let taken = match &values {
                None => Err(Skip::Bad("a value is no text, or longer than one can be")),
                Some(values) => self.decoder.row(values, &mut self.recorder.log(self.input)),
            };
            match taken {
                Ok(()) => {}
                Err(Skip::Other(cause)) => Tally::add(self.recorder.log(self.input).tally, cause),
                Err(Skip::Bad(why)) => {
                    self.damaged += 1;
                    let text = values.map_or_else(String::new, |values| values.join(" "));
                    self.problem(&format!("{why}: {}", sample(text.as_bytes())));
                }
            }
        }
        if let Some(report) = self.recorder.report(self.input) {
            report.packets += rows as u64 - (self.damaged - damaged_before);
        }
    }

    /// Counts rows that nobody will see.
    fn lose(&mut self, rows: u64, why: &str) {
        self.row += 1;
        self.problem(&format!("{why}; {rows} rows from here on are lost"));
        self.row = (self.row - 1).saturating_add(rows);
        self.damaged = self.damaged.saturating_add(rows);
        self.is_cut = true;
    }

    fn problem(&mut self, what: &str) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(format!("row {}: {what}", self.row));
        }
    }

    fn close(mut self) {
        self.decoder.finish(&mut self.recorder.log(self.input));
        let size = self.file.size();
        if let Some(report) = self.recorder.report(self.input) {
            report.octets = size;
            report.damaged_records = self.damaged;
            report.truncated = self.is_cut;
            report.problems = self.problems;
        }
    }
}

/// Where a field is read.
struct Source<'a> {
    leaf: Option<&'a Leaf>,
    values: Option<&'a Leaf>,
    is_first: bool,
}

impl<'a> Source<'a> {
    /// What the field has in a row; nothing where its column is not there. Of a map its pairs: keys and values that
    /// have commas in them are no labels.
    fn value(&self, row: usize) -> Option<Cow<'a, str>> {
        let Some(leaf) = self.leaf else { return Some(Cow::Borrowed("")) };
        let text = leaf.cells.get(row)?;
        let Some(values) = self.values else {
            let first = text.split(',').next().filter(|_| self.is_first);
            return Some(Cow::Borrowed(first.unwrap_or(text)));
        };
        let values = values.cells.get(row)?;
        if text.is_empty() {
            return Some(Cow::Borrowed(""));
        }
        let pairs = text.split(',').zip(values.split(',')).map(|(key, value)| format!("{key}={value}"));
        Some(Cow::Owned(pairs.collect::<Vec<_>>().join(",")))
    }
}

fn rows_of(group: &RowGroupMetaData) -> u64 {
    u64::try_from(group.num_rows()).unwrap_or(0)
}

/// The share of a file that so many of its rows are.
fn share(size: u64, row: u64, rows: u64) -> u64 {
    let share = u128::from(size) * u128::from(row.min(rows)) / u128::from(rows.max(1));
    u64::try_from(share).unwrap_or(size)
}
