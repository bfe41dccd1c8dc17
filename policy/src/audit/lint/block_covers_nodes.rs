//! Blocks in which some nodes happen to lie.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowfence_model::PolicyPeer;
use ipnet::IpNet;

use super::{block_covers_pods, view, words};
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "block-covers-nodes",
    level: Level::Note,
    title: "an ipBlock that covers addresses of nodes by the way",
    meaning: "Whoever speaks as a node passes: every pod on a node's network, and clients of published ports \
              whose address the node replaced. Towards nodes it opens the kubelet and everything else there.",
    doubt: "It may be meant so. A single address, a block that holds all nodes and little else (/16 and \
            narrower, /48 for IPv6), and blocks as wide as the world are left alone.",
    fix: "Take the nodes out of the block with `except`, or write a block for them alone.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &[
        "p: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: 172.16.0.0/12}}]}]}",
    ],
    not_found: &[
        "p: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: 172.30.0.11/32}}]}]}",
    ],
    find,
};

/// A block of at least so many bits that holds every node was written for them.
const FOR_NODES_BITS: [u8; 2] = [16, 48];

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let nodes: BTreeSet<IpAddr> =
        scene.inventory.nodes().values().flat_map(|node| node.internal_ips.iter().copied()).collect();
    let mut findings = Vec::new();
    for rule in view::rules(scene) {
        for (at, peer) in rule.peers() {
            let PolicyPeer::Block { cidr, except } = peer else { continue };
            if block_covers_pods::is_world(cidr) || cidr.prefix_len() == cidr.max_prefix_len() {
                continue;
            }
            let of_family = || nodes.iter().filter(|ip| ip.is_ipv4() == cidr.addr().is_ipv4());
            let holds = |ip: &&IpAddr| cidr.contains(*ip) && !except.iter().any(|part| part.contains(*ip));
            let covered: BTreeSet<&IpAddr> = of_family().filter(holds).collect();
            let is_for_nodes = covered.len() == of_family().count()
                && cidr.prefix_len() >= FOR_NODES_BITS[usize::from(cidr.addr().is_ipv6())];
            if !covered.is_empty() && !is_for_nodes {
                findings.push(describe(rule, at, cidr, &covered));
            }
        }
    }
    findings
}

fn describe(rule: view::Rule<'_>, at: usize, cidr: &IpNet, covered: &BTreeSet<&IpAddr>) -> Finding {
    let (policy, field) = (rule.policy.key(), words::peer_field(rule.id.direction, rule.id.rule, at));
    let title = format!(
        "{field} of policy {policy}: ipBlock {cidr} covers {} nodes: {}",
        covered.len(),
        words::some_of(covered)
    );
    let hosts: Vec<String> = covered.iter().take(3).map(|ip| IpNet::from(**ip).to_string()).collect();
    let more = if covered.len() > hosts.len() { ", …" } else { "" };
    let fix = format!("add except: [{}{more}] to spec.{field}.ipBlock of {policy}", hosts.join(", "));
    Finding::new(DETECTOR.id, DETECTOR.level, &format!("{policy}:{field}"), title)
        .about(&policy, field)
        .fixed_by(fix)
        .with("policy", policy.as_str())
        .with("block", cidr.to_string())
        .with("nodes", covered)
}
