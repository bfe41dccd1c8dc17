//! What Cilium says by name.

use flowfence_model::{PolicyPort, PolicyRule, PortName, PortRange, Protocol};
use flowfence_policy::judge::Roster;
use flowfence_policy::semantics::{Connection, PolicySet};

use super::world::{World, block, isolating, tcp};
use super::*;

fn dns() -> PolicyRule {
    let port = Some(PortName::Range(PortRange::single(53)));
    PolicyRule {
        peers: vec![PolicyPeer::Pods(flowfence_model::PeerSelector {
            namespaces: Some(flowfence_model::LabelSelector::labels([("kubernetes.io/metadata.name", "b")])),
            pods: Some(flowfence_model::LabelSelector::labels([("app", "y")])),
        })],
        ports: vec![tcp(53), PolicyPort { protocol: Protocol::Udp, port }],
    }
}

/// The text of a policy with these egress rules.
fn written(egress: Vec<PolicyRule>) -> (Written, Candidate, World) {
    let world = World::new();
    let policy = NetworkPolicy { egress: Some(egress), ..isolating("a", &[("app", "x")]) };
    let (mut files, candidate) = through(named("cilium"), std::slice::from_ref(&policy), &world).unwrap();
    (files.remove(0), candidate, world)
}

fn to(cidr: &str) -> PolicyRule {
    PolicyRule { peers: vec![block(cidr, &[])], ports: vec![tcp(443)] }
}

fn allows(candidate: &Candidate, world: &World, to: &str) -> bool {
    let roster = Roster::new(&world.inventory);
    let set = PolicySet::compile(roster.cluster(), &candidate.policies);
    let (from, to) = (party(world, "a/p0"), party(world, to));
    set.allows(&Connection { from, to, protocol: Protocol::Tcp, port: 443 })
}

#[test]
fn a_host_with_one_name_is_said_by_it_where_dns_was_seen() {
    let (file, candidate, world) = written(vec![dns(), to("203.0.113.2/32")]);
    assert!(file.text.contains("- matchName: two.example"), "{}", file.text);
    assert!(file.text.contains("- matchPattern: \"*\""), "the proxy sees answers: {}", file.text);
    assert!(!file.text.contains("toCIDRSet"), "{}", file.text);
    assert!(allows(&candidate, &world, "203.0.113.2"));
    assert!(!allows(&candidate, &world, "203.0.113.1"));
    assert_eq!(file.notes.len(), 1, "{:?}", file.notes);
}

#[test]
fn a_name_holds_whatever_it_led_to() {
    let (file, candidate, world) = written(vec![dns(), to("203.0.113.1/32")]);
    assert!(file.text.contains("- matchName: one.example"), "{}", file.text);
    assert!(allows(&candidate, &world, "203.0.113.3"), "the same name");
}

#[test]
fn without_dns_addresses_stay_addresses() {
    let (file, candidate, world) = written(vec![to("203.0.113.2/32")]);
    assert!(file.text.contains("cidr: 203.0.113.2/32") && !file.text.contains("toFQDNs"), "{}", file.text);
    assert!(allows(&candidate, &world, "203.0.113.2"));
}

#[test]
fn an_address_with_two_names_stays_an_address() {
    let (file, ..) = written(vec![dns(), to("203.0.113.3/32")]);
    assert!(file.text.contains("cidr: 203.0.113.3/32") && !file.text.contains("toFQDNs"), "{}", file.text);
    assert!(!file.text.contains("matchPattern"), "no name, no proxy: {}", file.text);
    assert!(file.notes.iter().any(|note| note.text.contains("several names")), "{:?}", file.notes);
}

#[test]
fn names_without_the_dns_rule_mean_nobody() {
    let (mut file, _, world) = written(vec![dns(), to("203.0.113.2/32")]);
    let cut = "      rules:\n        dns:\n        - matchPattern: \"*\"\n";
    assert!(file.text.contains(cut), "{}", file.text);
    file.text = file.text.replace(cut, "");
    let candidate = named("cilium").read_back(&[file], &world.scene()).unwrap();
    assert!(!allows(&candidate, &world, "203.0.113.2"));
}

#[test]
fn a_block_of_the_cluster_means_nobody_and_not_anybody() {
    let (file, _, world) = written(vec![to("198.51.100.7/32")]);
    for inside in ["10.244.1.10/32", "172.30.0.1/32"] {
        let text = file.text.replace("198.51.100.7/32", inside);
        let file = Written { text, ..file.clone() };
        let candidate = named("cilium").read_back(&[file], &world.scene()).unwrap();
        assert_eq!(candidate.policies[0].egress.as_deref(), Some(&[][..]), "{inside}");
    }
    let text = file.text.replace("toCIDRSet:\n    - cidr: 198.51.100.7/32", "toEndpoints: []");
    assert_ne!(text, file.text);
    let candidate = named("cilium").read_back(&[Written { text, ..file }], &world.scene()).unwrap();
    assert_eq!(candidate.policies[0].egress.as_deref(), Some(&[][..]), "an empty list");
}

