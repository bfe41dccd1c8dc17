//! What keeps the cluster running.

use std::net::Ipv4Addr;

use super::work::{link, outward};
use crate::support::cluster::node;
use crate::town::Town;

const API_SERVER: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 168, 0, 200), 6443);

/// Every pod and its port, with its time.
fn everybody(town: &Town) -> Vec<(Ipv4Addr, u16, i64, i64)> {
    let all = town.workloads.iter().flat_map(|known| known.pods.iter().map(move |pod| (pod, known.port)));
    all.map(|(pod, port)| (pod.address, port, pod.from, pod.to)).collect()
}

/// Each kubelet connects to the ports of its own pods.
pub fn probes(town: &mut Town) {
    for (address, port, from, to) in everybody(town) {
        let kubelet = node(address.octets()[2]);
        for at in town.random.moments(from.max(0), to.min(town.seconds - 10), town.pace * 3) {
            let client = town.client(kubelet);
            town.wire.from(at);
            town.wire.probe(client, (address, port).into());
        }
    }
}

/// All pods and kubelets are asked in turn; some targets are gone, and are asked all the same.
pub fn scraper(town: &mut Town) {
    let targets = everybody(town);
    let nodes = town.nodes();
    let scraper = town.workload("Deployment", "monitoring", "prometheus", 9090, 1);
    let own = town.workloads[scraper].pods[0].address;
    let dead = town.random.between(1, 5);
    for round in town.random.moments(0, town.seconds - 60, town.pace * 6) {
        for (address, port, from, to) in &targets {
            if *from <= round && round + 60 < *to {
                town.talk(round, own, (*address, *port), [400, 20_000], 0);
            }
        }
        for n in 1..=nodes {
            town.talk(round + 1, own, (node(n), 10_250), [400, 90_000], 0);
        }
        for n in 0..dead {
            let gone = Ipv4Addr::new(10, 1, 2, u8::try_from(20 + n).unwrap());
            town.knock(round + 2, own, (gone, 9_100), n % 2 == 0);
        }
    }
    town.fails(scraper);
}

/// One agent a node sends what was written.
pub fn logs(town: &mut Town) {
    let nodes = usize::from(town.nodes());
    let agents = town.workload("DaemonSet", "logging", "agent", 2020, nodes);
    let pace = town.pace;
    outward(town, agents, "intake.logs.example", 443, [10_000, 300_000], pace);
}

/// NTP, every minute or so, from one pod a node.
pub fn clock(town: &mut Town) {
    let nodes = usize::from(town.nodes());
    let clocks = town.workload("DaemonSet", "system-tools", "chrony", 323, nodes);
    let servers = [town.outside(), town.outside(), town.outside()];
    for pod in town.workloads[clocks].pods.clone() {
        for server in servers {
            for at in town.random.moments(0, town.seconds - 10, town.pace * 3) {
                town.ask(at, pod.address, (server, 123));
            }
        }
    }
}

/// It keeps a watch at the API server, asks the pods that it manages, and has a second replica that waits.
pub fn operator(town: &mut Town) {
    let managed: Vec<usize> =
        (0..town.workloads.len()).filter(|at| town.workloads[*at].kind == "StatefulSet").take(3).collect();
    let operator = town.workload("Deployment", "operators", "db-operator", 9443, 2);
    let pods = town.workloads[operator].pods.clone();
    for pod in &pods {
        for at in town.random.moments(0, town.seconds - 400, town.pace * 8) {
            town.talk(at, pod.address, API_SERVER, [3_000, 40_000], 300);
        }
    }
    for managed in managed {
        for round in town.random.moments(0, town.seconds - 60, town.pace * 4) {
            for peer in town.workloads[managed].pods_at(round) {
                let port = town.workloads[managed].port;
                if port != 5672 {
                    town.talk(round, pods[0].address, (peer.address, port), [300, 900], 0);
                }
            }
        }
    }
}

/// Every pod of the first namespace keeps a connection to the mesh's control plane.
pub fn mesh(town: &mut Town) {
    let namespace = town.workloads[0].namespace.clone();
    let members: Vec<usize> =
        (0..town.workloads.len()).filter(|at| town.workloads[*at].namespace == namespace).collect();
    let control = town.workload("Deployment", "mesh-system", "control", 15_012, 1);
    let pace = town.pace;
    for member in members {
        link(town, member, control, pace * 10);
    }
}
