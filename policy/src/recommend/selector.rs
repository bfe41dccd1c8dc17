//! The smallest selector of stable labels that selects exactly some workloads of a namespace.

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;
use flowfence_model::label::is_volatile;
use flowfence_model::{LabelSelector, Labels, Requirement};

/// What a person would select by, in this order; then whatever sorts first.
pub(super) const PREFERRED: [&str; 5] =
    ["app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component", "app", "k8s-app"];

/// Stable today, changed by the next release: only where nothing else will do.
pub(super) const FLEETING: [&str; 8] = [
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
    "chart",
    "heritage",
    "version",
    "release-version",
    "revision",
];

/// Larger sets are not searched exhaustively: sixteen labels have 2,516 subsets of up to four.
const MAX_EXHAUSTIVE: usize = 4;

/// The label sets of one namespace, each of one workload, and which of them have a label.
#[derive(Debug)]
pub(super) struct Shelf<'a> {
    sets: Vec<&'a Labels>,
    having: BTreeMap<(&'a str, &'a str), FixedBitSet>,
}

impl<'a> Shelf<'a> {
    pub(super) fn new(sets: Vec<&'a Labels>) -> Self {
        let mut having: BTreeMap<(&str, &str), FixedBitSet> = BTreeMap::new();
        for (index, set) in sets.iter().enumerate() {
            for (key, value) in set.iter().filter(|(key, _)| !is_volatile(key)) {
                let none = || FixedBitSet::with_capacity(sets.len());
                having.entry((key, value)).or_insert_with(none).insert(index);
            }
        }
        Shelf { sets, having }
    }

    /// Labels that all of `own` share and that outlive a rollout, best first.
    fn stable(&self, own: &FixedBitSet) -> Vec<(&'a str, &'a str)> {
        let mut sets = own.ones().filter_map(|i| self.sets.get(i).copied());
        let Some(first) = sets.next() else { return Vec::new() };
        let rest: Vec<&Labels> = sets.collect();
        let mut shared: Vec<(&str, &str)> = first
            .iter()
            .filter(|(k, v)| !is_volatile(k) && rest.iter().all(|set| set.get(*k) == Some(*v)))
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        shared.sort_by_key(|(k, _)| rank(k));
        shared
    }

    /// Everything that all stable labels of `own` together select; `None` without any.
    pub(super) fn reach(&self, own: &FixedBitSet) -> Option<FixedBitSet> {
        let stable = self.stable(own);
        let chosen: Vec<&(&str, &str)> = stable.iter().collect();
        (!stable.is_empty()).then(|| {
            let mut all = FixedBitSet::with_capacity(self.sets.len());
            all.insert_range(..);
            self.keep(&mut all, &chosen);
            all
        })
    }

    /// The smallest selector that selects `own` and nothing else here: equalities alone if any
    /// do, else with one expression; labels of one release only where nothing else is exact.
    pub(super) fn exact(&self, own: &FixedBitSet) -> Option<LabelSelector> {
        let stable = self.stable(own);
        let lasting: Vec<(&str, &str)> =
            stable.iter().copied().filter(|(k, _)| !FLEETING.contains(k)).collect();
        let mut others = FixedBitSet::with_capacity(self.sets.len());
        others.insert_range(..);
        others.difference_with(own);
        self.equalities(&lasting, &others, 1)
            .map(|labels| selector(&labels, None))
            .or_else(|| self.with_expression(&lasting, own, &others))
            .or_else(|| self.equalities(&stable, &others, 1).map(|labels| selector(&labels, None)))
            .or_else(|| self.with_expression(&stable, own, &others))
    }

    /// The smallest selector of lasting labels that selects several workloads and nothing else here:
    /// what they share, else with several values of one key more.
    pub(super) fn together(&self, own: &FixedBitSet) -> Option<LabelSelector> {
        let stable = self.stable(own);
        let lasting: Vec<(&str, &str)> = stable.into_iter().filter(|(k, _)| !FLEETING.contains(k)).collect();
        let mut others = FixedBitSet::with_capacity(self.sets.len());
        others.insert_range(..);
        others.difference_with(own);
        if let Some(labels) = self.equalities(&lasting, &others, 1) {
            return Some(selector(&labels, None));
        }
        let mine: Vec<&Labels> = own.ones().filter_map(|i| self.sets.get(i).copied()).collect();
        let mut keys: Vec<&String> = mine.first().map(|set| set.keys().collect()).unwrap_or_default();
        keys.retain(|key| {
            let lasts = !is_volatile(key) && !FLEETING.contains(&key.as_str());
            lasts && mine.iter().all(|set| set.contains_key(*key))
        });
        keys.sort_by_key(|key| rank(key));
        let any = keys.into_iter().map(|key| {
            Requirement::In(key.clone(), mine.iter().filter_map(|set| set.get(key)).cloned().collect())
        });
        self.smallest(any, &lasting, &others, 0)
    }

