//! Tables in Parquet (<https://parquet.apache.org/docs/file-format/>).
//!
//! ```text
//! file ─▶ footer ─▶ schema ─▶ choose: columns that the decoder asks for
//!   └──▶ page (opened by codec, bounded) ─▶ leaf: a column, some rows at a time ─▶ rows ─▶ decoder of the format
//! ```
//!
//! The crate `parquet` reads the footer and takes values out of pages; nothing else here names it. Whatever makes
//! room by the word of the file is looked at first: the crate believes what it reads. What still breaks it down ends in
//! [`guarded`].

mod budget;
mod cell;
mod choose;
mod codec;
mod compact;
mod delta;
mod footer;
mod head;
mod leaf;
mod page;
mod rows;
mod schema;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::errors::{ParquetError, Result};

pub use footer::MAGIC;
pub(crate) use rows::read;

use crate::error::CaptureError;
use crate::recorder::Recorder;

/// Octets that are read in any order.
pub trait RandomAccess: Send + Sync {
    /// How many there are.
    fn size(&self) -> u64;

    /// So many octets from an offset on; fewer is an error.
    fn octets(&self, offset: u64, length: usize) -> io::Result<Vec<u8>>;
}

impl RandomAccess for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn octets(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let octets = start.checked_add(length).and_then(|end| self.get(start..end));
        octets.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Reads a whole table in Parquet into the recorder: flow logs of a format that has columns. Columns that the
/// format does not ask for are not read at all. `progress` is called now and then with the octets of the file that
/// are done with, by the share of its rows.
///
/// An error means that the file is unusable as a whole; damage inside it is counted in its
/// [`flowfence_model::FileReport`].
pub fn read_table(
    file: &Arc<dyn RandomAccess>,
    name: &str,
    recorder: &mut Recorder,
    progress: &mut dyn FnMut(u64),
) -> std::result::Result<(), CaptureError> {
    let number = recorder.begin_input(name);
    let result = read(file, recorder, number, progress);
    if result.is_err() {
        recorder.forget_input(number);
    }
    result
}

/// Lets the crate work. It takes values of a file as they are here and there, and stops where they make no sense: what
/// it has begun is then given up, and the run goes on.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(ParquetError::General("its octets make no sense".to_owned())))
}

/// What the crate says, without the words for its kind of error before it.
fn in_words(error: &ParquetError) -> String {
    match error {
        ParquetError::General(what) | ParquetError::NYI(what) | ParquetError::EOF(what) => what.clone(),
        other => other.to_string(),
    }
}
