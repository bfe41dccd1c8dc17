//! Ranges of ports that are wider or other than they look.

use flowfence_model::{PortName, PortRange};

use super::{view, words};
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "end-port-wide",
    level: Level::Note,
    title: "a port range that covers everything, or the node ports",
    meaning: "A range over nearly every port restricts nothing that matters. The range of node ports \
              (30000-32767) is mostly a misunderstanding: policies see the pod's port, after the node port \
              was translated.",
    doubt: "Programs that listen on random ports may need a wide range.",
    fix: "List the ports of the pods; for every port of a protocol leave `port` and `endPort` out.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &[
        "p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}], ports: [{port: 30000, endPort: 32767}]}]}",
    ],
    not_found: &[
        "p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}], ports: [{port: 8000, endPort: 8100}]}]}",
    ],
    find,
};

/// So many ports are nearly all: all but those below 1024, say.
const NEARLY_ALL: u32 = 64_000;

/// The API server's default `--service-node-port-range`.
const NODE_PORTS: PortRange = PortRange { first: 30_000, last: 32_767 };

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in view::rules(scene) {
        for (at, port) in rule.ports() {
            let Some(PortName::Range(range)) = &port.port else { continue };
            let (policy, field) = (rule.policy.key(), words::port_field(rule.id.direction, rule.id.rule, at));
            let count = u32::from(range.last) - u32::from(range.first) + 1;
            let (title, fix) = if count >= NEARLY_ALL {
                (
                    format!(
                        "{field} of policy {policy} admits {count} ports of {}: nearly every one",
                        port.protocol
                    ),
                    format!(
                        "list the ports in spec.{field} of {policy}, or leave port and endPort out to say every"
                    ),
                )
            } else if *range == NODE_PORTS {
                (
                    format!(
                        "{field} of policy {policy} admits the node ports, but policies see the pods' ports"
                    ),
                    format!(
                        "in spec.{field} of {policy} write the containers' ports (targetPort of the services)"
                    ),
                )
            } else {
                continue;
            };
            findings.push(
                Finding::new(DETECTOR.id, DETECTOR.level, &format!("{policy}:{field}"), title)
                    .about(&policy, field)
                    .fixed_by(fix)
                    .with("policy", policy.as_str())
                    .with("ports", words::port(port)),
            );
        }
    }
    findings
}
