//! The exact search: covers of closed blocks, each trimmed to its fewest entries.

use std::collections::BTreeSet;

use super::Block;
use super::table::{Indexed, Table};

/// Steps of the exact search; a relation that needs more is covered greedily.
const STEPS: usize = 50_000;

/// Looks for a cover of a given number of closed blocks, and trims each that it finds.
pub(super) struct Search<'t> {
    table: &'t Table,
    blocks: Vec<(Indexed, u64)>,
    steps: usize,
    best: Option<((usize, usize), Vec<Indexed>)>,
}

impl<'t> Search<'t> {
    /// A search among these blocks, each with its cells.
    pub(super) fn new(table: &'t Table, blocks: Vec<(Indexed, u64)>) -> Self {
        Search { table, blocks, steps: 0, best: None }
    }

    /// The cover of the cells `whole` that has the fewest blocks, at most `most`, and then the
    /// fewest entries; `None` when finding it took too long.
    pub(super) fn best(&mut self, whole: u64, most: usize) -> Option<Vec<Indexed>> {
        for blocks in 0..=most {
            self.cover(whole, blocks, &mut Vec::new());
            if self.steps > STEPS {
                return None;
            }
            if let Some((_, best)) = self.best.take() {
                return Some(best);
            }
        }
        None
    }

    fn cover(&mut self, left: u64, more: usize, chosen: &mut Vec<usize>) {
        self.steps += 1;
        if self.steps > STEPS {
            return;
        }
        if left == 0 {
            let trimmed = self.trim(chosen);
            let cost = self.table.cost(&trimmed);
            let is_better = |best: &((usize, usize), Vec<Indexed>)| (cost, &trimmed) < (best.0, &best.1);
            if self.best.as_ref().is_none_or(is_better) {
                self.best = Some((cost, trimmed));
            }
            return;
        }
        if more == 0 {
            return;
        }
        // The cell that fewest blocks hold.
        let holders = |cell: u64| self.blocks.iter().filter(|(_, cells)| cells & cell != 0).count();
        let cells = (0..u64::BITS).map(|bit| 1 << bit).filter(|cell| left & cell != 0);
        let Some(cell) = cells.min_by_key(|cell| holders(*cell)) else { return };
        for at in 0..self.blocks.len() {
            let cells = self.blocks[at].1;
            if cells & cell != 0 {
                chosen.push(at);
                self.cover(left & !cells, more - 1, chosen);
                chosen.pop();
            }
        }
    }

    /// The fewest entries that still cover everything between these blocks.
    fn trim(&mut self, chosen: &[usize]) -> Vec<Indexed> {
        let whole: Vec<&Indexed> = chosen.iter().map(|at| &self.blocks[*at].0).collect();
        let cells = self.table.cells.iter().enumerate();
        let cells = cells.flat_map(|(row, columns)| columns.iter().map(move |column| (row, *column)));
        let holders = |(row, column): (usize, usize)| -> Vec<usize> {
            let holds = |block: &Indexed| block.rows.contains(&row) && block.columns.contains(&column);
            (0..whole.len()).filter(|at| holds(whole[*at])).collect()
        };
        let mut cells: Vec<((usize, usize), Vec<usize>)> = cells.map(|cell| (cell, holders(cell))).collect();
        // What only one block holds leaves no choice.
        cells.sort_by_key(|(_, holders)| holders.len());
        let empty = Block { rows: BTreeSet::new(), columns: BTreeSet::new() };
        let mut trim = Trim { table: self.table, cells: &cells, steps: 0, best: None };
        trim.place(0, &mut vec![empty; whole.len()]);
        self.steps += trim.steps;
        let best = trim.best.map(|(_, blocks)| blocks);
        let mut blocks = best.unwrap_or_else(|| whole.into_iter().cloned().collect());
        blocks.retain(|block| !block.rows.is_empty());
        blocks.sort();
        blocks
    }
}

/// Gives each cell to one of the blocks that hold it.
struct Trim<'t> {
    table: &'t Table,
    cells: &'t [((usize, usize), Vec<usize>)],
    steps: usize,
    best: Option<(usize, Vec<Indexed>)>,
}

impl Trim<'_> {
    fn place(&mut self, at: usize, blocks: &mut Vec<Indexed>) {
        self.steps += 1;
        let (_, entries) = self.table.cost(blocks);
        let is_worse = self.best.as_ref().is_some_and(|(best, _)| entries >= *best);
        if is_worse || self.steps > STEPS {
            return;
        }
        let Some(((row, column), holders)) = self.cells.get(at) else {
            self.best = Some((entries, blocks.clone()));
            return;
        };
        let holds = |block: &Indexed| block.rows.contains(row) && block.columns.contains(column);
        if blocks.iter().any(holds) {
            return self.place(at + 1, blocks);
        }
        for holder in holders {
            let before = blocks[*holder].clone();
            blocks[*holder].rows.insert(*row);
            blocks[*holder].columns.insert(*column);
            self.place(at + 1, blocks);
            blocks[*holder] = before;
        }
    }
}
