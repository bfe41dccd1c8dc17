//! How much may come out of a file.
//!
//! A column that always has the same value takes a few octets for a million rows, so a small file may say that
//! it has more rows than anybody waits for. What comes out is held to what gzip, which packs text a thousand
//! times at most, could have made of a file of that size.

use parquet::errors::{ParquetError, Result};

/// Octets that come out of any file.
const FREE: u64 = 64 << 20;
/// Octets that come out for each one of the file.
const EACH: u64 = 1024;
/// What a row costs beside its text.
const ROW: usize = 64;

/// What is left.
#[derive(Clone, Copy, Debug)]
pub struct Budget(u64);

impl Budget {
    /// That of a file.
    pub fn of(size: u64) -> Self {
        Budget(size.saturating_mul(EACH).saturating_add(FREE))
    }

    /// Takes the price of rows.
    pub fn rows(&mut self, rows: usize) -> Result<()> {
        self.spend(rows.saturating_mul(ROW))
    }

    /// Takes so many octets.
    pub fn spend(&mut self, octets: usize) -> Result<()> {
        let left = self.0.checked_sub(octets as u64);
        self.0 = left.unwrap_or(0);
        let spent = || ParquetError::General("more comes out than a file of this size can hold".to_owned());
        left.map(|_| ()).ok_or_else(spent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_has_a_million_rows_and_no_more() {
        let mut budget = Budget::of(100);
        assert!(budget.rows(1_000_000).is_ok());
        assert!(budget.rows(1_000_000).is_err() && budget.rows(1).is_err());
        assert!(Budget::of(10 << 20).rows(100_000_000).is_ok());
    }
}
