//! How long it takes to recommend and prove: `cargo bench -p flowfence-policy --bench recommend`.
//!
//! Workloads of two replicas, fifty a namespace, twenty edges each: most to workloads on one of the
//! ports that these declare, one to DNS, one outside. The seed is fixed.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use flowfence_graph::{Contact, Facts, Inventory, Party, PodName, Tally};
use flowfence_model::object::{ContainerPort, Meta, Object, Owner, Pod};
use flowfence_model::{NetworkPolicy, NodeId, Orientation, Protocol, Timestamp};
use flowfence_policy::decision::Decisions;
use flowfence_policy::judge::{Judgement, judge};
use flowfence_policy::recommend::proof::prove;
use flowfence_policy::recommend::{Options, recommend};

const REPLICAS: usize = 2;
const EDGES: usize = 20;
const PORTS: [u16; 3] = [8080, 8443, 9090];

/// A generator of numbers (xorshift64): the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap_or(0)
    }
}

struct Scene {
    facts: Facts,
    inventory: Inventory,
    judgement: Judgement,
}

fn address(pod: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0x0a00_0002 + u32::try_from(pod).unwrap_or(0)))
}

fn pod(workload: usize, replica: usize) -> Pod {
    let name = format!("w{workload}");
    let meta = Meta {
        namespace: format!("ns{}", workload / 50),
        name: format!("{name}-{replica}"),
        uid: format!("{name}-{replica}"),
        labels: [("app", name.as_str()), ("part-of", "shop"), ("pod-template-hash", "5d")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
        owner: Some(Owner { kind: "StatefulSet".to_owned(), name }),
        ..Meta::default()
    };
    let port = |port| ContainerPort { name: None, port, protocol: Protocol::Tcp };
    let ips = vec![address(workload * REPLICAS + replica)];
    Pod { meta, node: "node1".to_owned(), ips, ports: PORTS.map(port).to_vec(), ..Pod::default() }
}

fn scene(workloads: usize) -> Scene {
    let mut dice = Dice(0x5eed);
    let pods: Vec<Pod> =
        (0..workloads).flat_map(|w| (0..REPLICAS).map(move |replica| pod(w, replica))).collect();
    let parties: Vec<Arc<Party>> = pods
        .iter()
        .map(|pod| {
            let name = PodName { namespace: pod.meta.namespace.clone(), name: pod.meta.name.clone() };
            let owner = pod.meta.owner.as_ref().map_or("", |owner| owner.name.as_str());
            let id = NodeId::workload(&name.namespace, "StatefulSet", owner);
            Arc::new(Party { id, pod: Some(name), address: pod.ips[0] })
        })
        .collect();
    let at = Timestamp::from_secs(1_700_000_000, 0);
    let contact = |from: &Arc<Party>, to: Arc<Party>, protocol, port| Contact {
        from: Arc::clone(from),
        to,
        protocol,
        port: Some(port),
        icmp: None,
        services: BTreeSet::new(),
        behind: BTreeSet::new(),
        orientation: Orientation::Seen,
        probe: false,
        own_node: false,
        hairpin: false,
        word: None,
        assumed: false,
        tally: Tally { connections: 1, packets: [3, 3], first: at, last: at, ..Tally::empty() },
    };
    let mut contacts = Vec::new();
    for workload in 0..workloads {
        let from = &parties[workload * REPLICAS];
        contacts.push(contact(from, Arc::clone(&parties[0]), Protocol::Udp, 53));
        let outside = IpAddr::V4(Ipv4Addr::new(203, 0, 113, u8::try_from(dice.roll(200)).unwrap_or(0)));
        let outside = Arc::new(Party { id: NodeId::External(outside), pod: None, address: outside });
        contacts.push(contact(from, outside, Protocol::Tcp, 443));
        for _ in 2..EDGES {
            let to = &parties[dice.roll(workloads) * REPLICAS];
            contacts.push(contact(from, Arc::clone(to), Protocol::Tcp, PORTS[dice.roll(PORTS.len())]));
        }
    }
    contacts.sort_by(|x, y| (&x.from, &x.to, x.protocol, x.port).cmp(&(&y.from, &y.to, y.protocol, y.port)));
    let visible = parties.iter().filter_map(|party| party.pod.clone()).collect();
    let facts = Facts { contacts, window: Some((at, at)), visible, ..Facts::default() };
    let inventory = Inventory::new(vec![pods.into_iter().map(Object::Pod).collect()]);
    let judgement = judge(&facts, &inventory, &[], &Decisions::default());
    Scene { facts, inventory, judgement }
}

fn recommended(scene: &Scene) -> usize {
    let Scene { facts, inventory, judgement } = scene;
    let answer = recommend(facts, inventory, judgement, &[], &Options::default());
    let policies: Vec<NetworkPolicy> = answer.policies.iter().map(|p| p.policy.clone()).collect();
    let proof = prove(facts, inventory, judgement, &policies, &[], &answer.declared);
    assert!(proof.holds() && proof.alone.excess.is_empty());
    policies.len()
}

fn growth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recommend and prove");
    group.sample_size(10);
    for workloads in [125, 250, 500, 1_000, 2_000] {
        let scene = scene(workloads);
        group.bench_with_input(BenchmarkId::new("workloads", workloads), &scene, |bencher, scene| {
            bencher.iter(|| black_box(recommended(scene)));
        });
    }
    group.finish();
}

criterion_group!(benches, growth);
criterion_main!(benches);
