//! The footer: what columns and row groups there are, and where.

use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};

use super::compact::{Compact, Kind};
use super::{RandomAccess, guarded, in_words};
use crate::error::CaptureError;

/// What a Parquet file begins and ends with.
pub const MAGIC: &[u8; 4] = b"PAR1";
/// What one begins with whose footer is encrypted.
pub const ENCRYPTED: &[u8; 4] = b"PARE";
/// The length of the footer and the magic behind it.
const TAIL: usize = 8;
/// A footer beyond this is refused: some eighty thousand pieces of columns, each several times as large in
/// memory.
const MAX_FOOTER: u64 = 8 << 20;
/// Groups inside one another.
const MAX_DEPTH: usize = 32;

/// Reads the footer.
pub fn read(file: &dyn RandomAccess) -> Result<ParquetMetaData, CaptureError> {
    let end = file.size();
    let cut = || CaptureError::Table("it ends before its footer; write it again".to_owned());
    let start = end.checked_sub(TAIL as u64).filter(|start| *start >= MAGIC.len() as u64).ok_or_else(cut)?;
    let tail = file.octets(start, TAIL)?;
    let (length, magic) = tail.split_first_chunk::<4>().ok_or_else(cut)?;
    if magic == ENCRYPTED {
        return Err(CaptureError::Table("it is encrypted".to_owned()));
    }
    if magic != MAGIC {
        return Err(cut());
    }
    let length = u64::from(u32::from_le_bytes(*length));
    let begin = start.checked_sub(length).ok_or_else(cut)?;
    if length > MAX_FOOTER {
        let why = format!("its footer has {length} octets, and {MAX_FOOTER} are the most that is read");
        return Err(CaptureError::Table(why));
    }
    let octets = file.octets(begin, usize::try_from(length).unwrap_or_default())?;
    check(&octets).ok_or_else(|| CaptureError::Table("its footer is damaged".to_owned()))?;
    let mut options = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(true);
    options.set_column_stats_policy(ParquetStatisticsPolicy::SkipAll);
    options.set_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    guarded(|| ParquetMetaDataReader::decode_metadata_with_options(&octets, Some(&options)))
        .map_err(|error| CaptureError::Table(format!("its footer is damaged: {}", in_words(&error))))
}

/// Whether a footer is what it says, as far as whoever decodes it makes room by its word: lists that fit, and
/// a tree of columns that is none too deep, each group with as many members as there are.
fn check(footer: &[u8]) -> Option<()> {
    let mut members = Vec::new();
    let mut compact = Compact::new(footer);
    compact.fields(|compact, number, kind| {
        // FileMetaData.schema
        if (number, kind) != (2, Kind::List) {
            return Some(false);
        }
        let (count, of) = compact.list()?;
        (count == 0 || of == Kind::Struct).then_some(())?;
        for _ in 0..count {
            members.push(element(compact)?);
        }
        Some(true)
    })?;
    is_tree(&members).then_some(())
}

/// How many members a node of the tree says that it has.
fn element(compact: &mut Compact<'_>) -> Option<usize> {
    let mut members = 0;
    compact.fields(|compact, number, kind| {
        // SchemaElement.num_children
        if (number, kind) != (5, Kind::Number) {
            return Some(false);
        }
        members = usize::try_from(compact.number()?).ok()?;
        Some(true)
    })?;
    Some(members)
}

/// Whether nodes in the order in which they are written make one tree.
fn is_tree(members: &[usize]) -> bool {
    // Members that are still to come, of each group that is open.
    let mut open: Vec<usize> = Vec::new();
    for (at, count) in members.iter().enumerate() {
        if at > 0 {
            while open.last() == Some(&0) {
                open.pop();
            }
            let Some(left) = open.last_mut() else { return false };
            *left -= 1;
        }
        if *count > members.len() || open.len() > MAX_DEPTH {
            return false;
        }
        if *count > 0 {
            open.push(*count);
        }
    }
    open.iter().all(|left| *left == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_one_tree() {
        assert!(is_tree(&[2, 0, 0]));
        assert!(is_tree(&[2, 1, 0, 0]));
        assert!(!is_tree(&[2, 0]));
        assert!(!is_tree(&[1, 0, 0]));
        assert!(!is_tree(&[1_000_000_000, 0]));
        assert!(!is_tree(&[1; 100]));
    }
}
