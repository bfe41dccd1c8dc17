//! How to isolate pods: a policy that selects them, and nothing else that admits them.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{Inventory, PodName};
use flowfence_model::label::{NAMESPACE_NAME, is_volatile};
use flowfence_model::object::Pod;
use flowfence_model::{
    Direction, LabelSelector, Labels, NetworkPolicy, NodeId, PeerSelector, PolicyPeer, PolicyRule,
    Requirement,
};

use super::overrule::{Denied, Overruling, overrule};
use super::suspect::{Suspects, name_of};
use crate::recommend::cut_name;

/// The label that marks pods that are isolated.
pub const MARK: &str = "flowfence.dev/quarantine";

/// Whom a person lets into isolated pods, to look at them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The namespace.
    pub namespace: String,
    /// Its pods; all of them without.
    pub pods: Option<LabelSelector>,
}

/// How the policy tells the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// By labels that they have, and that nobody else of the namespace has.
    OwnLabels,
    /// By a label that has to be put on them.
    Mark,
}

/// What has to change on a pod's labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relabelled {
    /// The pod.
    pub pod: PodName,
    /// Labels that it has now and must lose, by which policies that admit something, or services, select it.
    pub removed: Labels,
    /// Whether the controller selects by one of them: it lets go of the pod, and makes another.
    pub is_orphaned: bool,
}

/// A policy of today that selects the pods whatever labels they lose: it has to step aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amended {
    /// As it is.
    pub before: NetworkPolicy,
    /// With a requirement more: that the mark is absent.
    pub after: NetworkPolicy,
}

/// Everything that isolates the pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How the policy tells them.
    pub means: Means,
    /// The value of the mark.
    pub mark: String,
    /// The policy.
    pub policy: NetworkPolicy,
    /// Empty where their own labels do.
    pub relabelled: Vec<Relabelled>,
    /// Policies of today that have to step aside.
    pub amended: Vec<Amended>,
    /// What is to be done about cluster-wide policies, which stand above.
    pub overruling: Overruling,
}

/// How to isolate the pods of a finding from everybody but `allowed`.
pub fn plan(
    finding: &str,
    suspects: &Suspects,
    inventory: &Inventory,
    today: &[NetworkPolicy],
    allowed: &[Allowed],
) -> Plan {
    let namespace = suspects.workload.namespace().unwrap_or_default();
    let pods: Vec<&Pod> =
        inventory.pods().iter().map(|known| &known.pod).filter(|pod| !pod.is_finished).collect();
    let chosen: Vec<&Pod> =
        pods.iter().copied().filter(|pod| suspects.pods.contains(&name_of(pod))).collect();
    let local: Vec<&NetworkPolicy> =
        today.iter().filter(|policy| policy.namespace == namespace && admits_something(policy)).collect();
    let mark = mark(finding);
    let is_admitted = chosen.iter().any(|pod| local.iter().any(|policy| selects(policy, &pod.meta.labels)));
    let own = if is_admitted { None } else { own_labels(&chosen, &pods, suspects, inventory) };
    let means = if own.is_some() { Means::OwnLabels } else { Means::Mark };
    let selector = own.unwrap_or_else(|| LabelSelector::labels([(MARK, mark.as_str())]));
    let taken: BTreeSet<&str> = today
        .iter()
        .filter(|policy| policy.namespace == namespace)
        .map(|policy| policy.name.as_str())
        .collect();
    let policy = policy(namespace, &name(&mark, &taken), selector, allowed);
    let overruling = |labels: &[Labels]| {
        let none = Labels::new();
        let home = inventory.namespaces().get(namespace).map_or(&none, |namespace| &namespace.meta.labels);
        let denied = Denied { namespace, namespace_labels: home, selector: &policy.pod_selector, labels };
        overrule(|taken| name(&mark, taken), &denied, inventory.cluster_policies(), allowed)
    };
    if means == Means::OwnLabels {
        let labels: Vec<Labels> = chosen.iter().map(|pod| pod.meta.labels.clone()).collect();
        let overruling = overruling(&labels);
        return Plan { means, mark, policy, relabelled: Vec::new(), amended: Vec::new(), overruling };
    }
    let kept = controller_keys(&chosen, suspects, inventory);
    let services: Vec<LabelSelector> = inventory
        .services()
        .values()
        .filter(|service| service.meta.namespace == namespace)
        .filter_map(|service| service.selector.clone())
        .map(LabelSelector::labels)
        .collect();
    let mut amended: BTreeMap<String, Amended> = BTreeMap::new();
    let relabelled: Vec<Relabelled> =
        chosen.iter().map(|pod| leave(pod, &mark, &local, &services, &kept, &mut amended)).collect();
    let labels = chosen.iter().zip(&relabelled).map(|(pod, relabelled)| {
        let mut labels = pod.meta.labels.clone();
        labels.retain(|key, _| !relabelled.removed.contains_key(key));
        labels.insert(MARK.to_owned(), mark.clone());
        labels
    });
    let overruling = overruling(&labels.collect::<Vec<_>>());
    Plan { means, mark, policy, relabelled, amended: amended.into_values().collect(), overruling }
}