    /// The smallest subset of `labels`, of `least` or more, that no other set has.
    fn equalities<'l>(
        &self,
        labels: &'l [(&'a str, &'a str)],
        others: &FixedBitSet,
        least: usize,
    ) -> Option<Vec<&'l (&'a str, &'a str)>> {
        let all: Vec<&(&str, &str)> = labels.iter().collect();
        let mut left = others.clone();
        self.keep(&mut left, &all);
        if !left.is_clear() || labels.len() < least {
            return None;
        }
        for size in least..=labels.len().min(MAX_EXHAUSTIVE) {
            if let Some(found) = self.subset(labels, others, size) {
                return Some(found);
            }
        }
        // Exact but many: leave out, worst first, what is not needed.
        let mut chosen = all;
        for index in (0..chosen.len()).rev() {
            let without: Vec<_> =
                chosen.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, l)| *l).collect();
            let mut left = others.clone();
            self.keep(&mut left, &without);
            if left.is_clear() && without.len() >= least {
                chosen = without;
            }
        }
        Some(chosen)
    }

    fn subset<'l>(
        &self,
        labels: &'l [(&'a str, &'a str)],
        left: &FixedBitSet,
        size: usize,
    ) -> Option<Vec<&'l (&'a str, &'a str)>> {
        if size == 0 {
            return left.is_clear().then(Vec::new);
        }
        for (index, label) in labels.iter().enumerate() {
            let mut left = left.clone();
            self.keep(&mut left, &[label]);
            if let Some(mut rest) = self.subset(&labels[index + 1..], &left, size - 1) {
                rest.insert(0, label);
                return Some(rest);
            }
        }
        None
    }

    fn with_expression(
        &self,
        labels: &[(&'a str, &'a str)],
        own: &FixedBitSet,
        others: &FixedBitSet,
    ) -> Option<LabelSelector> {
        let least = usize::from(!labels.is_empty());
        self.smallest(self.expressions(own, others).into_iter(), labels, others, least)
    }

    /// The first of the requirements that needs the fewest labels beside it to keep `others` out.
    fn smallest(
        &self,
        requirements: impl Iterator<Item = Requirement>,
        labels: &[(&'a str, &'a str)],
        others: &FixedBitSet,
        least: usize,
    ) -> Option<LabelSelector> {
        let mut best: Option<(usize, LabelSelector)> = None;
        for requirement in requirements {
            let mut left = others.clone();
            let gone: Vec<usize> = left
                .ones()
                .filter(|i| !self.sets.get(*i).is_some_and(|set| requirement.matches(set)))
                .collect();
            for set in gone {
                left.remove(set);
            }
            let Some(equal) = self.equalities(labels, &left, least) else { continue };
            if best.as_ref().is_none_or(|(size, _)| equal.len() < *size) {
                best = Some((equal.len(), selector(&equal, Some(requirement))));
            }
        }
        best.map(|(_, selector)| selector)
    }

    /// Single expressions that every set of `own` satisfies and some other does not: absence
    /// first, then presence, then absence of values.
    fn expressions(&self, own: &FixedBitSet, others: &FixedBitSet) -> Vec<Requirement> {
        let mine: Vec<&Labels> = own.ones().filter_map(|i| self.sets.get(i).copied()).collect();
        let theirs: Vec<&Labels> = others.ones().filter_map(|i| self.sets.get(i).copied()).collect();
        let keys: BTreeSet<&String> = mine.iter().chain(&theirs).flat_map(|set| set.keys()).collect();
        let mut keys: Vec<&String> =
            keys.into_iter().filter(|k| !is_volatile(k) && !FLEETING.contains(&k.as_str())).collect();
        keys.sort_by_key(|k| rank(k));
        let absent = keys.iter().filter(|k| mine.iter().all(|set| !set.contains_key(**k)));
        let present = keys.iter().filter(|k| mine.iter().all(|set| set.contains_key(**k)));
        let absent = absent.map(|k| Requirement::DoesNotExist((*k).clone()));
        let present = present.map(|k| Requirement::Exists((*k).clone()));
        let unequal = keys.iter().filter_map(|k| {
            let values: BTreeSet<String> = theirs.iter().filter_map(|set| set.get(*k)).cloned().collect();
            let own_values: BTreeSet<String> = mine.iter().filter_map(|set| set.get(*k)).cloned().collect();
            let foreign: BTreeSet<String> = values.difference(&own_values).cloned().collect();
            (!foreign.is_empty() && !own_values.is_empty()).then(|| Requirement::NotIn((*k).clone(), foreign))
        });
        absent.chain(present).chain(unequal).collect()
    }

    fn keep(&self, among: &mut FixedBitSet, labels: &[&(&'a str, &'a str)]) {
        for label in labels {
            match self.having.get(*label) {
                Some(having) => among.intersect_with(having),
                None => among.clear(),
            }
        }
    }
}

