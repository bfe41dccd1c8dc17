//! The Admin tier stands above every NetworkPolicy: what it accepts is cut by a rule that comes before it, and by nothing else.
//!
//! A deny there alone would not do either: its rules of ingress speak of pods, and what nodes and everybody outside send is
//! left to NetworkPolicies. So it stands beside the policy of the namespace, and denies no more than that one does.

use std::collections::BTreeSet;

use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::tier::{Action, ClusterPolicy, ClusterPolicyKind, Tier, TierPeer, TierRule};
use flowfence_model::{Direction, LabelSelector, Labels, PeerSelector};

use super::plan::Allowed;

/// What is to be done about the Admin tier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overruling {
    /// Denies the pods what policies of the tier accept, and comes before them; none where none accepts anything.
    pub policy: Option<ClusterPolicy>,
    /// Policies, by `KIND/NAME`, that accept something and before which there is no room: none has a priority below 0.
    /// An earlier policy may take what they accept all the same: the proof says whether they matter.
    pub unbeatable: Vec<String>,
}

/// The pods to deny, by what their labels will be.
pub(super) struct Denied<'a> {
    /// Their namespace.
    pub namespace: &'a str,
    /// Its labels.
    pub namespace_labels: &'a Labels,
    /// How the policy of the namespace tells them.
    pub selector: &'a LabelSelector,
    /// The labels of each.
    pub labels: &'a [Labels],
}

/// A policy by `name` that comes before whatever accepts something of the pods, and lets the tier pass on only `allowed`.
pub(super) fn overrule(
    name: impl Fn(&BTreeSet<&str>) -> String,
    denied: &Denied<'_>,
    tiers: &[ClusterPolicy],
    allowed: &[Allowed],
) -> Overruling {
    let selecting: Vec<&ClusterPolicy> =
        tiers.iter().filter(|policy| policy.tier == Tier::Admin && denied.is_selected_by(policy)).collect();
    let accepting: Vec<&ClusterPolicy> = selecting.iter().copied().filter(|policy| accepts(policy)).collect();
    let Some(first) = accepting.iter().min_by_key(|policy| (policy.priority, &policy.name)) else {
        return Overruling::default();
    };
    let Some(priority) = free_below(first.priority, tiers, &selecting) else {
        let lowest = accepting.iter().filter(|policy| policy.priority == first.priority);
        return Overruling { policy: None, unbeatable: lowest.map(|policy| policy.key()).collect() };
    };
    let taken: BTreeSet<&str> =
        tiers.iter().filter(|policy| policy.kind == first.kind).map(|policy| policy.name.as_str()).collect();
    let policy = ClusterPolicy {
        kind: first.kind,
        name: name(&taken),
        tier: Tier::Admin,
        priority,
        subject: of_namespace(denied.namespace, Some(denied.selector.clone())),
        ingress: ingress(allowed),
        egress: vec![rule(Action::Deny, everybody(&accepting))],
    };
    Overruling { policy: Some(policy), unbeatable: Vec::new() }
}

impl Denied<'_> {
    fn is_selected_by(&self, policy: &ClusterPolicy) -> bool {
        let subject = &policy.subject;
        let is_home = |selector: &LabelSelector| selector.matches(self.namespace_labels);
        subject.namespaces.as_ref().is_none_or(is_home)
            && self.labels.iter().any(|labels| subject.pods.as_ref().is_none_or(|pods| pods.matches(labels)))
    }
}

fn accepts(policy: &ClusterPolicy) -> bool {
    let is_accept = |rule: &TierRule| rule.action == Action::Accept;
    Direction::BOTH.into_iter().any(|direction| policy.rules(direction).iter().any(is_accept))
}

/// The highest priority below, which is asked just before: one that nobody has, else one that nobody has who selects the
/// pods, since the order of equal ones is left open.
fn free_below(priority: u16, tiers: &[ClusterPolicy], selecting: &[&ClusterPolicy]) -> Option<u16> {
    let has = |policy: &ClusterPolicy, at: u16| policy.tier == Tier::Admin && policy.priority == at;
    let below = || (0..priority).rev();
    let unused = below().find(|at| !tiers.iter().any(|policy| has(policy, *at)));
    unused.or_else(|| below().find(|at| !selecting.iter().any(|policy| has(policy, *at))))
}

/// What is passed on is left to the policy of the namespace, which admits the same.
fn ingress(allowed: &[Allowed]) -> Vec<TierRule> {
    let peers: Vec<TierPeer> = allowed
        .iter()
        .map(|allowed| TierPeer::Pods(of_namespace(&allowed.namespace, allowed.pods.clone())))
        .collect();
    let pass = (!peers.is_empty()).then(|| rule(Action::Pass, peers));
    pass.into_iter().chain([rule(Action::Deny, vec![all_pods()])]).collect()
}

/// Every pod, and every address where a policy accepts more than pods: clusters whose definition of the kind lacks `networks`
/// have no such policy.
fn everybody(accepting: &[&ClusterPolicy]) -> Vec<TierPeer> {
    let is_wider = |peer: &TierPeer| !matches!(peer, TierPeer::Pods(_));
    let of_accepts = accepting.iter().flat_map(|policy| &policy.egress);
    let mut accepts = of_accepts.filter(|rule| rule.action == Action::Accept);
    let has_addresses = accepts.any(|rule| rule.peers.iter().any(is_wider));
    let anywhere = || {
        let blocks = ["0.0.0.0/0", "::/0"].into_iter().filter_map(|block| block.parse().ok());
        TierPeer::Networks(blocks.collect())
    };
    [all_pods()].into_iter().chain(has_addresses.then(anywhere)).collect()
}

fn rule(action: Action, peers: Vec<TierPeer>) -> TierRule {
    TierRule { name: String::new(), action, peers, ports: Vec::new() }
}

fn all_pods() -> TierPeer {
    TierPeer::Pods(PeerSelector { namespaces: Some(LabelSelector::everything()), pods: None })
}

fn of_namespace(namespace: &str, pods: Option<LabelSelector>) -> PeerSelector {
    PeerSelector { namespaces: Some(LabelSelector::labels([(NAMESPACE_NAME, namespace)])), pods }
}

/// How kubectl calls a kind.
pub fn resource(kind: ClusterPolicyKind) -> &'static str {
    match kind {
        ClusterPolicyKind::AdminNetworkPolicy => "adminnetworkpolicy",
        ClusterPolicyKind::BaselineAdminNetworkPolicy => "baselineadminnetworkpolicy",
        ClusterPolicyKind::ClusterNetworkPolicy => "clusternetworkpolicy",
    }
}
