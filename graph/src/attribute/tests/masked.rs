//! Connections of which a node put its own address in the place of the client's.

use super::*;

#[test]
fn a_node_port_client_is_the_node_with_the_outside_address_behind() {
    let isn = Some(5);
    let asked = record(Protocol::Tcp, "10.244.2.1:14007", "10.244.2.4:9090", client_half(isn), none());
    let answered =
        answer(record(Protocol::Tcp, "10.244.2.4:9090", "172.30.0.254:53160", none(), none()), isn);
    let contact = only(vec![asked, answered]);
    assert_eq!(line(&contact), "node/node2 -> shop/Deployment/api 9090/TCP");
    assert_eq!(contact.behind.iter().map(ToString::to_string).collect::<Vec<_>>(), ["172.30.0.254"]);
    assert!(!contact.probe && contact.own_node);
}

#[test]
fn a_datagram_through_a_node_port_reached_the_pod() {
    let asked = udp("198.51.100.7:5000", "172.30.0.11:30514", 1, 0);
    let masked = udp("172.30.0.11:61000", "10.244.2.2:514", 1, 0);
    let contact = only(vec![asked, masked]);
    assert_eq!(line(&contact), "node/node1 -> kube-system/Pod/dns 514/UDP");
    assert_eq!(contact.behind.iter().map(ToString::to_string).collect::<Vec<_>>(), ["198.51.100.7"]);
    assert_eq!((contact.tally.one_way, contact.tally.unanswered), (1, 0));
}

#[test]
fn an_answer_that_a_bridge_sends_to_the_client_itself_belongs_to_the_node_port() {
    let asked = udp("198.51.100.7:5000", "172.30.0.11:30514", 1, 1);
    let masked = udp("10.244.2.1:61000", "10.244.2.2:514", 1, 0);
    let answered = udp("198.51.100.7:5000", "10.244.2.2:514", 0, 1);
    let elsewhere = contacts(vec![asked.clone(), masked, answered.clone()]);
    assert_eq!(elsewhere.len(), 2, "node2 did not ask for what came to node1");
    let masked = udp("10.244.1.1:61000", "10.244.2.2:514", 1, 0);
    let contact = only(vec![asked, masked, answered]);
    assert_eq!(line(&contact), "node/node1 -> kube-system/Pod/dns 514/UDP");
    assert_eq!(contact.tally.connections, 1);
}

#[test]
fn a_node_port_connection_in_progress_joins_by_its_halves() {
    let asked = record(Protocol::Tcp, "10.244.2.1:14007", "10.244.2.4:9090", client_half(None), none());
    let answered =
        answer(record(Protocol::Tcp, "10.244.2.4:9090", "172.30.0.254:53160", none(), none()), None);
    let contact = only(vec![asked, answered]);
    assert_eq!(line(&contact), "node/node2 -> shop/Deployment/api 9090/TCP");
    assert_eq!(contact.behind.len(), 1);
}

#[test]
fn a_masqueraded_pod_is_itself_on_the_way_out() {
    let inside = tcp("10.244.1.2:40000", "203.0.113.10:443", 8);
    let mut outside = tcp("172.30.0.11:61000", "203.0.113.10:443", 8);
    outside.tap = TapId(1);
    let contact = only(vec![inside, outside]);
    assert_eq!(line(&contact), "shop/Pod/client -> external/203.0.113.10/32 443/TCP");
    assert!(contact.behind.is_empty());
    let udp_pair = vec![
        udp("10.244.1.2:40000", "203.0.113.10:123", 1, 1),
        udp("172.30.0.11:40000", "203.0.113.10:123", 1, 1),
    ];
    assert_eq!(line(&only(udp_pair)), "shop/Pod/client -> external/203.0.113.10/32 123/UDP");
}

#[test]
fn a_pod_that_comes_back_to_itself_went_through_its_service() {
    let contact = only(vec![tcp("10.244.2.4:57218", "10.244.2.4:9090", 3)]);
    assert!(contact.hairpin && !contact.is_loopback());
    assert_eq!(contact.services.iter().collect::<Vec<_>>(), ["shop/api"]);
}

#[test]
fn a_pod_that_its_node_masked_on_the_way_back_to_itself_is_itself() {
    let asked = tcp("10.244.2.4:57218", "10.96.0.5:80", 3);
    let masked = tcp("10.244.2.1:61000", "10.244.2.4:9090", 3);
    let contact = only(vec![asked, masked]);
    assert_eq!(line(&contact), "shop/Deployment/api -> shop/Deployment/api 9090/TCP");
    assert!(contact.hairpin && !contact.own_node && contact.behind.is_empty());

    let asked = udp("10.244.2.2:5000", "10.96.0.10:53", 1, 1);
    let mut masked = udp("10.244.2.1:61000", "10.244.2.2:53", 1, 1);
    let contact = only(vec![asked.clone(), masked.clone()]);
    assert_eq!(line(&contact), "kube-system/Pod/dns -> kube-system/Pod/dns 53/UDP");
    (masked.first, masked.last) = (at(160), at(160));
    assert_eq!(contacts(vec![asked, masked]).len(), 2, "another time is another connection");
}

#[test]
fn a_pod_masked_on_its_way_to_the_api_server_is_itself() {
    let inside = tcp("10.244.1.2:40000", "10.96.0.1:443", 8);
    let mut outside = tcp("172.30.0.11:40000", "172.30.0.1:6443", 8);
    outside.tap = TapId(1);
    let contact = only(vec![inside, outside]);
    assert_eq!(line(&contact), "shop/Pod/client -> apiserver 6443/TCP");
    assert_eq!(contact.services.iter().collect::<Vec<_>>(), ["default/kubernetes"]);
    assert!(contact.behind.is_empty());
}
