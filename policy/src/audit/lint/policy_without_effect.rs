//! Policies that change no verdict.

use std::collections::BTreeSet;

use flowfence_model::NetworkPolicy;

use super::{newcomer, policy_shadowed, view};
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};
use crate::semantics::{Party, PodIndex, PolicySet};

pub(super) const DETECTOR: Detector = Detector {
    id: "policy-without-effect",
    level: Level::Warning,
    title: "a policy that changes no verdict",
    meaning: "The policy selects pods, and every connection would be allowed or denied without it as it is now: \
              it admits everything to pods that nothing else isolates, or cluster-wide policies decide before \
              it. Asked of all pods, nodes and address blocks of the input, and of pods that would come with no \
              more labels than the policies' selectors want.",
    doubt: "It may be a marker that is meant to stay while others come and go.",
    fix: "Delete it, or give it the rules that were meant.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &["p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{}]}"],
    not_found: &[
        "deny: {podSelector: {}, policyTypes: [Ingress]}",
        "p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{}]}",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    // Those that are told to go for other reasons are gone here, and have no effect to share.
    let shadowed: BTreeSet<usize> = policy_shadowed::shadowed(scene).into_keys().collect();
    let left: Vec<usize> =
        (0..scene.policies.policies().len()).filter(|policy| !shadowed.contains(policy)).collect();
    let policies: Vec<NetworkPolicy> = left.iter().map(|at| scene.policies.policies()[*at].clone()).collect();
    let (pods, namespaces) = newcomer::newcomers(scene);
    let cluster = scene.roster.cluster().extended(pods, namespaces);
    let first = scene.roster.cluster().pods().len();
    let set = PolicySet::compile_all(&cluster, &policies, scene.policies.cluster_policies());
    let newcomers = (first..cluster.pods().len()).map(PodIndex::at);
    let newcomers = newcomers.map(|pod| Party { pod: Some(pod), address: cluster.pod(pod).ips[0] });
    let parties: Vec<Party> = view::parties(scene).into_iter().chain(newcomers).collect();
    // Those without pods have a finding of their own, and a deny that others repeat is no mistake.
    let is_kept =
        |at: usize| scene.policies.selected(left[at]).next().is_none() || has_only_denies(&policies[at]);
    set.without_effect(&parties, is_kept).into_iter().map(|at| describe(scene, left[at])).collect()
}

/// Whether a policy has no rule: what it denies stays denied whatever becomes of other policies.
fn has_only_denies(policy: &NetworkPolicy) -> bool {
    policy.ingress.iter().chain(&policy.egress).all(Vec::is_empty)
}

fn describe(scene: &Scene<'_>, policy: usize) -> Finding {
    let key = scene.policies.policies()[policy].key();
    let subjects = scene.workloads(scene.policies.selected(policy));
    let title = format!("policy {key} selects {} workloads and changes no verdict", subjects.len());
    let fix = format!("delete NetworkPolicy {key}, or replace its rules by those that were meant");
    Finding::new(DETECTOR.id, DETECTOR.level, &key, title)
        .about(&key, "")
        .fixed_by(fix)
        .with("policy", key.as_str())
        .with("subjects", &subjects)
}