/// Takes labels off until no policy that admits something, and no service, selects the pod.
fn leave(
    pod: &Pod,
    mark: &str,
    local: &[&NetworkPolicy],
    services: &[LabelSelector],
    kept: &BTreeSet<String>,
    amended: &mut BTreeMap<String, Amended>,
) -> Relabelled {
    let mut labels = pod.meta.labels.clone();
    labels.insert(MARK.to_owned(), mark.to_owned());
    let mut removed = Labels::new();
    loop {
        let by_policy = local.iter().filter(|policy| !amended.contains_key(&policy.key()));
        let policy = by_policy.into_iter().find(|policy| selects(policy, &labels)).copied();
        // A service that selects by no label is one without pods.
        let service = services.iter().find(|selector| !selector.is_everything() && selector.matches(&labels));
        let (selector, policy) = match (policy, service) {
            (Some(policy), _) => (&policy.pod_selector, Some(policy)),
            (None, Some(service)) => (service, None),
            (None, None) => break,
        };
        if let Some(key) = key_to_lose(selector, &labels, kept) {
            let value = labels.remove(&key).unwrap_or_default();
            removed.insert(key, value);
        } else if let Some(policy) = policy {
            let mut after = policy.clone();
            after.pod_selector.match_expressions.push(Requirement::DoesNotExist(MARK.to_owned()));
            amended.insert(policy.key(), Amended { before: policy.clone(), after });
        } else {
            break;
        }
    }
    let is_orphaned = removed.keys().any(|key| kept.contains(key));
    Relabelled { pod: name_of(pod), removed, is_orphaned }
}

/// A label without which the selector does not match: rather one that the controller does not select by.
fn key_to_lose(selector: &LabelSelector, labels: &Labels, kept: &BTreeSet<String>) -> Option<String> {
    let exact = selector.match_labels.keys();
    let needed = selector.match_expressions.iter().filter_map(|requirement| match requirement {
        Requirement::In(key, _) | Requirement::Exists(key) => Some(key),
        Requirement::NotIn(..) | Requirement::DoesNotExist(_) => None,
    });
    let all: BTreeSet<&String> =
        exact.chain(needed).filter(|key| labels.contains_key(*key) && *key != MARK).collect();
    all.into_iter().min_by_key(|key| (kept.contains(*key), *key)).cloned()
}

