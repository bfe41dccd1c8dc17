//! Blocks of addresses in which pods live.

use flowfence_model::PolicyPeer;
use ipnet::IpNet;

use super::{view, words};
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};
use crate::semantics::PodIndex;

pub(super) const DETECTOR: Detector = Detector {
    id: "block-covers-pods",
    level: Level::Warning,
    title: "an ipBlock that covers pod addresses",
    meaning: "Blocks are meant for addresses outside. Most plugins let one match pods too, so that it admits \
              whoever holds those addresses tomorrow; some (Cilium) never do, and then the rule does not work.",
    doubt: "In networks where pods and machines share a range the block may be meant for the machines. Blocks \
            as wide as the world are left alone.",
    fix: "Select pods by labels, and take the pods' ranges out of the block with `except`.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &[
        "p: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}",
    ],
    not_found: &[
        "p: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.244.0.0/16]}}]}]}",
    ],
    find,
};

/// A block of fewer bits means the world, or half of it.
const WORLD_BITS: [u8; 2] = [8, 7];

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let pods = view::pods(scene);
    let mut findings = Vec::new();
    for rule in view::rules(scene) {
        for (at, peer) in rule.peers() {
            let PolicyPeer::Block { cidr, except } = peer else { continue };
            if is_world(cidr) {
                continue;
            }
            let covered: Vec<PodIndex> =
                pods.iter().copied().filter(|pod| is_covered(scene, *pod, cidr, except)).collect();
            if !covered.is_empty() {
                findings.push(describe(scene, rule, at, cidr, &covered));
            }
        }
    }
    findings
}

/// Whether a block is so wide that it can only mean everybody outside.
pub(super) fn is_world(cidr: &IpNet) -> bool {
    cidr.prefix_len() < WORLD_BITS[usize::from(cidr.addr().is_ipv6())]
}

fn is_covered(scene: &Scene<'_>, pod: PodIndex, cidr: &IpNet, except: &[IpNet]) -> bool {
    let ips = &scene.roster.cluster().pod(pod).ips;
    ips.iter().any(|ip| cidr.contains(ip) && !except.iter().any(|part| part.contains(ip)))
}

fn describe(
    scene: &Scene<'_>,
    rule: view::Rule<'_>,
    at: usize,
    cidr: &IpNet,
    covered: &[PodIndex],
) -> Finding {
    let (policy, field) = (rule.policy.key(), words::peer_field(rule.id.direction, rule.id.rule, at));
    let workloads = scene.workloads(covered.iter().copied());
    let is_host = cidr.prefix_len() == cidr.max_prefix_len();
    let title = format!(
        "{field} of policy {policy}: ipBlock {cidr} covers {}",
        if is_host {
            format!("a pod of {}", words::some_of(workloads.iter()))
        } else {
            format!("{} pods, of {}", covered.len(), words::some_of(workloads.iter()))
        }
    );
    let ranges: Vec<IpNet> =
        scene.inventory.pod_cidrs().into_iter().filter(|range| cidr.contains(range)).collect();
    let fix = if is_host || ranges.is_empty() {
        format!(
            "in spec.{field} of {policy} select the pods by labels (podSelector, namespaceSelector) instead"
        )
    } else {
        format!(
            "add except: [{}] to spec.{field}.ipBlock of {policy}, and select pods by labels where they are meant",
            ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        )
    };
    Finding::new(DETECTOR.id, DETECTOR.level, &format!("{policy}:{field}"), title)
        .about(&policy, field)
        .fixed_by(fix)
        .with("policy", policy.as_str())
        .with("block", cidr.to_string())
        .with("pods", covered.len())
        .with("workloads", &workloads)
}
