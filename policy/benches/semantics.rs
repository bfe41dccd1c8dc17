//! How long policies take: `cargo bench -p flowfence-policy --bench semantics`.
//!
//! Clusters are random and unkind: every pod has a label set of its own, so that nothing folds by
//! labels alone. The seed is fixed.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use flowfence_model::object::{ContainerPort, Meta, Pod};
use flowfence_model::{
    LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName, PortRange,
    Protocol, Requirement,
};
use flowfence_policy::semantics::fold::Matrix;
use flowfence_policy::semantics::{Cluster, Connection, Party, PodIndex, PolicySet};

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

const APPS: usize = 40;

fn cluster(pods: usize) -> Cluster {
    let mut dice = Dice(0x5eed);
    let pod = |at: usize| {
        let mut labels: BTreeMap<String, String> = BTreeMap::new();
        labels.insert("app".to_owned(), format!("app{}", dice.roll(APPS)));
        labels.insert("tier".to_owned(), format!("t{}", dice.roll(4)));
        labels.insert("env".to_owned(), format!("e{}", dice.roll(3)));
        labels.insert("pod".to_owned(), format!("p{at}"));
        let number = u16::try_from(8000 + dice.roll(4)).unwrap_or(8000);
        let bits = 0x0a00_0000 + u32::try_from(at).unwrap_or(0);
        Pod {
            meta: Meta {
                namespace: format!("ns{}", dice.roll(pods.div_ceil(50))),
                name: format!("p{at}"),
                labels,
                ..Meta::default()
            },
            ips: vec![IpAddr::V4(Ipv4Addr::from(bits))],
            ports: vec![ContainerPort {
                name: Some("http".to_owned()),
                port: number,
                protocol: Protocol::Tcp,
            }],
            ..Pod::default()
        }
    };
    Cluster::new((0..pods).map(pod).collect(), [], [])
}

fn selector(dice: &mut Dice) -> LabelSelector {
    let app = |dice: &mut Dice| format!("app{}", dice.roll(APPS));
    let mut selector = LabelSelector::default();
    match dice.roll(4) {
        0 => drop(selector.match_labels.insert("app".to_owned(), app(dice))),
        1 => drop(selector.match_labels.insert("tier".to_owned(), format!("t{}", dice.roll(4)))),
        2 => {
            let values: BTreeSet<String> = (0..3).map(|_| app(dice)).collect();
            selector.match_expressions.push(Requirement::In("app".to_owned(), values));
        }
        _ => {
            let values = BTreeSet::from([format!("e{}", dice.roll(3))]);
            selector.match_expressions.push(Requirement::NotIn("env".to_owned(), values));
        }
    }
    selector
}

fn peer(dice: &mut Dice) -> PolicyPeer {
    match dice.roll(6) {
        0 => PolicyPeer::Block {
            cidr: ipnet::Ipv4Net::new(Ipv4Addr::new(203, u8::try_from(dice.roll(64)).unwrap_or(0), 0, 0), 16)
                .expect("16 is a prefix length")
                .into(),
            except: Vec::new(),
        },
        1 | 2 => PolicyPeer::Pods(PeerSelector {
            namespaces: Some(LabelSelector::everything()),
            pods: Some(selector(dice)),
        }),
        _ => PolicyPeer::Pods(PeerSelector { namespaces: None, pods: Some(selector(dice)) }),
    }
}

fn port(dice: &mut Dice) -> PolicyPort {
    let first = u16::try_from(7990 + dice.roll(30)).unwrap_or(80);
    let port = match dice.roll(4) {
        0 => PortName::Name("http".to_owned()),
        1 => PortName::Range(PortRange { first, last: first + 100 }),
        _ => PortName::Range(PortRange::single(first)),
    };
    PolicyPort { protocol: Protocol::Tcp, port: Some(port) }
}

fn policy(dice: &mut Dice, namespaces: usize, at: usize) -> NetworkPolicy {
    let rules = |dice: &mut Dice| {
        let rule = |dice: &mut Dice| PolicyRule {
            peers: (0..=dice.roll(3)).map(|_| peer(dice)).collect(),
            ports: (0..dice.roll(3)).map(|_| port(dice)).collect(),
        };
        Some((0..=dice.roll(3)).map(|_| rule(dice)).collect())
    };
    NetworkPolicy {
        namespace: format!("ns{}", dice.roll(namespaces)),
        name: format!("policy{at}"),
        pod_selector: selector(dice),
        ingress: rules(dice),
        egress: if dice.roll(2) == 0 { rules(dice) } else { None },
    }
}

