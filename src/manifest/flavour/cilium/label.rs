//! Labels as Cilium spells them: `SOURCE:KEY`, the namespace and its labels being labels of the
//! pod; and which labels of a pod it knows at all.

use std::collections::BTreeSet;

use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::{LabelSelector, PeerSelector, Requirement};

use crate::manifest::flavour::draft::{self, Draft};

/// The label of a pod that holds the name of its namespace.
const NAMESPACE: &str = "k8s:io.kubernetes.pod.namespace";
/// What stands before the key of a label of the pod's namespace.
const OF_NAMESPACE: &str = "k8s:io.cilium.k8s.namespace.labels.";

/// A peer. Without a namespace Cilium adds the policy's own. With a selector of namespaces the
/// pods are always asked for a namespace, for a selector that only says what a label is not would
/// match nodes and the world as well.
pub(super) fn peer(selector: &PeerSelector) -> Draft {
    let mut all = selector.pods.clone().unwrap_or_default();
    let Some(namespaces) = &selector.namespaces else { return draft::selector(&all, str::to_owned) };
    let labels = namespaces.match_labels.iter().map(|(key, value)| (of_namespace(key), value.clone()));
    all.match_labels.extend(labels);
    let expressions = namespaces.match_expressions.iter().map(|r| renamed(r, of_namespace));
    let mut expressions: Vec<Requirement> = expressions.collect();
    if !demands_label(namespaces) {
        expressions.push(Requirement::Exists(NAMESPACE.to_owned()));
    }
    all.match_expressions.splice(0..0, expressions);
    draft::selector(&all, str::to_owned)
}

/// The peer that a selector of Cilium means; nothing when it selects no pod that can be.
pub(super) fn parse(selector: LabelSelector) -> PeerSelector {
    let (mut pods, mut namespaces) = (LabelSelector::everything(), LabelSelector::everything());
    let mut names_namespace = false;
    for (key, value) in selector.match_labels {
        match namespace_key(&key) {
            Some(key) => {
                names_namespace = true;
                namespaces.match_labels.insert(key, value);
            }
            None => drop(pods.match_labels.insert(key, value)),
        }
    }
    for requirement in selector.match_expressions {
        let Some(key) = namespace_key(requirement.key()) else {
            pods.match_expressions.push(requirement);
            continue;
        };
        names_namespace = true;
        // Every pod has a namespace.
        if !matches!(&requirement, Requirement::Exists(key) if key == NAMESPACE) {
            namespaces.match_expressions.push(renamed(&requirement, |_| key.clone()));
        }
    }
    PeerSelector { namespaces: names_namespace.then_some(namespaces), pods: Some(known(pods)) }
}

/// The key as a label of Kubernetes has it, to be checked.
pub(super) fn bare(key: &str) -> &str {
    key.strip_prefix(OF_NAMESPACE).or_else(|| key.strip_prefix("k8s:")).unwrap_or(key)
}

/// A selector of pods as it works out: labels that are no part of an identity are never there.
pub(super) fn known(selector: LabelSelector) -> LabelSelector {
    let mut kept = LabelSelector::everything();
    let never = |key: String| Requirement::In(key, BTreeSet::new());
    for (key, value) in selector.match_labels {
        if is_known(&key) {
            kept.match_labels.insert(key, value);
        } else {
            kept.match_expressions.push(never(key));
        }
    }
    for requirement in selector.match_expressions {
        match requirement {
            known if is_known(known.key()) => kept.match_expressions.push(known),
            Requirement::In(key, _) | Requirement::Exists(key) => kept.match_expressions.push(never(key)),
            Requirement::NotIn(..) | Requirement::DoesNotExist(_) => {}
        }
    }
    kept
}

/// Keys of a selector that Cilium leaves out of identities unless its `labels` option says
/// otherwise.
pub(super) fn unknown_keys(selector: &LabelSelector) -> impl Iterator<Item = &str> {
    let keys = selector.match_labels.keys().map(String::as_str);
    keys.chain(selector.match_expressions.iter().map(Requirement::key)).filter(|key| !is_known(key))
}

