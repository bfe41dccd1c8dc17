//! Intruders in a workload that has a policy for both directions, which admits all that it did before.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::{exfiltration, tunnel};
use crate::town::Town;

/// Everybody may come to its port; it may ask for names, for port 443 outside, and for what it asks.
fn guard(town: &mut Town, workload: usize) {
    let mut inside: BTreeMap<(String, String), BTreeSet<u16>> = BTreeMap::new();
    let mut machines: BTreeSet<(Ipv4Addr, u16)> = BTreeSet::new();
    for (to, port) in town.asked(workload) {
        match town.holder(to) {
            Some(known) => {
                inside.entry((known.namespace.clone(), known.name.clone())).or_default().insert(port);
            }
            None => drop(machines.insert((to, port))),
        }
    }
    let tcp = |port: &u16| json!({"protocol": "TCP", "port": port});
    let mut egress = vec![
        json!({"ports": [{"protocol": "UDP", "port": 53}]}),
        json!({"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "192.168.0.0/16"]}}],
            "ports": [tcp(&443)]}),
    ];
    egress.extend(inside.iter().map(|((namespace, name), ports)| {
        json!({"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "podSelector": {"matchLabels": {"app": name}}}], "ports": ports.iter().map(tcp).collect::<Vec<Value>>()})
    }));
    egress.extend(
        machines.iter().map(
            |(to, port)| json!({"to": [{"ipBlock": {"cidr": format!("{to}/32")}}], "ports": [tcp(port)]}),
        ),
    );
    let known = &town.workloads[workload];
    let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": known.name, "namespace": known.namespace},
        "spec": {"podSelector": {"matchLabels": {"app": known.name}}, "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": [tcp(&known.port)]}], "egress": egress}});
    town.objects.push(policy);
}

/// Peers that the policy does not admit.
fn others(town: &Town, workload: usize) -> Vec<(Ipv4Addr, u16)> {
    let asked = town.asked(workload);
    let own = &town.workloads[workload].pods;
    let all = town.workloads.iter().flat_map(|known| known.pods_at(town.seconds / 2));
    all.filter(|pod| own.iter().all(|own| own.address != pod.address))
        .map(|pod| (pod.address, 22))
        .filter(|target| !asked.contains(target))
        .collect()
}

pub fn peer(town: &mut Town, intruder: usize) -> Option<String> {
    guard(town, intruder);
    let (own, to) = (town.workloads[intruder].pods[0].address, others(town, intruder)[0]);
    town.knock(town.seconds / 2, own, to, false);
    None
}

pub fn scan(town: &mut Town, intruder: usize) -> Option<String> {
    guard(town, intruder);
    let (own, step) = (town.workloads[intruder].pods[0].address, town.seconds / 20);
    let ports = [22, 3_306, 6_379, 5_432, 8_500, 9_200];
    for (n, ((to, _), port)) in (0..).zip(others(town, intruder).into_iter().cycle().zip(ports)) {
        town.knock(town.seconds / 2 + n * step, own, (to, port), false);
    }
    None
}

pub fn upload(town: &mut Town, intruder: usize) -> Option<String> {
    guard(town, intruder);
    exfiltration::burst(town, intruder)
}

pub fn tunnel(town: &mut Town, intruder: usize) -> Option<String> {
    guard(town, intruder);
    tunnel::slow(town, intruder)
}
