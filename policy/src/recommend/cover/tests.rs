use proptest::prelude::*;

use super::*;

type Relation = BTreeSet<(u8, u8)>;

fn cost(cover: &[Block<u8, u8>]) -> (usize, usize) {
    (cover.len(), cover.iter().map(|block| block.rows.len() + block.columns.len()).sum())
}

fn cells(cover: &[Block<u8, u8>]) -> Relation {
    cover
        .iter()
        .flat_map(|block| block.rows.iter().flat_map(|r| block.columns.iter().map(|c| (*r, *c))))
        .collect()
}

/// The least cost of all covers, by trying every set of blocks inside the relation.
fn brute_force(relation: &Relation) -> (usize, usize) {
    let rows: Vec<u8> = relation.iter().map(|(r, _)| *r).collect::<BTreeSet<_>>().into_iter().collect();
    let columns: Vec<u8> = relation.iter().map(|(_, c)| *c).collect::<BTreeSet<_>>().into_iter().collect();
    let subset = |all: &[u8], bits: u32| -> BTreeSet<u8> {
        all.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, x)| *x).collect()
    };
    let all_cells: Vec<(u8, u8)> = relation.iter().copied().collect();
    // Each block as its cells in bits, with its entries.
    let mut blocks: Vec<(u32, usize)> = Vec::new();
    for some_rows in 1..1 << rows.len() {
        for some_columns in 1..1 << columns.len() {
            let block = Block { rows: subset(&rows, some_rows), columns: subset(&columns, some_columns) };
            let own = cells(std::slice::from_ref(&block));
            if own.is_subset(relation) {
                let bits = all_cells.iter().enumerate().filter(|(_, cell)| own.contains(cell));
                blocks.push((bits.map(|(i, _)| 1 << i).sum(), block.rows.len() + block.columns.len()));
            }
        }
    }
    let whole = (1_u32 << all_cells.len()) - 1;
    // The cheapest way to each set of cells.
    let mut cheapest: BTreeMap<u32, (usize, usize)> = BTreeMap::from([(0, (0, 0))]);
    for reached in 0..=whole {
        let Some((count, entries)) = cheapest.get(&reached).copied() else { continue };
        for (bits, own) in &blocks {
            if reached | bits != reached {
                let next = (count + 1, entries + own);
                let known = cheapest.entry(reached | bits).or_insert(next);
                *known = next.min(*known);
            }
        }
    }
    cheapest[&whole]
}

#[test]
fn blocks_may_overlap_where_that_takes_fewer() {
    let relation: Relation = [(0, 1), (1, 1), (1, 2), (2, 2)].into();
    let found = cover(&relation);
    assert_eq!(found.len(), 2, "three rows differ, two blocks do: {found:?}");
    assert_eq!(cells(&found), relation);
}

#[test]
fn nothing_is_covered_by_nothing() {
    assert_eq!(cover::<u8, u8>(&BTreeSet::new()), []);
}

#[test]
fn a_large_relation_takes_no_more_blocks_than_it_has_distinct_rows_or_columns() {
    // A row has all columns but its own: 30 rows, 30 columns, all distinct.
    let crown: BTreeSet<(u8, u8)> =
        (0..30).flat_map(|r| (0..30).map(move |c| (r, c))).filter(|(r, c)| r != c).collect();
    let found = cover(&crown);
    assert!(found.len() <= 30, "{}", found.len());
    assert_eq!(cells(&found), crown);
    // Each of 200 rows has one of three sets of columns.
    let thirds: BTreeSet<(u16, u16)> =
        (0..200).flat_map(|r| (0..50).map(move |c| (r, c * 3 + r % 3))).collect();
    assert!(cover(&thirds).len() <= 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_small_relation_is_covered_as_cheaply_as_by_trying_everything(
        relation in prop::collection::btree_set((0..4_u8, 0..4_u8), 1..12)
    ) {
        let found = cover(&relation);
        prop_assert_eq!(cells(&found), relation.clone());
        prop_assert_eq!(cost(&found), brute_force(&relation));
    }

    #[test]
    fn any_relation_is_covered_exactly_within_the_bound(
        relation in prop::collection::btree_set((0..24_u8, 0..24_u8), 1..200)
    ) {
        let found = cover(&relation);
        prop_assert_eq!(cells(&found), relation.clone());
        let classes = Classes::new(&relation);
        prop_assert!(found.len() <= classes.rows.len().min(classes.columns.len()));
    }
}
