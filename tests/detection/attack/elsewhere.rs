//! Places where the workload has no business.

use std::net::Ipv4Addr;

use serde_json::json;

use crate::ordinary::link;
use crate::town::Town;

fn own(town: &Town, intruder: usize) -> Ipv4Addr {
    town.workloads[intruder].pods[0].address
}

fn lasting(town: &mut Town, intruder: usize, port: u16) -> Ipv4Addr {
    let (own, there, begin) = (own(town, intruder), town.outside(), town.seconds / 3);
    let seconds = town.seconds / 2;
    // A job or a share each half minute (see `Wire::exchange`).
    let messages = u32::try_from(seconds / 30).unwrap().min(200);
    town.talk(begin, own, (there, port), [messages * 180, messages * 380], seconds);
    there
}

pub fn pool(town: &mut Town, intruder: usize) -> Option<String> {
    let there = lasting(town, intruder, 443);
    let own = own(town, intruder);
    town.question(town.seconds / 3 - 1, own, b"gulf.moneroocean.stream", 1, Some(there));
    None
}

pub fn stratum(town: &mut Town, intruder: usize) -> Option<String> {
    lasting(town, intruder, 3_333);
    None
}

pub fn hidden_pool(town: &mut Town, intruder: usize) -> Option<String> {
    lasting(town, intruder, 443);
    None
}

pub fn metadata(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, at) = (own(town, intruder), town.random.between(10, town.seconds - 10));
    town.talk(at, own, (Ipv4Addr::new(169, 254, 169, 254), 80), [300, 1_200], 0);
    None
}

pub fn kubelet(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, node, at) = (own(town, intruder), town.node(), town.seconds / 2);
    town.talk(at, own, (node, 10_250), [900, 4_000], 0);
    None
}

pub fn etcd(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, at) = (own(town, intruder), town.seconds / 2);
    town.talk(at, own, (Ipv4Addr::new(192, 168, 0, 1), 2_379), [900, 90_000], 0);
    None
}

pub fn api_server(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, begin) = (own(town, intruder), town.seconds * 6 / 10);
    for n in 0..5 {
        town.talk(begin + n * 60, own, (Ipv4Addr::new(192, 168, 0, 200), 6_443), [900, 9_000], 0);
    }
    None
}

pub fn beacon(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, there, step) = (own(town, intruder), town.outside(), town.seconds / 60);
    for at in town.random.moments(town.seconds / 4, town.seconds - 10, step) {
        town.talk(at, own, (there, 443), [400, 600], 0);
    }
    None
}

pub fn rare_beacon(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, there) = (own(town, intruder), town.outside());
    for at in [town.seconds / 3, town.seconds * 2 / 3] {
        town.talk(at, own, (there, 443), [400, 600], 0);
    }
    None
}

/// Another workload comes to the door that somebody opened in this one.
pub fn shell(town: &mut Town, intruder: usize) -> Option<String> {
    let (there, at) = (own(town, intruder), town.seconds / 2);
    let others: Vec<usize> = (0..town.workloads.len())
        .filter(|at| *at != intruder && town.workloads[*at].kind == "Deployment")
        .collect();
    let other = town.random.pick(&others);
    let (from, id) = (own(town, other), town.workloads[other].id());
    town.talk(at, from, (there, 4_444), [200, 5_000], 60);
    town.touched.insert(id);
    None
}

#[expect(clippy::unnecessary_wraps, reason = "a row of a table of attacks")]
pub fn environment(town: &mut Town, intruder: usize) -> Option<String> {
    town.namespace("accounts-production", &[("env", "production")]);
    town.namespace("accounts-test", &[("env", "test")]);
    let (from, to) = (
        town.workload("Deployment", "accounts-test", "tool", 8080, 1),
        town.workload("StatefulSet", "accounts-production", "db", 5432, 1),
    );
    let pace = town.pace;
    link(town, from, to, pace * 20);
    let _ = intruder;
    Some(town.workloads[from].id())
}

pub fn sensitive(town: &mut Town, intruder: usize) -> Option<String> {
    town.namespace("records", &[("flowfence.dev/sensitive", "true")]);
    let (own, at) = (own(town, intruder), town.seconds / 2);
    let records = town.workload("StatefulSet", "records", "archive", 5432, 1);
    let to = town.workloads[records].pods[0].address;
    town.talk(at, own, (to, 5432), [400, 90_000], 0);
    None
}

pub fn orders(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, there) = (own(town, intruder), town.outside());
    for at in town.random.moments(town.seconds * 6 / 10, town.seconds - 10, 300) {
        town.talk(at, own, (there, 443), [400, 600], 0);
    }
    None
}

pub fn one_question(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, there, at) = (own(town, intruder), town.outside(), town.seconds * 3 / 4);
    town.talk(at, own, (there, 443), [400, 600], 0);
    None
}

pub fn store(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, at) = (own(town, intruder), town.seconds * 3 / 4);
    let ledger = town.workload("StatefulSet", "vault", "ledger", 5432, 1);
    let to = town.workloads[ledger].pods[0].address;
    town.talk(at, own, (to, 5432), [400, 90_000], 0);
    None
}

pub fn ftp(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, there, at) = (own(town, intruder), town.outside(), town.seconds / 2);
    town.talk(at, own, (there, 21), [300, 900], 0);
    None
}

/// A policy that admits nobody to a workload.
fn close(town: &mut Town) -> (Ipv4Addr, u16, String) {
    let vault = town.workload("StatefulSet", "vault", "secrets", 8_200, 1);
    town.objects.push(json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "closed", "namespace": "vault"},
        "spec": {"podSelector": {"matchLabels": {"app": "secrets"}}, "policyTypes": ["Ingress"]}}));
    let known = &town.workloads[vault];
    (known.pods[0].address, known.port, known.id())
}

pub fn denied(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, at) = (own(town, intruder), town.seconds / 2);
    let (to, port, id) = close(town);
    town.knock(at, own, (to, port), false);
    town.touched.insert(id);
    None
}

pub fn nobody(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, at) = (own(town, intruder), town.seconds / 2);
    town.knock(at, own, (Ipv4Addr::new(10, 1, 1, 240), 6_379), true);
    None
}

pub fn unenforced(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, at) = (own(town, intruder), town.seconds / 2);
    let (to, port, id) = close(town);
    town.talk(at, own, (to, port), [500, 9_000], 0);
    town.touched.insert(id);
    None
}
