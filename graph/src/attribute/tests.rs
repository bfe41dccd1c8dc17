mod masked;
mod pieces;

use flowfence_model::object::Object;
use flowfence_model::{FlowRecord, Orientation, Protocol, Signs, TapId};

use super::attribute;
use crate::contact::Contact;
use crate::inventory::Inventory;
use crate::testing::*;

/// Two nodes; client on node1, two servers of one deployment on both, DNS, and a VIP.
fn cluster() -> Inventory {
    let labelled = |mut pod: flowfence_model::object::Pod, text: &str| {
        pod.meta.labels = labels(text);
        pod
    };
    let server = |name: &str, node: &str, ip: &str| {
        let pod = owned(pod(&format!("shop/{name}"), node, ip), "ReplicaSet", "api-5d");
        labelled(pod, "app=api,pod-template-hash=5d")
    };
    let mut probed = server("api-5d-b", "node2", "10.244.2.4");
    probed.probe_ports = vec![9090];
    Inventory::new(vec![vec![
        Object::Pod(labelled(pod("shop/client", "node1", "10.244.1.2"), "app=client")),
        Object::Pod(server("api-5d-a", "node1", "10.244.1.3")),
        Object::Pod(probed),
        Object::Pod(labelled(pod("kube-system/dns", "node2", "10.244.2.2"), "k8s-app=dns")),
        node("node1", "172.30.0.11", "10.244.1.0/24"),
        node("node2", "172.30.0.12", "10.244.2.0/24"),
        service("shop/api", "10.96.0.5", 80, 9090, "app=api", Some(30080)),
        udp_service("kube-system/dns", "10.96.0.10", 53, 53, "k8s-app=dns", None),
        udp_service("kube-system/syslog", "10.96.0.11", 514, 514, "k8s-app=dns", Some(30514)),
        service("default/kubernetes", "10.96.0.1", 443, 6443, "", None),
        api_server("172.30.0.1", 6443),
    ]])
}

fn contacts(records: Vec<FlowRecord>) -> Vec<Contact> {
    attribute(recording(records), &cluster()).contacts
}

