//! An index of labels, so that a selector is answered without asking every object.

use std::collections::{BTreeSet, HashMap};

use fixedbitset::FixedBitSet;
use flowfence_model::{LabelSelector, Labels, Requirement};

/// For each key and value, who carries it, in any order. Costs one entry a label.
#[derive(Clone, Debug)]
pub(super) struct Postings {
    members: usize,
    keys: HashMap<String, HashMap<String, Vec<u32>>>,
}

impl Postings {
    /// Indexes objects by their labels; a position is the place in `objects`.
    pub(super) fn new<'a>(objects: impl IntoIterator<Item = &'a Labels>) -> Self {
        let mut postings = Postings { members: 0, keys: HashMap::new() };
        for labels in objects {
            let position = position(postings.members);
            for (key, value) in labels {
                postings.list(key, value).push(position);
            }
            postings.members += 1;
        }
        postings
    }

    /// How many objects it indexes.
    pub(super) fn len(&self) -> usize {
        self.members
    }

    /// Gives one object other labels.
    pub(super) fn relabel(&mut self, object: usize, before: &Labels, after: &Labels) {
        let object = position(object);
        for (key, value) in before.iter().filter(|(key, value)| after.get(*key) != Some(value)) {
            self.list(key, value).retain(|other| *other != object);
        }
        for (key, value) in after.iter().filter(|(key, value)| before.get(*key) != Some(value)) {
            self.list(key, value).push(object);
        }
    }

    /// The list of a key and value; a copy of either is made only when it is new.
    fn list(&mut self, key: &str, value: &str) -> &mut Vec<u32> {
        if !self.keys.contains_key(key) {
            self.keys.insert(key.to_owned(), HashMap::new());
        }
        let values = self.keys.get_mut(key).expect("the key was just inserted");
        if !values.contains_key(value) {
            values.insert(value.to_owned(), Vec::new());
        }
        values.get_mut(value).expect("the value was just inserted")
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

fn position(object: usize) -> u32 {
    u32::try_from(object).expect("fewer than 2^32 objects fit in memory")
}
