//! `metav1.LabelSelector`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::label::Labels;

/// One entry of `matchExpressions`, with the operator owning what it needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Requirement {
    /// The key is present with one of the values.
    In(String, BTreeSet<String>),
    /// The key is absent, or present with none of the values (kubernetes/kubernetes 81149).
    NotIn(String, BTreeSet<String>),
    /// The key is present, with any value, the empty one included.
    Exists(String),
    /// The key is absent.
    DoesNotExist(String),
}

impl Requirement {
    /// The label key that it speaks of.
    pub fn key(&self) -> &str {
        match self {
            Requirement::In(key, _)
            | Requirement::NotIn(key, _)
            | Requirement::Exists(key)
            | Requirement::DoesNotExist(key) => key,
        }
    }

    /// Whether `labels` satisfy it.
    pub fn matches(&self, labels: &Labels) -> bool {
        match self {
            Requirement::In(key, values) => labels.get(key).is_some_and(|v| values.contains(v)),
            Requirement::NotIn(key, values) => labels.get(key).is_none_or(|v| !values.contains(v)),
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::DoesNotExist(key) => !labels.contains_key(key),
        }
    }
}

impl fmt::Display for Requirement {
    /// As kubectl's `-l` takes it: `a in (b,c)`, `a notin (b)`, `a`, `!a`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, operator, values) = match self {
            Requirement::In(key, values) => (key, "in", values),
            Requirement::NotIn(key, values) => (key, "notin", values),
            Requirement::Exists(key) => return f.write_str(key),
            Requirement::DoesNotExist(key) => return write!(f, "!{key}"),
        };
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        write!(f, "{key} {operator} ({})", values.join(","))
    }
}

/// A label selector: all of its parts must hold; without parts it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelSelector {
    /// Keys that must be present with exactly this value.
    pub match_labels: BTreeMap<String, String>,
    /// Further requirements, kept in the order of the object.
    pub match_expressions: Vec<Requirement>,
}

impl fmt::Display for LabelSelector {
    /// As kubectl's `-l` takes it, `a=b,c in (d,e)`; nothing for the one that selects everything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
        let parts = labels.chain(self.match_expressions.iter().map(Requirement::to_string));
        f.write_str(&parts.collect::<Vec<_>>().join(","))
    }
}

impl LabelSelector {
    /// The selector that selects everything (`{}`).
    pub fn everything() -> Self {
        LabelSelector::default()
    }

    /// A selector of equalities only.
    pub fn labels<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        LabelSelector {
            match_labels: pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
            match_expressions: Vec::new(),
        }
    }

    /// Whether it has no parts, and so selects everything.
    pub fn is_everything(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Whether `labels` satisfy every part.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.match_labels.iter().all(|(k, v)| labels.get(k) == Some(v))
            && self.match_expressions.iter().all(|r| r.matches(labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn every_operator_on_present_absent_and_empty() {
        let values = |v: &[&str]| v.iter().map(|s| (*s).to_owned()).collect::<BTreeSet<_>>();
        let cases: Vec<(Requirement, [bool; 4])> = vec![
            // labels:                                      a=1    a=2    a=""   absent
            (Requirement::In("a".into(), values(&["1"])), [true, false, false, false]),
            (Requirement::NotIn("a".into(), values(&["1"])), [false, true, true, true]),
            (Requirement::Exists("a".into()), [true, true, true, false]),
            (Requirement::DoesNotExist("a".into()), [false, false, false, true]),
            (Requirement::In("a".into(), values(&[""])), [false, false, true, false]),
        ];
        let inputs = [labels(&[("a", "1")]), labels(&[("a", "2")]), labels(&[("a", "")]), labels(&[])];
        for (requirement, expected) in cases {
            for (input, want) in inputs.iter().zip(expected) {
                assert_eq!(requirement.matches(input), want, "{requirement:?} on {input:?}");
            }
        }
    }

    #[test]
    fn an_empty_value_is_not_an_absent_key() {
        let selector = LabelSelector::labels([("a", "")]);
        assert!(selector.matches(&labels(&[("a", "")])));
        assert!(!selector.matches(&labels(&[])));
    }

    #[test]
    fn the_empty_selector_selects_everything() {
        assert!(LabelSelector::everything().matches(&labels(&[])));
    }
}
