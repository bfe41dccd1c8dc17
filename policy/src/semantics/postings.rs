//! An index of labels, so that a selector is answered without asking every object.

use std::collections::{BTreeSet, HashMap};

use fixedbitset::FixedBitSet;
use flowfence_model::{LabelSelector, Labels, Requirement};

/// For each key and value, who carries it (positions ascending). Costs one entry a label.
pub(super) struct Postings<'a> {
    members: usize,
    keys: HashMap<&'a str, HashMap<&'a str, Vec<u32>>>,
}

impl<'a> Postings<'a> {
    /// Indexes objects by their labels; a position is the place in `objects`.
    pub(super) fn new(objects: impl IntoIterator<Item = &'a Labels>) -> Self {
        let mut keys: HashMap<&str, HashMap<&str, Vec<u32>>> = HashMap::new();
        let mut members = 0;
        for labels in objects {
            let position = u32::try_from(members).expect("fewer than 2^32 objects fit in memory");
            for (key, value) in labels {
                keys.entry(key).or_default().entry(value).or_default().push(position);
            }
            members += 1;
        }
        Postings { members, keys }
    }

    /// Who the selector selects.
    pub(super) fn select(&self, selector: &LabelSelector) -> FixedBitSet {
        let mut selected = FixedBitSet::with_capacity(self.members);
        selected.insert_range(..);
        for (key, value) in &selector.match_labels {
            selected.intersect_with(&self.with_value(key, [value.as_str()]));
        }
        for requirement in &selector.match_expressions {
            match requirement {
                Requirement::In(key, values) => selected.intersect_with(&self.with_values(key, values)),
                // Absent keys satisfy NotIn: it subtracts only those who carry a listed value.
                Requirement::NotIn(key, values) => selected.difference_with(&self.with_values(key, values)),
                Requirement::Exists(key) => selected.intersect_with(&self.with_key(key)),
                Requirement::DoesNotExist(key) => selected.difference_with(&self.with_key(key)),
            }
        }
        selected
    }

    fn with_key(&self, key: &str) -> FixedBitSet {
        let lists = self.keys.get(key).into_iter().flat_map(HashMap::values);
        self.collect(lists)
    }

    fn with_values(&self, key: &str, values: &BTreeSet<String>) -> FixedBitSet {
        self.with_value(key, values.iter().map(String::as_str))
    }

    fn with_value<'v>(&self, key: &str, values: impl IntoIterator<Item = &'v str>) -> FixedBitSet {
        let of_key = self.keys.get(key);
        self.collect(values.into_iter().filter_map(|value| of_key?.get(value)))
    }

    fn collect<'l>(&self, lists: impl Iterator<Item = &'l Vec<u32>>) -> FixedBitSet {
        let mut set = FixedBitSet::with_capacity(self.members);
        for position in lists.flatten() {
            set.insert(*position as usize);
        }
        set
    }
}
