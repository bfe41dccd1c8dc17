//! `policy.networking.k8s.io/v1alpha2` ClusterNetworkPolicy.
//!
//! ```text
//! policy of a workload ─▶ accept   what it needs, Baseline 900
//!                        └▶ deny    everything else, Baseline 1000
//! ```
//!
//! The Baseline tier speaks only of pods that no NetworkPolicy isolates, so that a team that
//! writes its own policies overrules this set, and the set never opens what a team closed; an
//! Accept of the Admin tier would. Accepting and denying are two objects of two priorities, so
//! that a pod that two subjects select may do what either accepts, as under NetworkPolicies, and
//! no two rules of one priority disagree. Below 900 there is room for a platform's own defaults.
//!
//! Ingress peers are pods only. What nodes and everybody outside send can neither be accepted nor
//! denied: such rules are left out, and a note says so.

mod draft;
mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use flowfence_model::policy::Direction;
use flowfence_model::tier::{ClusterPolicy, ClusterPolicyKind, Tier, TierRule};
use flowfence_model::{NetworkPolicy, PeerSelector, PolicyPeer};
use flowfence_policy::recommend::cut_name;

use super::draft::Draft;
use super::part::{Ledger, Part};
use super::{Flavour, FlavourError, Note, Rules, Scene, Sheet, Written};
use crate::manifest::kind::cluster_policy;

const ACCEPT: u16 = 900;
const DENY: u16 = 1000;
/// Rules of a direction, peers and ports of a rule, blocks of a peer at most.
const MOST: usize = 25;

pub(super) const FLAVOUR: Flavour = Flavour {
    name: "clusternetworkpolicy",
    title: "ClusterNetworkPolicy of the Network Policy API, in the Baseline tier",
    api_version: "policy.networking.k8s.io/v1alpha2",
    kind: "ClusterNetworkPolicy",
    write,
    read: |root, _| cluster_policy::policy(root).map(Rules::Tier),
};

/// Writes a cluster-wide policy of any kind, as the API of its kind has it, as a YAML document without a `---` before it.
pub fn write_cluster_policy(
    out: &mut impl fmt::Write,
    policy: &ClusterPolicy,
    annotations: &BTreeMap<String, String>,
) -> fmt::Result {
    let object = draft::object(policy, [&BTreeMap::new(), annotations], &Default::default());
    out.write_str(&object.to_yaml()?)
}

fn write(sheets: &[Sheet<'_>], scene: &Scene<'_>) -> Result<Vec<Written>, FlavourError> {
    let mut taken: BTreeSet<String> = scene.taken.clone();
    sheets.iter().map(|sheet| file(sheet, scene, &mut taken)).collect()
}

/// Rules of one direction with the parts of the policy that they say.
type Accepts = Vec<(Part, TierRule)>;

fn file(sheet: &Sheet<'_>, scene: &Scene<'_>, taken: &mut BTreeSet<String>) -> Result<Written, FlavourError> {
    let policy = &sheet.manifest.policy;
    let marks = [&sheet.manifest.labels, &sheet.manifest.annotations];
    let [egress, ingress] = Direction::BOTH.map(|direction| rule::accepts(policy, direction));
    let mut written =
        Written { file: format!("cluster/{}", sheet.file), notes: notes(policy), ..Written::default() };
    let mut ledger = Ledger::new(sheet, scene);
    let mut texts = Vec::new();
    let objects = egress.len().max(ingress.len()).div_ceil(MOST);
    for at in 0..objects {
        let suffix = if at == 0 { "accept".to_owned() } else { format!("accept-{}", at + 1) };
        let lists = [&egress, &ingress].map(|rules| chunk(rules, at));
        let object = object(policy, name(policy, &suffix, taken), ACCEPT, lists);
        let comments = [Direction::Egress, Direction::Ingress].map(|direction| {
            let rules = if direction == Direction::Egress { &egress } else { &ingress };
            let parts = rules.iter().skip(at * MOST).take(MOST).enumerate();
            parts.map(|(at, (part, _))| ledger.enter(&object.key(), direction, at, part)).collect::<Vec<_>>()
        });
        texts.push(draft::object(&object, marks, &comments));
    }
    let closing = Direction::BOTH.map(|direction| rule::closing(policy, direction));
    if closing.iter().any(|rules| !rules.is_empty()) {
        let comments = closing.each_ref().map(|rules| vec!["everything else".to_owned(); rules.len()]);
        let object = object(policy, name(policy, "deny", taken), DENY, closing);
        texts.push(draft::object(&object, marks, &comments));
    }
    let yaml = texts.iter().map(Draft::to_yaml).collect::<Result<Vec<_>, _>>()?;
    written.text = yaml.join("---\n");
    written.objects = texts.iter().map(Draft::to_json).collect();
    written.reasons = ledger.reasons;
    Ok(written)
}

fn chunk(rules: &Accepts, at: usize) -> Vec<TierRule> {
    rules.iter().skip(at * MOST).take(MOST).map(|(_, rule)| rule.clone()).collect()
}

fn object(
    policy: &NetworkPolicy,
    name: String,
    priority: u16,
    [egress, ingress]: [Vec<TierRule>; 2],
) -> ClusterPolicy {
    ClusterPolicy {
        kind: ClusterPolicyKind::ClusterNetworkPolicy,
        name,
        tier: Tier::Baseline,
        priority,
        subject: PeerSelector {
            namespaces: Some(rule::namespace(&policy.namespace)),
            pods: Some(policy.pod_selector.clone()),
        },
        ingress,
        egress,
    }
}

/// `flowfence-NAMESPACE.NAME.SUFFIX`: a namespace has no dot and a suffix neither, so that no two
/// policies share a name; a number follows where somebody else's object has it.
fn name(policy: &NetworkPolicy, suffix: &str, taken: &mut BTreeSet<String>) -> String {
    let bare = policy.name.strip_prefix("flowfence-").unwrap_or(&policy.name);
    let plain = format!("flowfence-{}.{bare}.{suffix}", policy.namespace);
    let numbered = (2..).map(|n: u32| format!("{plain}-of-{n}"));
    let mut free = std::iter::once(plain.clone()).chain(numbered).map(cut_name);
    free.find(|name| taken.insert(name.clone())).unwrap_or(plain)
}

fn notes(policy: &NetworkPolicy) -> Vec<Note> {
    let Some(rules) = &policy.ingress else { return Vec::new() };
    let is_address = |peer: &PolicyPeer| matches!(peer, PolicyPeer::Block { .. });
    let has_addresses = rules.iter().any(|rule| rule.peers.is_empty() || rule.peers.iter().any(is_address));
    let text = if has_addresses {
        "closed to pods only: ingress peers of a ClusterNetworkPolicy are pods, so that nodes and everybody \
         outside are neither admitted by its rules nor denied"
    } else {
        "closed to pods only: ingress peers of a ClusterNetworkPolicy are pods, so that nodes and everybody \
         outside are not denied"
    };
    vec![Note { policy: policy.key(), direction: Direction::Ingress, text: text.to_owned() }]
}
