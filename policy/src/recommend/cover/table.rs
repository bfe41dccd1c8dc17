//! A relation by numbers, and covers of it.

use std::collections::BTreeSet;

use super::search::Search;
use super::{Block, EXACT_CELLS};

/// Larger ones are covered by their distinct rows or columns alone.
const GREEDY_CELLS: usize = 16_384;

/// Rows and columns by number; no two rows are equal, no two columns, and none is empty.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The columns of each row.
    pub(super) cells: Vec<BTreeSet<usize>>,
    /// How many entries a row stands for.
    pub(super) row_weights: Vec<usize>,
    pub(super) column_weights: Vec<usize>,
}

/// A block of such numbers.
pub(super) type Indexed = Block<usize, usize>;

impl Table {
    /// Blocks, then entries.
    pub(super) fn cost(&self, cover: &[Indexed]) -> (usize, usize) {
        let entries = |block: &Indexed| {
            block.rows.iter().map(|r| self.row_weights[*r]).sum::<usize>()
                + block.columns.iter().map(|c| self.column_weights[*c]).sum::<usize>()
        };
        (cover.len(), cover.iter().map(entries).sum())
    }

    fn rows_with(&self, columns: &BTreeSet<usize>) -> BTreeSet<usize> {
        (0..self.cells.len()).filter(|row| columns.is_subset(&self.cells[*row])).collect()
    }

    fn columns_of(&self, rows: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut sets = rows.iter().map(|row| &self.cells[*row]);
        let first = sets.next().cloned().unwrap_or_default();
        sets.fold(first, |common, set| common.intersection(set).copied().collect())
    }

    /// A row and all others that have its columns.
    fn around_row(&self, row: usize) -> Indexed {
        let columns = self.cells[row].clone();
        Block { rows: self.rows_with(&columns), columns }
    }

    /// A column and all others that its rows have.
    fn around_column(&self, column: usize) -> Indexed {
        let rows = self.rows_with(&BTreeSet::from([column]));
        Block { columns: self.columns_of(&rows), rows }
    }

    /// `None` when the table is too large or the search too long.
    pub(super) fn exact(&self) -> Option<Vec<Indexed>> {
        let columns = self.column_weights.len();
        if self.cells.len() * columns > EXACT_CELLS {
            return None;
        }
        let mut search = Search::new(self, self.closed());
        let whole: u64 = self.mask(&(0..self.cells.len()).collect(), |row| self.cells[row].clone());
        search.best(whole, self.cells.len().min(columns))
    }

    /// The cells of rows as bits.
    fn mask(&self, rows: &BTreeSet<usize>, columns: impl Fn(usize) -> BTreeSet<usize>) -> u64 {
        let width = self.column_weights.len();
        rows.iter().flat_map(|row| columns(*row).into_iter().map(move |c| 1 << (row * width + c))).sum()
    }

    /// Every block that no row or column could be added to, with its cells: each cover can be
    /// made of these.
    fn closed(&self) -> Vec<(Indexed, u64)> {
        let by_row = self.cells.len() <= self.column_weights.len();
        let mut found: BTreeSet<Indexed> = BTreeSet::new();
        let single = |at: usize| if by_row { self.around_row(at) } else { self.around_column(at) };
        let count = if by_row { self.cells.len() } else { self.column_weights.len() };
        // What two closed blocks share is closed again: the sets grow until nothing new comes.
        for at in 0..count {
            let one = single(at);
            let known: Vec<Indexed> = found.iter().cloned().collect();
            for other in known {
                let columns: BTreeSet<usize> = if by_row {
                    one.columns.intersection(&other.columns).copied().collect()
                } else {
                    self.columns_of(&one.rows.intersection(&other.rows).copied().collect())
                };
                let rows = self.rows_with(&columns);
                if !columns.is_empty() && !rows.is_empty() {
                    found.insert(Block { rows, columns });
                }
            }
            found.insert(one);
        }
        let with_cells = found.into_iter().map(|block| {
            let cells = self.mask(&block.rows, |_| block.columns.clone());
            (block, cells)
        });
        with_cells.collect()
    }

    /// The best of three: distinct rows, distinct columns, and blocks around them, each time the one
    /// that covers most of what is left.
    pub(super) fn greedy(&self) -> Vec<Indexed> {
        let (rows, columns) = (self.cells.len(), self.column_weights.len());
        let by_rows: Vec<Indexed> =
            (0..rows).map(|r| Block { rows: [r].into(), columns: self.cells[r].clone() }).collect();
        let by_columns: Vec<Indexed> =
            (0..columns).map(|c| Block { rows: self.rows_with(&[c].into()), columns: [c].into() }).collect();
        let mut covers = vec![by_rows, by_columns];
        if rows * columns <= GREEDY_CELLS {
            covers.push(self.greedy_cover());
        }
        covers.into_iter().min_by_key(|cover| self.cost(cover)).unwrap_or_default()
    }

    fn greedy_cover(&self) -> Vec<Indexed> {
        let rows = (0..self.cells.len()).map(|row| self.around_row(row));
        let columns = (0..self.column_weights.len()).map(|column| self.around_column(column));
        let candidates: Vec<Indexed> = rows.chain(columns).collect::<BTreeSet<_>>().into_iter().collect();
        let mut left = self.cells.clone();
        let mut chosen: Vec<Indexed> = Vec::new();
        while left.iter().any(|columns| !columns.is_empty()) {
            let gain = |block: &Indexed| -> usize {
                block.rows.iter().map(|row| left[*row].intersection(&block.columns).count()).sum()
            };
            // Of equals the first: candidates are sorted.
            let best = candidates.iter().rev().max_by_key(|block| gain(block));
            let Some(best) = best.filter(|block| gain(block) > 0) else { break };
            // Rows and columns that bring nothing new stay out.
            let rows: BTreeSet<usize> =
                best.rows.iter().copied().filter(|r| !left[*r].is_disjoint(&best.columns)).collect();
            let new = |c: &usize| rows.iter().any(|row| left[*row].contains(c));
            let columns: BTreeSet<usize> = best.columns.iter().copied().filter(new).collect();
            for row in &rows {
                left[*row].retain(|column| !columns.contains(column));
            }
            chosen.push(Block { rows, columns });
        }
        chosen
    }
}
