//! Few blocks (rows × columns) that cover a relation and nothing beside it.
//!
//! A rule of a policy is such a block: peers × ports; a peer over several namespaces is one too:
//! namespaces × values of a label. Fewest blocks first, then fewest entries in them. That is the
//! biclique cover problem, which is NP-hard: it is answered exactly while distinct rows × distinct
//! columns stay within [`EXACT_CELLS`], which nearly every workload does. Beyond, a greedy cover
//! is taken where it beats the distinct rows or the distinct columns, so that there are never more
//! blocks than distinct rows, nor than distinct columns.

mod search;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use table::Table;

/// Relations up to this size, equal rows and equal columns counted once, are covered exactly.
pub(super) const EXACT_CELLS: usize = 64;

/// A block of a relation: each of its rows has each of its columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Block<R, C> {
    pub rows: BTreeSet<R>,
    pub columns: BTreeSet<C>,
}

/// Covers `relation` with few blocks, in the order of their rows.
pub(super) fn cover<R: Ord + Clone, C: Ord + Clone>(relation: &BTreeSet<(R, C)>) -> Vec<Block<R, C>> {
    let classes = Classes::new(relation);
    let table = &classes.table;
    let chosen = match table.exact() {
        Some(chosen) => chosen,
        None => table.greedy(),
    };
    let blocks = chosen.into_iter().map(|block| Block {
        rows: block.rows.iter().flat_map(|r| classes.rows[*r].iter().map(|row| (*row).clone())).collect(),
        columns: block
            .columns
            .iter()
            .flat_map(|c| classes.columns[*c].iter().map(|column| (*column).clone()))
            .collect(),
    });
    let mut blocks: Vec<Block<R, C>> = blocks.collect();
    blocks.sort();
    blocks
}

/// A relation with equal rows, and equal columns, as one.
struct Classes<'a, R, C> {
    rows: Vec<Vec<&'a R>>,
    columns: Vec<Vec<&'a C>>,
    table: Table,
}

impl<'a, R: Ord, C: Ord> Classes<'a, R, C> {
    fn new(relation: &'a BTreeSet<(R, C)>) -> Self {
        let mut columns_of: BTreeMap<&R, BTreeSet<&C>> = BTreeMap::new();
        let mut rows_of: BTreeMap<&C, BTreeSet<&R>> = BTreeMap::new();
        for (row, column) in relation {
            columns_of.entry(row).or_default().insert(column);
            rows_of.entry(column).or_default().insert(row);
        }
        let rows = equal(&columns_of);
        let columns = equal(&rows_of);
        let has = |row: &Vec<&R>, column: &C| columns_of.get(row[0]).is_some_and(|set| set.contains(column));
        let cells: Vec<BTreeSet<usize>> = rows
            .iter()
            .map(|row| (0..columns.len()).filter(|c| has(row, columns[*c][0])).collect())
            .collect();
        let table = Table {
            row_weights: rows.iter().map(Vec::len).collect(),
            column_weights: columns.iter().map(Vec::len).collect(),
            cells,
        };
        Classes { rows, columns, table }
    }
}

/// Groups of those with an equal set, each and all in their order.
fn equal<'a, T: Ord, U: Ord>(all: &BTreeMap<&'a T, BTreeSet<U>>) -> Vec<Vec<&'a T>> {
    let mut groups: BTreeMap<&BTreeSet<U>, Vec<&T>> = BTreeMap::new();
    for (item, set) in all {
        groups.entry(set).or_default().push(item);
    }
    let mut groups: Vec<Vec<&T>> = groups.into_values().collect();
    groups.sort();
    groups
}

#[cfg(test)]
mod tests;
