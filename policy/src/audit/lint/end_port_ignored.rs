//! Port ranges beside a plugin whose older versions read only their first port.

use std::collections::BTreeMap;

use flowfence_model::PortName;

use super::{view, words};
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "end-port-ignored",
    level: Level::Note,
    title: "a port range that the plugin may not read",
    meaning: "The cluster runs Cilium, whose older versions silently ignored `endPort` (cilium/cilium 28684): \
              only the first port of the range was admitted. Clusters without Cilium's agents are left alone.",
    doubt: "Recent versions read it; the snapshot does not tell which version runs.",
    fix: "Update Cilium, or list the ports one by one.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &[
        "{apiVersion: v1, kind: Pod, metadata: {name: cilium-x, namespace: kube-system, labels: {k8s-app: cilium}}, spec: {nodeName: n1, hostNetwork: true, containers: []}, status: {phase: Running, podIPs: [{ip: 172.30.0.11}]}}",
        "p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}], ports: [{port: 8000, endPort: 8100}]}]}",
    ],
    not_found: &[
        "p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}], ports: [{port: 8000, endPort: 8100}]}]}",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let is_cilium = |pod: &flowfence_model::object::Pod| {
        pod.host_network && pod.meta.labels.get("k8s-app").is_some_and(|app| app == "cilium")
    };
    if !scene.roster.cluster().pods().iter().any(is_cilium) {
        return Vec::new();
    }
    let mut ranges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for rule in view::rules(scene) {
        for (at, port) in rule.ports() {
            if matches!(&port.port, Some(PortName::Range(range)) if range.first < range.last) {
                let field = words::port_field(rule.id.direction, rule.id.rule, at);
                ranges.entry(rule.policy.key()).or_default().push(field);
            }
        }
    }
    ranges.into_iter().map(|(policy, fields)| describe(&policy, &fields)).collect()
}

fn describe(policy: &str, fields: &[String]) -> Finding {
    let title = format!("policy {policy} has an endPort, which older versions of Cilium ignore");
    let fix = format!(
        "check Cilium's version, or list single ports in spec.{} of {policy}",
        words::some_of(fields)
    );
    Finding::new(DETECTOR.id, DETECTOR.level, policy, title)
        .about(policy, fields.first().cloned().unwrap_or_default())
        .fixed_by(fix)
        .with("policy", policy)
        .with("fields", fields)
}
