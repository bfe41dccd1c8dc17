//! Selectors by what they want of each key.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::{LabelSelector, Labels, PeerSelector, Requirement};

/// What a selector wants of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wish {
    may_be_absent: bool,
    values: Values,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Values {
    Only(BTreeSet<String>),
    /// Any but these; endlessly many.
    Not(BTreeSet<String>),
}

impl Wish {
    fn anything() -> Self {
        Wish { may_be_absent: true, values: Values::Not(BTreeSet::new()) }
    }

    fn one_of(&mut self, wanted: &BTreeSet<String>) {
        self.may_be_absent = false;
        let left = wanted.iter().filter(|value| match &self.values {
            Values::Only(values) => values.contains(*value),
            Values::Not(values) => !values.contains(*value),
        });
        self.values = Values::Only(left.cloned().collect());
    }

    fn none_of(&mut self, unwanted: &BTreeSet<String>) {
        match &mut self.values {
            Values::Only(values) => values.retain(|value| !unwanted.contains(value)),
            Values::Not(values) => values.extend(unwanted.iter().cloned()),
        }
    }

    fn is_impossible(&self) -> bool {
        !self.may_be_absent && matches!(&self.values, Values::Only(values) if values.is_empty())
    }

    fn lies_in(&self, other: &Wish) -> bool {
        (!self.may_be_absent || other.may_be_absent)
            && match (&self.values, &other.values) {
                (Values::Only(mine), Values::Only(theirs)) => mine.is_subset(theirs),
                (Values::Only(mine), Values::Not(theirs)) => mine.is_disjoint(theirs),
                (Values::Not(_), Values::Only(_)) => false,
                (Values::Not(mine), Values::Not(theirs)) => theirs.is_subset(mine),
            }
    }

    /// A value that fulfils it; `None` when the key is better left out.
    fn example(&self) -> Option<String> {
        match &self.values {
            _ if self.may_be_absent => None,
            Values::Only(values) => values.first().cloned(),
            Values::Not(values) => {
                let names = (0..=values.len()).map(|n| format!("x{n}"));
                names.into_iter().find(|name| !values.contains(name))
            }
        }
    }
}

fn wishes(selector: &LabelSelector) -> BTreeMap<&str, Wish> {
    let mut wishes: BTreeMap<&str, Wish> = BTreeMap::new();
    for (key, value) in &selector.match_labels {
        wishes.entry(key).or_insert_with(Wish::anything).one_of(&BTreeSet::from([value.clone()]));
    }
    for requirement in &selector.match_expressions {
        let wish = wishes.entry(requirement.key()).or_insert_with(Wish::anything);
        match requirement {
            Requirement::In(_, values) => wish.one_of(values),
            // An absent key satisfies it.
            Requirement::NotIn(_, values) => wish.none_of(values),
            Requirement::Exists(_) => wish.may_be_absent = false,
            Requirement::DoesNotExist(_) => wish.values = Values::Only(BTreeSet::new()),
        }
    }
    wishes
}

/// The key of which a selector wants what no object can have, the first one; `None` when some
/// labels satisfy it.
pub fn contradiction(selector: &LabelSelector) -> Option<String> {
    let wishes = wishes(selector);
    wishes.into_iter().find(|(_, wish)| wish.is_impossible()).map(|(key, _)| key.to_owned())
}

/// Whether whatever satisfies `inner` satisfies `outer`.
pub fn selector_within(inner: &LabelSelector, outer: &LabelSelector) -> bool {
    let mine = wishes(inner);
    mine.values().any(Wish::is_impossible)
        || wishes(outer)
            .into_iter()
            .all(|(key, theirs)| mine.get(key).unwrap_or(&Wish::anything()).lies_in(&theirs))
}

/// The fewest labels that satisfy a selector; `None` when none do.
pub fn example(selector: &LabelSelector) -> Option<Labels> {
    let wishes = wishes(selector);
    if wishes.values().any(Wish::is_impossible) {
        return None;
    }
    Some(wishes.into_iter().filter_map(|(key, wish)| Some((key.to_owned(), wish.example()?))).collect())
}

/// The namespaces of a peer as a selector, for a policy of the namespace `home`. Every namespace
/// carries its name as a label, which is said too.
pub fn in_namespaces(peer: &PeerSelector, home: &str) -> LabelSelector {
    let Some(selector) = &peer.namespaces else { return LabelSelector::labels([(NAMESPACE_NAME, home)]) };
    let mut selector = selector.clone();
    selector.match_expressions.push(Requirement::Exists(NAMESPACE_NAME.to_owned()));
    selector
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a=1`, `a in 1 2`, `a notin 1`, `a`, `!a`, parted by `;`.
    fn selector(text: &str) -> LabelSelector {
        let mut selector = LabelSelector::default();
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let words: Vec<&str> = part.split(' ').collect();
            let values = || words[2..].iter().map(|value| (*value).to_owned()).collect();
            let requirement = match words.as_slice() {
                [key, "in", ..] => Requirement::In((*key).to_owned(), values()),
                [key, "notin", ..] => Requirement::NotIn((*key).to_owned(), values()),
                [one] => match (one.split_once('='), one.strip_prefix('!')) {
                    (Some((key, value)), _) => {
                        selector.match_labels.insert(key.to_owned(), value.to_owned());
                        continue;
                    }
                    (None, Some(key)) => Requirement::DoesNotExist(key.to_owned()),
                    (None, None) => Requirement::Exists((*one).to_owned()),
                },
                other => panic!("{other:?}"),
            };
            selector.match_expressions.push(requirement);
        }
        selector
    }

    #[test]
    fn a_selector_lies_inside_what_asks_less() {
        for (inner, outer, expected) in [
            ("a=1", "", true),
            ("", "a=1", false),
            ("a=1", "a", true),
            ("a", "a=1", false),
            ("a=1", "a in 1 2", true),
            ("a in 1 2", "a in 2 3", false),
            ("a=1;b=2", "b=2", true),
            ("a=1", "b notin 2", false),
            ("a=1", "a notin 2", true),
            ("!a", "a notin 1", true),
            ("a notin 1", "!a", false),
            ("a notin 1 2", "a notin 1", true),
            ("a notin 1;a in 1 2", "a=2", true),
            ("", "a notin 1", false),
            ("a=1;!a", "b=9", true),
        ] {
            assert_eq!(selector_within(&selector(inner), &selector(outer)), expected, "{inner} in {outer}");
        }
    }

    #[test]
    fn a_contradiction_is_told_by_its_key_and_has_no_example() {
        for (text, key) in [
            ("a=1;a in 2 3", Some("a")),
            ("b;!b", Some("b")),
            ("a in 1;a notin 1", Some("a")),
            ("a in 1 2;a notin 1", None),
            ("!a;a notin 1", None),
            ("a;a notin x0", None),
        ] {
            let selector = selector(text);
            assert_eq!(contradiction(&selector).as_deref(), key, "{text}");
            let example = example(&selector);
            assert_eq!(example.is_none(), key.is_some(), "{text}");
            assert!(example.is_none_or(|labels| selector.matches(&labels)), "{text}");
        }
    }
}