#[test]
fn a_proxy_that_refuses_questions_is_not_read() {
    let (mut file, _, world) = written(vec![dns(), to("203.0.113.2/32")]);
    file.text = file.text.replace("matchPattern: \"*\"", "matchPattern: \"*.example\"");
    assert!(named("cilium").read_back(&[file], &world.scene()).is_err());
}

#[test]
fn nodes_and_the_api_server_are_entities() {
    let all =
        ["172.30.0.1/32", "172.30.0.2/32", "192.0.2.1/32", "192.0.2.2/32", "10.244.1.0/31", "10.244.2.0/31"];
    let peers = all.map(|cidr| block(cidr, &[])).to_vec();
    let (file, candidate, world) = written(vec![PolicyRule { peers, ports: vec![tcp(443)] }]);
    assert!(file.text.contains("- toEntities:\n    - host\n    - remote-node\n"), "{}", file.text);
    assert!(!file.text.contains("CIDR") && file.notes.is_empty(), "{} {:?}", file.text, file.notes);
    assert!(allows(&candidate, &world, "172.30.0.2") && !allows(&candidate, &world, "172.31.0.1"));

    let (file, candidate, world) = written(vec![to("172.31.0.1/32")]);
    assert!(file.text.contains("- toEntities:\n    - kube-apiserver\n"), "{}", file.text);
    assert!(allows(&candidate, &world, "172.31.0.1"));
    let (file, ..) = written(vec![to("172.30.0.2/32")]);
    assert!(
        file.notes.iter().any(|note| note.text.contains("as a whole")),
        "one node of two: {:?}",
        file.notes
    );
}

#[test]
fn everybody_outside_is_the_world() {
    let pods = ["10.244.1.0/24", "10.244.2.0/24"];
    let peers = vec![block("0.0.0.0/0", &pods), block("::/0", &[])];
    let (file, candidate, world) = written(vec![PolicyRule { peers, ports: vec![tcp(443)] }]);
    assert!(file.text.contains("    - world\n") && !file.text.contains("CIDR"), "{}", file.text);
    assert!(allows(&candidate, &world, "198.51.100.7") && allows(&candidate, &world, "2001:db8::7"));
    assert!(!allows(&candidate, &world, "b/p6"), "pods are no part of it");
    let peers = vec![block("0.0.0.0/0", &["203.0.113.0/24"]), block("::/0", &[])];
    let (file, ..) = written(vec![PolicyRule { peers, ports: vec![tcp(443)] }]);
    assert!(!file.text.contains("world"), "somebody outside is taken out: {}", file.text);
}

#[test]
fn no_rule_is_still_closed() {
    let (file, candidate, _) = written(Vec::new());
    assert!(file.text.contains("egress:\n  - {}\n"), "{}", file.text);
    assert_eq!(candidate.policies[0].egress.as_deref(), Some(&[][..]));
    let world = World::new();
    let mut open = file.clone();
    open.text = open.text.replace("egress:\n  - {}\n", "egress: []\n");
    let read = named("cilium").read_back(&[open], &world.scene()).unwrap();
    assert_eq!(read.policies[0].egress, None, "an empty list leaves the direction open");
}

#[test]
fn a_label_that_cilium_drops_closes_nothing_and_is_told() {
    let world = World::new();
    let policy = isolating("a", &[("kubernetes.io/role", "x")]);
    let (files, candidate) = through(named("cilium"), std::slice::from_ref(&policy), &world).unwrap();
    assert!(
        files[0].notes.iter().any(|note| note.text.contains("kubernetes.io/role")),
        "{:?}",
        files[0].notes
    );
    let selector = &candidate.policies[0].pod_selector;
    assert!(!selector.matches(&[("kubernetes.io/role".to_owned(), "x".to_owned())].into()));
}

#[test]
fn many_ports_are_split() {
    let ports: Vec<PolicyPort> = (1..=90).map(|n| tcp(1000 + 2 * n)).collect();
    let (file, candidate, _) =
        written(vec![PolicyRule { peers: vec![block("198.51.100.7/32", &[])], ports: ports.clone() }]);
    assert_eq!(file.text.matches("- ports:").count(), 3, "40 each at most");
    assert_eq!(candidate.policies[0].egress.as_ref().unwrap()[0].ports, ports);
}
