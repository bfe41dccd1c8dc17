//! The limits and names of ClusterNetworkPolicy.

use std::collections::BTreeSet;

use flowfence_model::tier::{Action, ClusterPolicy, ClusterPolicyKind, TierPeer};
use flowfence_model::{LabelSelector, PeerSelector, PolicyPort, PolicyRule};

use super::world::{World, block, isolating, tcp};
use super::*;

fn written(policy: &NetworkPolicy) -> (Written, Candidate) {
    let world = World::new();
    let (mut files, candidate) =
        through(named("clusternetworkpolicy"), std::slice::from_ref(policy), &world).unwrap();
    (files.remove(0), candidate)
}

fn pods(app: usize) -> PolicyPeer {
    let pods = Some(LabelSelector::labels([("app", format!("x{app}"))]));
    PolicyPeer::Pods(PeerSelector { namespaces: None, pods })
}

#[test]
fn lists_are_split_where_the_limits_are() {
    let many_ports: Vec<PolicyPort> = (1..=60).map(|n| tcp(1000 + 2 * n)).collect();
    let many_blocks: Vec<PolicyPeer> = (0..200).map(|n| block(&format!("203.0.{n}.0/24"), &[])).collect();
    let mut egress: Vec<PolicyRule> = (0..60)
        .map(|n| PolicyRule { peers: vec![pods(n)], ports: vec![tcp(u16::try_from(n).unwrap() + 1)] })
        .collect();
    egress.push(PolicyRule { peers: (0..60).map(pods).collect(), ports: many_ports });
    egress.push(PolicyRule {
        peers: [many_blocks, vec![block("10.0.0.0/8", &["10.1.2.3/32"])]].concat(),
        ports: vec![],
    });
    let policy = NetworkPolicy { egress: Some(egress), ..isolating("a", &[("app", "x")]) };
    // The reader refuses what is over a limit, as the API server would.
    let (file, candidate) = written(&policy);
    assert_eq!(file.objects.len(), 4, "60 rules, 3 × 3 and 1 in threes of 25, and the one that denies");
    let accepts: usize = candidate.tiers.iter().map(|policy| policy.egress.len()).sum();
    assert_eq!(accepts, 60 + 9 + 1 + 1);
    let names: BTreeSet<&String> = candidate.tiers.iter().map(|policy| &policy.name).collect();
    assert_eq!(names.len(), 4);
}

#[test]
fn what_is_accepted_comes_before_what_is_denied() {
    let policy = NetworkPolicy {
        ingress: Some(vec![PolicyRule { peers: vec![pods(1)], ports: vec![tcp(80)] }]),
        ..isolating("a", &[("app", "x")])
    };
    let (_, candidate) = written(&policy);
    let [accept, deny] = &candidate.tiers[..] else { panic!("{:?}", candidate.tiers) };
    assert!(accept.priority < deny.priority && accept.tier == deny.tier);
    assert!(accept.ingress.iter().all(|rule| rule.action == Action::Accept) && accept.egress.is_empty());
    assert_eq!((deny.ingress.len(), deny.egress.len()), (1, 1));
    assert!(
        deny.egress[0].peers.iter().any(|peer| matches!(peer, TierPeer::Networks(all) if all.len() == 2))
    );
}

#[test]
fn ingress_from_addresses_is_left_out_and_told() {
    let policy = NetworkPolicy {
        ingress: Some(vec![PolicyRule { peers: vec![block("203.0.113.1/32", &[])], ports: vec![tcp(80)] }]),
        ..isolating("a", &[("app", "x")])
    };
    let (file, candidate) = written(&policy);
    assert_eq!(candidate.tiers.len(), 1, "nothing to accept");
    assert!(file.notes[0].text.contains("neither admitted"), "{:?}", file.notes);
    assert_eq!(file.file, "cluster/a/flowfence-p.yaml");
}

#[test]
fn names_are_their_own_in_the_whole_cluster() {
    let world = World::new();
    let other = NetworkPolicy { name: "flowfence-b.p".to_owned(), ..isolating("a", &[("app", "x")]) };
    let same = NetworkPolicy { name: "p".to_owned(), ..isolating("a", &[("app", "y")]) };
    let policies = [isolating("a", &[("app", "x")]), other, same];
    let (_, candidate) = through(named("clusternetworkpolicy"), &policies, &world).unwrap();
    let names: BTreeSet<&String> = candidate.tiers.iter().map(|policy| &policy.name).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.contains(&"flowfence-a.p.deny".to_owned()), "{names:?}");
}

#[test]
fn the_name_of_somebody_elses_object_is_left_alone() {
    let world = World::new();
    let policy = isolating("a", &[("app", "x")]);
    let mut scene = world.scene();
    scene.taken.insert("flowfence-a.p.deny".to_owned());
    let manifest = PolicyManifest::from(policy);
    let no_comment = |_: &_| String::new();
    let sheet = Sheet {
        file: "a/p.yaml",
        manifest: &manifest,
        evidence: &[],
        comment: &no_comment,
        dns_ports: BTreeSet::new(),
    };
    let files = named("clusternetworkpolicy").write(&[sheet], &scene).unwrap();
    let candidate = named("clusternetworkpolicy").read_back(&files, &scene).unwrap();
    let names: Vec<&str> = candidate.tiers.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names, ["flowfence-a.p.deny-of-2"]);
}

#[test]
fn an_object_of_ours_in_the_cluster_keeps_its_name() {
    let theirs = ClusterPolicy {
        kind: ClusterPolicyKind::ClusterNetworkPolicy,
        name: "flowfence-a.p.deny".to_owned(),
        tier: flowfence_model::Tier::Baseline,
        priority: 1,
        subject: PeerSelector { namespaces: Some(LabelSelector::everything()), pods: None },
        ingress: Vec::new(),
        egress: Vec::new(),
    };
    let objects = vec![flowfence_model::object::Object::ClusterPolicy(theirs.clone())];
    let inventory = flowfence_graph::Inventory::new(vec![objects]);
    let names = flowfence_model::Names::default();
    assert!(Scene::new(&inventory, &names, &BTreeSet::new()).taken.contains(&theirs.name));
    assert!(!Scene::new(&inventory, &names, &[theirs.key()].into()).taken.contains(&theirs.name));
}