/// Whether a label is part of an identity by default: the longest rule that matches the beginning
/// of the key decides, and without a rule it is (Cilium's `pkg/labelsfilter`).
fn is_known(key: &str) -> bool {
    const IN: &[&str] = &["app.kubernetes.io", "io.cilium.k8s.policy"];
    const OUT: &[&str] = &[
        "io.kubernetes",
        "kubernetes.io",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/job-completion-index",
        "batch.kubernetes.io/controller-uid",
        "k8s.io",
        "pod-template-generation",
        "pod-template-hash",
        "controller-revision-hash",
        "controller-uid",
        "annotation",
        "etcd_node",
    ];
    const BETA: &str = "beta.kubernetes.io";
    let longest = |rules: &[&str]| rules.iter().filter(|rule| key.starts_with(**rule)).map(|r| r.len()).max();
    let beta = key.rfind(BETA).map(|at| at + BETA.len());
    longest(IN) > longest(OUT).max(beta) || longest(OUT).max(beta).is_none()
}

fn of_namespace(key: &str) -> String {
    if key == NAMESPACE_NAME { NAMESPACE.to_owned() } else { format!("{OF_NAMESPACE}{key}") }
}

fn namespace_key(key: &str) -> Option<String> {
    if key == NAMESPACE {
        return Some(NAMESPACE_NAME.to_owned());
    }
    key.strip_prefix(OF_NAMESPACE).map(str::to_owned)
}

fn demands_label(selector: &LabelSelector) -> bool {
    let demands = |r: &Requirement| matches!(r, Requirement::In(..) | Requirement::Exists(_));
    !selector.match_labels.is_empty() || selector.match_expressions.iter().any(demands)
}

fn renamed(requirement: &Requirement, name: impl Fn(&str) -> String) -> Requirement {
    match requirement {
        Requirement::In(key, values) => Requirement::In(name(key), values.clone()),
        Requirement::NotIn(key, values) => Requirement::NotIn(name(key), values.clone()),
        Requirement::Exists(key) => Requirement::Exists(name(key)),
        Requirement::DoesNotExist(key) => Requirement::DoesNotExist(name(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_the_cluster_are_no_part_of_an_identity() {
        for key in ["app", "k8s-app", "app.kubernetes.io/name", "batch.kubernetes.io/job-name", "team.io/x"] {
            assert!(is_known(key), "{key}");
        }
        for key in [
            "kubernetes.io/arch",
            "k8s.io/x",
            "pod-template-hash",
            "beta.kubernetes.io/os",
            "x.beta.kubernetes.io/os",
            "statefulset.kubernetes.io/pod-name",
            "controller-uid",
        ] {
            assert!(!is_known(key), "{key}");
        }
    }

    #[test]
    fn a_selector_on_a_label_that_cilium_drops_matches_nothing() {
        let labels = |text: &str| [(text.to_owned(), "x".to_owned())].into();
        let demanding = known(LabelSelector::labels([("kubernetes.io/arch", "x")]));
        assert!(!demanding.matches(&labels("kubernetes.io/arch")));
        let absent = Requirement::DoesNotExist("kubernetes.io/arch".into());
        let absent = known(LabelSelector { match_expressions: vec![absent], ..LabelSelector::default() });
        assert!(absent.matches(&labels("kubernetes.io/arch")), "it is never there");
    }

    #[test]
    fn namespaces_are_always_demanded() {
        let not_shop = Requirement::NotIn(NAMESPACE_NAME.into(), ["shop".to_owned()].into());
        let namespaces = LabelSelector { match_expressions: vec![not_shop], ..LabelSelector::default() };
        let selector = PeerSelector { namespaces: Some(namespaces), pods: None };
        let text = peer(&selector).to_yaml().unwrap();
        assert!(text.contains("operator: NotIn") && text.contains("operator: Exists"), "{text}");
        let own = PeerSelector { namespaces: None, pods: Some(LabelSelector::labels([("app", "x")])) };
        assert!(!peer(&own).to_yaml().unwrap().contains("namespace"), "Cilium adds the policy's own");
    }
}