/// What a person would choose sorts first.
pub(super) fn rank(key: &str) -> (bool, usize, String) {
    let place = PREFERRED.iter().position(|preferred| *preferred == key).unwrap_or(PREFERRED.len());
    (FLEETING.contains(&key), place, key.to_owned())
}

fn selector(labels: &[&(&str, &str)], requirement: Option<Requirement>) -> LabelSelector {
    let mut selector = LabelSelector::labels(labels.iter().map(|(k, v)| (*k, *v)));
    selector.match_expressions.extend(requirement);
    selector
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::labels;

    /// The selector of the first set among all.
    fn first_of(sets: &[&str]) -> Option<String> {
        of(&[0], sets)
    }

    fn of(own: &[usize], sets: &[&str]) -> Option<String> {
        let sets: Vec<Labels> = sets.iter().map(|text| labels(text)).collect();
        let shelf = Shelf::new(sets.iter().collect());
        let mut chosen = FixedBitSet::with_capacity(sets.len());
        chosen.extend(own.iter().copied());
        let selector = shelf.exact(&chosen)?;
        for (index, set) in sets.iter().enumerate() {
            assert_eq!(selector.matches(set), own.contains(&index), "{selector:?} on {set:?}");
        }
        let equal = selector.match_labels.iter().map(|(k, v)| format!("{k}={v}"));
        let more = selector.match_expressions.iter().map(|r| match r {
            Requirement::DoesNotExist(key) => format!("!{key}"),
            Requirement::Exists(key) => key.clone(),
            Requirement::In(key, values) => format!("{key} in {values:?}"),
            Requirement::NotIn(key, values) => format!("{key} notin {values:?}"),
        });
        Some(equal.chain(more).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn the_smallest_set_wins_and_among_equals_the_one_a_person_would_choose() {
        assert_eq!(first_of(&["app=web,tier=front", "app=api,tier=back"]).unwrap(), "app=web");
        assert_eq!(
            first_of(&["app=web,app.kubernetes.io/name=web,k8s-app=web", "app=api"]).unwrap(),
            "app.kubernetes.io/name=web"
        );
        assert_eq!(first_of(&["app=x,zone=a", "app=x,zone=b"]).unwrap(), "zone=a");
        assert_eq!(first_of(&["app=x,zone=a", "app=x,zone=b", "app=y,zone=a"]).unwrap(), "app=x,zone=a");
    }

    #[test]
    fn two_releases_of_one_chart_stay_two() {
        let sets = [
            "app.kubernetes.io/name=redis,app.kubernetes.io/instance=one,helm.sh/chart=redis-1",
            "app.kubernetes.io/name=redis,app.kubernetes.io/instance=two,helm.sh/chart=redis-1",
        ];
        assert_eq!(first_of(&sets).unwrap(), "app.kubernetes.io/instance=one");
    }

    #[test]
    fn labels_that_die_with_a_rollout_are_never_used() {
        let sets = [
            "app=x,pod-template-hash=1,statefulset.kubernetes.io/pod-name=x-0,apps.kubernetes.io/pod-index=0",
            "app=x,pod-template-hash=2,batch.kubernetes.io/controller-uid=u",
        ];
        assert_eq!(first_of(&sets), None);
        assert_eq!(of(&[0, 1], &sets).unwrap(), "app=x");
    }

    #[test]
    fn a_label_of_one_release_is_the_last_resort() {
        assert_eq!(first_of(&["app=x,a=1,b=2,version=7", "app=x,a=1", "app=x,b=2"]).unwrap(), "a=1,b=2");
        assert_eq!(first_of(&["app=x,version=7", "app=x,version=8"]).unwrap(), "version=7");
    }

    #[test]
    fn one_expression_tells_apart_what_equalities_cannot() {
        assert_eq!(first_of(&["app=x", "app=x,role=job"]).unwrap(), "app=x,!role");
        assert_eq!(first_of(&["team=x", "app=y,team=x", "app=z,team=x"]).unwrap(), "team=x,!app");
        let canary = ["app=x,track=a", "app=x,track=b", "app=x,track=c", "app=x"];
        assert_eq!(of(&[0, 1], &canary[..3]).unwrap(), "app=x,track notin {\"c\"}");
        assert_eq!(of(&[0, 1, 2], &canary).unwrap(), "app=x,track");
    }

    #[test]
    fn without_labels_there_is_no_empty_selector() {
        assert_eq!(first_of(&[""]), None);
        assert_eq!(first_of(&["pod-template-hash=1"]), None);
        assert_eq!(first_of(&["pod-template-hash=1", "app=x"]).unwrap(), "!app");
    }
}
