//! Ports that run the cluster, reached by workloads that do not run it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flowfence_graph::{EdgeKey, Tally};
use flowfence_model::NodeId;

use super::finding::{Finding, Level};
use super::late::{Latecomer, latecomers};
use super::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "control-plane-access",
    level: Level::Warning,
    title: "ports that run the cluster, reached by a workload that does not use them elsewhere",
    meaning: "Whoever reaches the kubelet, etcd or the shell of a node, or suddenly begins to ask the API server, \
              prepares to go further. A workload that reaches the same port of several nodes watches the cluster and \
              is left alone, save at etcd and SSH. Of the API server it is told when a pod had been seen for a \
              quarter of the window with other connections, that it opened or answered, before it first asked, and no sibling had; a note where \
              that was less than ten minutes.",
    doubt: "A collector in a cluster of one node reaches one kubelet only (a note). A program may need the API server \
            rarely and late. What runs on a node's own network is the node and is not told.",
    fix: "Deny node addresses and the API server to workloads that do not need them, and take their service account's \
          token away (`automountServiceAccountToken: false`).",
    unasked: Unasked::Suspect,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &["shop/api-0 -> node1 10250/TCP"],
    not_found: &["ops/scraper-0 -> node1 10250/TCP", "ops/scraper-0 -> node2 10250/TCP"],
    find,
};

/// Ports of nodes, and whether even those who watch all nodes have no business there.
const PORTS: &[(u16, &str, bool)] = &[
    (22, "SSH", true),
    (2379, "etcd", true),
    (2380, "etcd between its members", true),
    (10249, "kube-proxy", false),
    (10250, "kubelet", false),
    (10255, "kubelet without authentication", false),
    (10257, "controller manager", false),
    (10259, "scheduler", false),
];

/// A pod must have been seen for so long before, for more than a note.
const WATCHED: Duration = Duration::from_mins(10);

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = nodes(scene);
    findings.extend(began(scene));
    findings
}

fn nodes(scene: &Scene<'_>) -> Vec<Finding> {
    let mut reached: BTreeMap<(NodeId, u16), Vec<(EdgeKey, Tally)>> = BTreeMap::new();
    for (edge, seen) in scene.connected() {
        let on_node = matches!(edge.to, NodeId::Node(_) | NodeId::ApiServer);
        if let Some(port) = edge.port.filter(|_| on_node && edge.from.is_workload())
            && PORTS.iter().any(|(known, ..)| *known == port)
        {
            reached.entry((edge.from.clone(), port)).or_default().push((edge.clone(), seen.tally.clone()));
        }
    }
    let watchers: BTreeSet<NodeId> =
        reached.iter().filter(|(_, edges)| edges.len() > 1).map(|((from, _), _)| from.clone()).collect();
    let mut findings = Vec::new();
    for ((from, port), edges) in reached {
        let Some((_, what, never)) = PORTS.iter().find(|(known, ..)| *known == port) else { continue };
        if !never && watchers.contains(&from) {
            continue;
        }
        let system = from.namespace().is_some_and(|namespace| namespace.starts_with("kube-"));
        let lone = scene.inventory.nodes().len() < 2 && !never;
        let level = if system || lone { Level::Note } else { Level::Warning };
        for (edge, tally) in edges {
            let title = format!("{} reached {what} on {}, port {port}", edge.from, edge.to);
            let fix = format!(
                "deny node addresses to {from} by an egress rule, or admit port {port} where it is needed"
            );
            findings.push(
                Finding::of_edge(DETECTOR.id, level, &edge, &tally, title)
                    .fixed_by(fix)
                    .with("service", *what),
            );
        }
    }
    findings
}

/// Pods that began to ask the API server late, and whose siblings had not.
fn began(scene: &Scene<'_>) -> Vec<Finding> {
    let late = latecomers(scene, |contact| contact.to.id == NodeId::ApiServer);
    let describe = |late: Latecomer<'_>| {
        let level = if late.watched >= WATCHED { Level::Warning } else { Level::Note };
        let edge = EdgeKey::of(late.first);
        let title = format!(
            "{} began to ask the API server {} s after it was first seen, and {} connections later",
            edge.from,
            late.watched.as_secs(),
            late.before
        );
        let fix = format!("deny the API server to {}, or admit it when it needs it", edge.from);
        Finding::of_edge(DETECTOR.id, level, &edge, &late.first.tally, title)
            .fixed_by(fix)
            .with("service", "API server")
            .with("seenSince", late.since)
            .with("connectionsBefore", late.before)
    };
    late.into_iter().map(describe).collect()
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, levels};
    use super::*;

    #[test]
    fn who_watches_all_nodes_has_still_no_business_at_etcd() {
        let lines = [
            "ops/scraper-0 -> node1 10250/TCP",
            "ops/scraper-0 -> node2 10250/TCP",
            "ops/scraper-0 -> node1 10257/TCP",
            "ops/scraper-0 -> node1 2379/TCP",
        ];
        assert_eq!(
            found(&DETECTOR, &lines),
            ["control-plane-access:ops/Deployment/scraper->node/node1:2379/TCP"]
        );
    }

    #[test]
    fn what_failed_and_what_a_node_does_is_not_told() {
        let lines = [
            "shop/api-0 -> node1 10250/TCP refused",
            "node1 -> node2 10250/TCP",
            "shop/api-0 -> node1 9100/TCP",
        ];
        assert_eq!(found(&DETECTOR, &lines), [""; 0]);
    }

    const WORK: &str = "shop/web-0 -> shop/api-0 8080/TCP 50 times";

    #[test]
    fn a_pod_that_begins_to_ask_the_api_server_late_is_told() {
        let late = [WORK, "shop/web-0 -> apiserver 6443/TCP from 400 to 410"];
        assert_eq!(found(&DETECTOR, &late), ["control-plane-access:shop/Deployment/web->apiserver:6443/TCP"]);
        assert_eq!(levels(&DETECTOR, &late), [Level::Note], "under ten minutes");
    }

    #[test]
    fn who_only_answered_before_is_told_too() {
        let served = "shop/web-0 -> shop/api-0 8080/TCP 50 times";
        let late = "shop/api-0 -> apiserver 6443/TCP from 400 to 410";
        assert_eq!(levels(&DETECTOR, &[served, late]), [Level::Note]);
    }

    #[test]
    fn who_asked_from_the_beginning_or_whose_sibling_did_is_not_told() {
        for lines in [
            &[WORK, "shop/web-0 -> apiserver 6443/TCP from 2 to 410"][..],
            &[
                WORK,
                "shop/web-0 -> apiserver 6443/TCP from 400 to 410",
                "shop/web-1 -> apiserver 6443/TCP from 3 to 4",
            ],
            &["shop/web-0 -> apiserver 6443/TCP from 400 to 410"],
        ] {
            assert_eq!(found(&DETECTOR, lines), [""; 0], "{lines:?}");
        }
    }
}