fn only(records: Vec<FlowRecord>) -> Contact {
    let mut all = contacts(records);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

fn line(c: &Contact) -> String {
    format!("{} -> {} {}/{}", c.from.id, c.to.id, c.port.map_or("-".into(), |p| p.to_string()), c.protocol)
}

fn client_half(isn: Option<u32>) -> flowfence_model::Half {
    let signs =
        if isn.is_some() { vec![Signs::OPEN, Signs::SEGMENT] } else { vec![Signs::SEGMENT, Signs::PAYLOAD] };
    half(3, &signs, isn)
}

/// What the reverse half tells: with an opening seen, its acknowledgment gives the client's number.
fn answer(mut r: FlowRecord, isn: Option<u32>) -> FlowRecord {
    let signs = if isn.is_some() { vec![Signs::ACCEPT] } else { vec![Signs::SEGMENT, Signs::PAYLOAD] };
    r.forward = half(2, &signs, isn.map(|_| 77));
    if let Some(isn) = isn {
        r.reverse = half(0, &[], Some(isn));
    }
    r
}

fn none() -> flowfence_model::Half {
    flowfence_model::Half::default()
}

#[test]
fn halves_before_and_after_service_translation_are_one_connection() {
    for isn in [Some(4711), None] {
        let asked = record(Protocol::Tcp, "10.244.1.2:40000", "10.244.2.4:9090", client_half(isn), none());
        let answered = answer(record(Protocol::Tcp, "10.96.0.5:80", "10.244.1.2:40000", none(), none()), isn);
        let contact = only(vec![asked, answered]);
        assert_eq!(line(&contact), "shop/Pod/client -> shop/Deployment/api 9090/TCP", "{isn:?}");
        assert_eq!((contact.tally.connections, contact.tally.packets), (1, [3, 2]), "{isn:?}");
        assert_eq!(contact.services.iter().collect::<Vec<_>>(), ["shop/api"]);
    }
}

#[test]
fn dns_through_its_service_is_one_connection_to_the_pod_that_answered() {
    let asked = udp("10.244.1.2:50000", "10.244.2.2:53", 2, 0);
    let answered = udp("10.96.0.10:53", "10.244.1.2:50000", 2, 0);
    let contact = only(vec![asked, answered]);
    assert_eq!(line(&contact), "shop/Pod/client -> kube-system/Pod/dns 53/UDP");
    assert_eq!((contact.tally.connections, contact.tally.one_way), (1, 0));
}

#[test]
fn a_service_address_without_its_backend_is_the_one_workload_behind_it() {
    let contact = only(vec![tcp("10.244.1.2:40000", "10.96.0.5:80", 1)]);
    assert_eq!(line(&contact), "shop/Pod/client -> shop/Deployment/api 9090/TCP");
    assert_eq!(contact.to.pod, None, "either replica may have answered");
}

#[test]
fn several_taps_and_hops_count_a_connection_once() {
    let seen = tcp("10.244.1.2:40000", "10.244.2.4:9090", 9);
    let mut elsewhere = seen.clone();
    elsewhere.tap = TapId(1);
    elsewhere.forward.packets = 5;
    let mut turned = seen.reversed();
    turned.tap = TapId(2);
    let contact = only(vec![seen, elsewhere, turned]);
    assert_eq!((contact.tally.connections, contact.tally.packets), (1, [5, 3]));
}

#[test]
fn a_port_that_is_used_again_is_another_connection_at_every_tap() {
    let mut all = Vec::new();
    for tap in 0..2 {
        for (n, isn) in [(0, 10), (1, 20)] {
            let mut r = tcp("10.244.1.2:40000", "10.244.2.4:9090", isn);
            r.tap = TapId(tap);
            r.first = at(100 + n);
            r.last = at(100 + n);
            all.push(r);
        }
    }
    assert_eq!(only(all).tally.connections, 2);
}

#[test]
fn kubelet_probes_are_told_from_other_traffic_of_the_node() {
    let probe = only(vec![tcp("10.244.2.1:45460", "10.244.2.4:9090", 3)]);
    assert!(probe.probe && probe.own_node);
    let other_node = only(vec![tcp("10.244.1.1:45460", "10.244.2.4:9090", 3)]);
    assert!(!other_node.probe && !other_node.own_node);
    let other_port = only(vec![tcp("10.244.2.1:45460", "10.244.2.4:8080", 3)]);
    assert!(!other_port.probe && other_port.own_node);
}

#[test]
fn the_api_server_is_named_behind_its_service() {
    let asked = record(Protocol::Tcp, "10.244.1.2:40000", "172.30.0.1:6443", client_half(Some(6)), none());
    let answered =
        answer(record(Protocol::Tcp, "10.96.0.1:443", "10.244.1.2:40000", none(), none()), Some(6));
    assert_eq!(line(&only(vec![asked, answered])), "shop/Pod/client -> apiserver 6443/TCP");
}

#[test]
fn addresses_that_nobody_holds_are_unknown_inside_and_external_outside() {
    let syn = half(1, &[Signs::OPEN], Some(1));
    let inside = only(vec![record(Protocol::Tcp, "10.244.1.2:1000", "10.244.2.250:80", syn, none())]);
    assert_eq!(line(&inside), "shop/Pod/client -> unknown/10.244.2.250 80/TCP");
    assert_eq!((inside.tally.connections, inside.tally.unanswered), (0, 1));
    let outside = only(vec![record(Protocol::Tcp, "10.244.1.2:1000", "192.0.2.1:80", syn, none())]);
    assert_eq!(line(&outside), "shop/Pod/client -> external/192.0.2.1/32 80/TCP");
}

#[test]
fn without_a_syn_the_listening_port_tells_even_when_it_is_the_higher() {
    let contact = only(vec![midstream("10.244.2.4:9090", "10.244.1.2:700")]);
    assert_eq!(line(&contact), "shop/Pod/client -> shop/Deployment/api 9090/TCP");
    assert_eq!(contact.orientation, Orientation::Inferred);
}

#[test]
fn without_a_syn_the_port_that_many_use_is_the_server() {
    let all = (0..4).map(|n| midstream("203.0.113.7:40001", &format!("10.244.1.2:{}", 100 + n))).collect();
    let contact = only(all);
    assert_eq!(line(&contact), "shop/Pod/client -> external/203.0.113.7/32 40001/TCP");
    assert_eq!(contact.orientation, Orientation::Inferred);
}

#[test]
fn without_any_sign_the_direction_stays_unknown() {
    let contact = only(vec![midstream("10.244.1.2:33000", "203.0.113.7:443")]);
    assert_eq!(contact.orientation, Orientation::Unknown);
}

#[test]
fn a_sibling_that_accepted_on_the_port_tells_for_all_replicas() {
    let seen = tcp("10.244.1.2:41000", "10.244.1.3:7777", 5);
    let mut later = midstream("10.244.2.4:7777", "10.244.1.2:600");
    later.first = at(102);
    let all = contacts(vec![seen, later]);
    assert!(all.iter().all(|c| line(c) == "shop/Pod/client -> shop/Deployment/api 7777/TCP"), "{all:#?}");
}

#[test]
fn half_a_wire_shows_connections_by_what_only_accepted_ones_carry() {
    let asked =
        only(vec![record(Protocol::Tcp, "10.244.1.2:1000", "10.244.2.4:9090", client_half(Some(1)), none())]);
    assert_eq!(asked.tally.connections, 1);
    let answered = only(vec![answer(
        record(Protocol::Tcp, "10.244.2.4:9090", "10.244.1.2:1000", none(), none()),
        Some(1),
    )]);
    assert_eq!(answered.tally.connections, 1);
    assert_eq!(line(&answered), "shop/Pod/client -> shop/Deployment/api 9090/TCP");
}

#[test]
fn the_order_of_records_and_taps_changes_nothing() {
    let mut all: Vec<FlowRecord> = (0..20)
        .flat_map(|n: u16| {
            let client = format!("10.244.1.2:{}", 40_000 + n);
            let mut asked =
                record(Protocol::Tcp, &client, "10.244.2.4:9090", client_half(Some(n.into())), none());
            asked.tap = TapId(n % 3);
            [asked, answer(record(Protocol::Tcp, "10.96.0.5:80", &client, none(), none()), Some(n.into()))]
        })
        .collect();
    let expected = contacts(all.clone());
    all.reverse();
    assert_eq!(contacts(all), expected);
}

#[test]
fn pods_are_visible_where_a_tap_shows_their_side_of_the_node() {
    let visible = |records| attribute(recording(records), &cluster()).visible.len();
    let between_nodes = tcp("10.244.1.2:1", "10.244.2.4:9090", 1);
    assert_eq!(visible(vec![between_nodes.clone()]), 0, "a wire between nodes shows no pod wholly");
    let probe = tcp("10.244.2.1:1", "10.244.2.4:9090", 2);
    let dns = udp("10.244.1.2:1", "10.244.2.2:53", 1, 1);
    assert_eq!(visible(vec![between_nodes, probe, dns]), 2, "both pods of node2");
}

#[test]
fn what_a_host_says_to_itself_is_no_connection() {
    let facts = attribute(recording(vec![tcp("127.0.0.1:4000", "127.0.0.1:8080", 1)]), &cluster());
    assert!(facts.contacts.is_empty());
    assert_eq!(facts.completeness.counts.get("loopback-address"), 1);
}

#[test]
fn inside_a_tunnel_only_neighbours_prove_a_mirror_of_the_pod_side() {
    let visible = |record: FlowRecord| {
        let mut recording = recording(vec![record]);
        recording.taps[0].depth = 1;
        attribute(recording, &cluster()).visible.len()
    };
    assert_eq!(visible(tcp("10.244.1.2:1", "203.0.113.10:443", 1)), 0);
    assert_eq!(visible(tcp("10.244.2.1:1", "10.244.2.4:9090", 1)), 2, "node2's probe of its own pod");
}

#[test]
fn a_capture_that_was_cut_into_files_shows_one_connection() {
    let early = tcp("10.244.1.2:40000", "10.244.2.4:9090", 9);
    let later = |mut record: FlowRecord, secs| {
        record.tap = TapId(1);
        record.first = at(secs);
        record.last = at(secs + 1);
        record
    };
    let rest = later(midstream("10.244.2.4:9090", "10.244.1.2:40000"), 5000);
    let contact = only(vec![early.clone(), rest]);
    assert_eq!((contact.tally.connections, contact.tally.packets), (1, [8, 7]), "however long it paused");
    let anew = later(tcp("10.244.1.2:40000", "10.244.2.4:9090", 10), 5000);
    assert_eq!(only(vec![early, anew]).tally.connections, 2, "a new opening is another");
    let asked = |secs| later(udp("10.244.1.2:40000", "10.244.2.2:53", 1, 1), secs);
    let first = udp("10.244.1.2:40000", "10.244.2.2:53", 1, 1);
    assert_eq!(only(vec![first.clone(), asked(150)]).tally.connections, 1);
    assert_eq!(only(vec![first, asked(300)]).tally.connections, 2, "silent for over two minutes");
}