/// Labels that the pods have, stable ones, that no other pod of the namespace has or will have by a template.
fn own_labels(
    meant: &[&Pod],
    pods: &[&Pod],
    suspects: &Suspects,
    inventory: &Inventory,
) -> Option<LabelSelector> {
    let first = meant.first()?;
    let is_shared =
        |key: &str, value: &str| meant.iter().all(|pod| pod.meta.labels.get(key).is_some_and(|v| v == value));
    let mut common: Labels = first.meta.labels.clone();
    common.retain(|key, value| !is_volatile(key) && is_shared(key, value));
    let namespace = &first.meta.namespace;
    let own_name = |pod: &Pod| suspects.pods.contains(&name_of(pod));
    let others: Vec<&Labels> = pods
        .iter()
        .filter(|pod| pod.meta.namespace == *namespace && !own_name(pod) && !pod.host_network)
        .map(|pod| &pod.meta.labels)
        .collect();
    let of_templates = inventory.workloads().values();
    let of_templates = of_templates
        .filter(|workload| workload.id.namespace() == Some(namespace) && workload.id != suspects.workload)
        .flat_map(|workload| &workload.label_sets);
    let others: Vec<&Labels> = others.into_iter().chain(of_templates).collect();
    let tells = |selector: &Labels| {
        let is_in = |labels: &&Labels| selector.iter().all(|(key, value)| labels.get(key) == Some(value));
        !selector.is_empty() && !others.iter().any(is_in)
    };
    if !tells(&common) {
        return None;
    }
    let keys: Vec<String> = common.keys().cloned().collect();
    for key in keys {
        let mut fewer = common.clone();
        fewer.remove(&key);
        if tells(&fewer) {
            common = fewer;
        }
    }
    Some(LabelSelector::labels(common))
}

/// The keys by which whatever owns the pods selects them. A controller above a ReplicaSet selects no pods itself, and
/// a selector that was not read is taken to be that of the template.
fn controller_keys(meant: &[&Pod], suspects: &Suspects, inventory: &Inventory) -> BTreeSet<String> {
    let is_bare = matches!(&suspects.workload, NodeId::Workload(workload) if workload.kind == "Pod");
    let workload = inventory.workload(&suspects.workload).filter(|_| !is_bare);
    let template = workload.and_then(|workload| workload.label_sets.iter().min_by_key(|labels| labels.len()));
    let hashes =
        meant.iter().flat_map(|pod| pod.meta.labels.keys()).filter(|key| !is_bare && is_volatile(key));
    template.into_iter().flat_map(Labels::keys).chain(hashes).cloned().collect()
}

fn policy(namespace: &str, name: &str, selector: LabelSelector, allowed: &[Allowed]) -> NetworkPolicy {
    let peers: Vec<PolicyPeer> = allowed
        .iter()
        .map(|allowed| {
            let namespaces = Some(LabelSelector::labels([(NAMESPACE_NAME, allowed.namespace.as_str())]));
            PolicyPeer::Pods(PeerSelector { namespaces, pods: allowed.pods.clone() })
        })
        .collect();
    let ingress = if peers.is_empty() { Vec::new() } else { vec![PolicyRule { peers, ports: Vec::new() }] };
    NetworkPolicy {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        pod_selector: selector,
        ingress: Some(ingress),
        egress: Some(Vec::new()),
    }
}

fn selects(policy: &NetworkPolicy, labels: &Labels) -> bool {
    policy.pod_selector.matches(labels)
}

fn admits_something(policy: &NetworkPolicy) -> bool {
    Direction::BOTH
        .into_iter()
        .any(|direction| policy.rules(direction).is_some_and(|rules| !rules.is_empty()))
}

/// The rule of the finding and a hash of its id: a label value, and the same in every run.
fn mark(finding: &str) -> String {
    let rule = finding.split(':').next().unwrap_or_default();
    let hash = finding
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{rule}-{hash:08x}")
}

fn name(mark: &str, taken: &BTreeSet<&str>) -> String {
    let plain = cut_name(format!("flowfence-quarantine-{mark}"));
    let numbered = (2..).map(|n| cut_name(format!("flowfence-quarantine-{mark}-{n}")));
    let mut names = std::iter::once(plain.clone()).chain(numbered).take(taken.len() + 1);
    names.find(|name| !taken.contains(name.as_str())).unwrap_or(plain)
}
