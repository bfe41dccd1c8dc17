//! Policies over pods that use their node's network.

use std::collections::BTreeSet;

use super::words;
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};
use crate::semantics::PodIndex;

pub(super) const DETECTOR: Detector = Detector {
    id: "host-network-bypass",
    level: Level::Warning,
    title: "a policy over pods that use their node's network",
    meaning: "The policy selects pods with `hostNetwork: true`. No policy holds for them: their traffic is the node's, \
              and most plugins neither restrict it nor know it by labels. It looks protected, and is not. A policy \
              that selects all pods of its namespace is meant for the others, where there are any, and is left alone.",
    doubt: "Some plugins restrict nodes by policies of their own, which are not read here.",
    fix: "Give the pods a network of their own (`hostNetwork: false`) where they can have one; else restrict the node.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &[
        "{apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: shop, labels: {app: agent}}, spec: {nodeName: n1, hostNetwork: true, containers: []}, status: {phase: Running, podIPs: [{ip: 172.30.0.11}]}}",
        "p: {podSelector: {matchLabels: {app: agent}}, policyTypes: [Ingress]}",
    ],
    not_found: &[
        "{apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: shop, labels: {app: agent}}, spec: {nodeName: n1, hostNetwork: true, containers: []}, status: {phase: Running, podIPs: [{ip: 172.30.0.11}]}}",
        "p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let cluster = scene.roster.cluster();
    let is_outside = |pod: &PodIndex| {
        let object = cluster.pod(*pod);
        object.host_network && !object.is_finished
    };
    let all: Vec<PodIndex> = cluster.indices().filter(is_outside).collect();
    let mut findings = Vec::new();
    for (index, policy) in scene.policies.policies().iter().enumerate() {
        if policy.pod_selector.is_everything() && scene.policies.selected(index).next().is_some() {
            continue;
        }
        let selects = |pod: &&PodIndex| {
            let meta = &cluster.pod(**pod).meta;
            meta.namespace == policy.namespace && policy.pod_selector.matches(&meta.labels)
        };
        let outside: BTreeSet<String> = all
            .iter()
            .filter(selects)
            .filter_map(|pod| scene.roster.workload_of(*pod))
            .map(ToString::to_string)
            .collect();
        if outside.is_empty() {
            continue;
        }
        let (key, who) = (policy.key(), words::some_of(&outside));
        let title =
            format!("policy {key} selects {who}, which use their node's network: it does not hold for them");
        let fix = format!("give {who} a network of their own, or restrict the nodes; {key} cannot");
        findings.push(
            Finding::new(DETECTOR.id, Level::Warning, &key, title)
                .about(&key, "podSelector")
                .fixed_by(fix)
                .with("policy", key)
                .with("subjects", &outside),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Words, ids, policy, shop};

    #[test]
    fn a_policy_for_all_pods_and_one_for_others_are_silent() {
        let mut world = shop();
        let agent = world.pod("shop/agent");
        agent.host_network = true;
        agent.meta.labels = [("app".to_owned(), "agent".to_owned())].into();
        world.today = vec![policy("all", "").deny(), policy("web", "web").deny()];
        assert!(ids(&world).iter().all(|id| !id.starts_with("host-network-bypass")), "{:?}", ids(&world));
        world.today.push(policy("agent", "agent").deny());
        assert!(ids(&world).contains(&"host-network-bypass:shop/agent".to_owned()), "{:?}", ids(&world));
    }

    #[test]
    fn a_pod_that_is_over_is_no_bypass() {
        let mut world = shop();
        let agent = world.pod("shop/agent");
        (agent.host_network, agent.is_finished) = (true, true);
        agent.meta.labels = [("app".to_owned(), "agent".to_owned())].into();
        world.today = vec![policy("agent", "agent").deny()];
        assert!(ids(&world).iter().all(|id| !id.starts_with("host-network-bypass")), "{:?}", ids(&world));
    }
}