fn policies(count: usize, pods: usize) -> Vec<NetworkPolicy> {
    let mut dice = Dice(0xfeed);
    (0..count).map(|at| policy(&mut dice, pods.div_ceil(50), at)).collect()
}

fn parties(cluster: &Cluster) -> Vec<Party> {
    let pods = cluster.pods().iter().enumerate();
    pods.map(|(at, pod)| Party { pod: Some(PodIndex::at(at)), address: pod.ips[0] }).collect()
}

/// Compiling, folding and judging every pair of pods for all ports of all protocols.
fn matrix(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("matrix of all pairs, all ports");
    for (pods, count) in [(250, 200), (500, 200), (1_000, 50), (1_000, 200), (1_000, 800), (2_000, 200)] {
        let (cluster, policies) = (cluster(pods), policies(count, pods));
        let parties = parties(&cluster);
        group.sample_size(10).bench_function(BenchmarkId::new(format!("{pods} pods"), count), |bencher| {
            bencher.iter(|| {
                let set = PolicySet::compile(&cluster, &policies);
                let mut matrix = Matrix::new(&[&set], &parties);
                let kinds: Vec<_> = (0..parties.len()).map(|at| matrix.kind(at)).collect();
                let mut open = 0usize;
                for from in &kinds {
                    for to in &kinds {
                        let allowed = matrix.allowed(0, *from, *to);
                        open += usize::from(!matrix.profile(allowed).is_empty());
                    }
                }
                black_box(open)
            });
        });
    }
}

/// Compiling 1,000 policies over 10,000 pods and judging a million connections.
fn flows(criterion: &mut Criterion) {
    let (cluster, policies) = (cluster(10_000), policies(1_000, 10_000));
    let mut dice = Dice(0xf10e);
    let parties = parties(&cluster);
    let asked: Vec<Connection> = (0..1_000_000)
        .map(|_| Connection {
            from: parties[dice.roll(parties.len())],
            to: parties[dice.roll(parties.len())],
            protocol: Protocol::Tcp,
            port: u16::try_from(7990 + dice.roll(60)).unwrap_or(80),
        })
        .collect();
    let mut group = criterion.benchmark_group("10,000 pods and 1,000 policies");
    group.sample_size(10);
    group.bench_function("compile", |bencher| bencher.iter(|| PolicySet::compile(&cluster, &policies)));
    group.bench_function("compile and judge 1,000,000 keys", |bencher| {
        bencher.iter(|| {
            let set = PolicySet::compile(&cluster, &policies);
            black_box(asked.iter().filter(|connection| set.allows(connection)).count())
        });
    });
}

/// What a change costs in 10,000 pods and 1,000 policies.
fn changes(criterion: &mut Criterion) {
    let policies = policies(1_000, 10_000);
    let mut set = PolicySet::compile(&cluster(10_000), &policies);
    let mut dice = Dice(0xc0de);
    let mut group = criterion.benchmark_group("a change in 10,000 pods and 1,000 policies");
    group.bench_function("policy replaced", |bencher| {
        bencher.iter_batched(
            || (dice.roll(1_000), policy(&mut dice, 200, 0)),
            |(at, policy)| set.replace(at, policy),
            BatchSize::SmallInput,
        );
    });
    let mut dice = Dice(0xbead);
    group.bench_function("pod relabelled", |bencher| {
        bencher.iter_batched(
            || {
                let labels = [("app".to_owned(), format!("app{}", dice.roll(APPS)))];
                (PodIndex::at(dice.roll(10_000)), labels.into())
            },
            |(pod, labels)| set.relabel(pod, labels),
            BatchSize::SmallInput,
        );
    });
    // One policy more: the difference of the two sets over 1,000 pods, kinds and all.
    let cluster = cluster(1_000);
    let (before, parties) = (self::policies(200, 1_000), parties(&cluster));
    let mut after = before.clone();
    after.push(policy(&mut Dice(7), 20, 200));
    let sets = [&before, &after].map(|policies| PolicySet::compile(&cluster, policies));
    group.sample_size(10).bench_function("difference of 200 and 201 policies, 1,000 pods", |bencher| {
        bencher.iter(|| black_box(Matrix::new(&[&sets[0], &sets[1]], &parties).changed().len()));
    });
}

criterion_group!(benches, matrix, flows, changes);
criterion_main!(benches);
