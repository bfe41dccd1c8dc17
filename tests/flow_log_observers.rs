//! What several observers say of the same connections counts once: the larger number, not the sum.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

use std::fmt::Write as _;

use flowfence_capture::{Limits, Recorder, read_capture};
use flowfence_graph::{Contact, Inventory, attribute, objects_of};
use flowfence_model::Orientation;
use proptest::prelude::*;

/// A connection: client, server and client port.
type Opened = (u8, u8, u16);

fn contacts(inputs: &[String]) -> Vec<Contact> {
    let mut recorder = Recorder::new(Limits::default());
    for input in inputs {
        read_capture(input.as_bytes(), "log", &mut recorder, &mut |_| {}).unwrap();
    }
    let recording = recorder.finish();
    let inventory = Inventory::new(vec![objects_of(&recording.logged)]);
    attribute(recording, &inventory).contacts
}

/// Who, whom, port, connections and packets of each contact.
fn gist(contacts: &[Contact]) -> Vec<String> {
    let one = |c: &Contact| {
        let (t, port) = (&c.tally, c.port.unwrap_or_default());
        let counts = (t.connections, t.refused, t.unanswered, t.packets, t.octets);
        format!(
            "{} {} -> {} {} {port} {:?} {counts:?}",
            c.from.id, c.from.address, c.to.id, c.to.address, c.orientation
        )
    };
    contacts.iter().map(one).collect()
}

/// Hubble at one node: of each connection the opening, the answer and a packet more. Only the pods
/// of the node itself have their controller there.
fn hubble(node: u8, opened: &[Opened]) -> String {
    let mut text = String::new();
    for (client, server, port) in opened {
        let pod = |name: &str, i: u8, at: u8| {
            let workload = format!(r#","workloads":[{{"name":"{name}","kind":"Deployment"}}]"#);
            let workload = if at == node { workload.as_str() } else { "" };
            format!(r#"{{"identity":{at},"namespace":"shop","pod_name":"{name}-{i}"{workload}}}"#)
        };
        let (c, s) = (pod("web", *client, 1), pod("api", *server, 2));
        let (ca, sa) = (format!("10.42.1.{client}"), format!("10.42.2.{server}"));
        for (is_reply, flags) in
            [(false, r#""SYN":true"#), (true, r#""SYN":true,"ACK":true"#), (false, r#""ACK":true"#)]
        {
            let ((x, xa, xp), (y, ya, yp)) = if is_reply {
                ((&s, &sa, 8080), (&c, &ca, *port))
            } else {
                ((&c, &ca, *port), (&s, &sa, 8080))
            };
            writeln!(
                text,
                r#"{{"flow":{{"time":"2026-11-24T10:00:00Z","verdict":"FORWARDED","IP":{{"source":"{xa}","destination":"{ya}"}},"l4":{{"TCP":{{"source_port":{xp},"destination_port":{yp},"flags":{{{flags}}}}}}},"source":{x},"destination":{y},"Type":"L3_L4","is_reply":{is_reply}}},"node_name":"node-{node}"}}"#
            )
            .unwrap();
        }
    }
    text
}

/// Both directions of each connection at one interface.
fn vpc(interface: &str, opened: &[Opened]) -> String {
    let mut text =
        "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end tcp-flags\n"
            .to_owned();
    for (client, server, port) in opened {
        let time = "1795514400 1795514460";
        writeln!(text, "{interface} 10.42.1.{client} 10.42.2.{server} {port} 8080 6 5 500 {time} 3").unwrap();
        writeln!(text, "{interface} 10.42.2.{server} 10.42.1.{client} 8080 {port} 6 4 900 {time} 19")
            .unwrap();
    }
    text
}

/// GKE's policy log of one side.
fn gke(side: &str, opened: &[Opened]) -> String {
    let mut text = String::new();
    for (client, server, port) in opened {
        writeln!(
            text,
            r#"{{"connection":{{"src_ip":"10.42.1.{client}","dest_ip":"10.42.2.{server}","src_port":{port},"dest_port":8080,"protocol":"tcp","direction":"{side}"}},"disposition":"allow","src":{{"pod_name":"web-{client}","pod_namespace":"shop"}},"dest":{{"pod_name":"api-{server}","pod_namespace":"shop"}},"count":1,"node_name":"node-{side}","timestamp":"2026-11-24T10:00:00Z"}}"#
        )
        .unwrap();
    }
    text
}

fn opened() -> impl Strategy<Value = Vec<Opened>> {
    proptest::collection::btree_set((1_u8..4, 1_u8..4, 32_768_u16..60_999), 1..24)
        .prop_map(|set| set.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn two_observers_count_once(all in opened()) {
        for (one, other) in [
            (vpc("eni-a", &all), vpc("eni-b", &all)),
            (gke("egress", &all), gke("ingress", &all)),
        ] {
            prop_assert_eq!(gist(&contacts(&[one.clone(), other.clone()])), gist(&contacts(std::slice::from_ref(&one))));
            prop_assert_eq!(gist(&contacts(&[other, one.clone()])), gist(&contacts(&[one])));
        }
    }

    #[test]
    fn two_nodes_of_hubble_count_once(all in opened()) {
        let both = contacts(&[hubble(1, &all), hubble(2, &all)]);
        let turned = contacts(&[hubble(2, &all), hubble(1, &all)]);
        prop_assert_eq!(gist(&both), gist(&turned));
        let workloads = |c: &Contact| (c.from.id.to_string(), c.to.id.to_string());
        for contact in &both {
            prop_assert_eq!(workloads(contact), ("shop/Deployment/web".to_owned(), "shop/Deployment/api".to_owned()));
            prop_assert_eq!(contact.orientation, Orientation::Seen);
            prop_assert_eq!((contact.tally.refused, contact.tally.unanswered), (0, 0));
        }
        let connections: Vec<u64> = both.iter().map(|c| c.tally.connections).collect();
        let one: Vec<u64> = contacts(&[hubble(1, &all)]).iter().map(|c| c.tally.connections).collect();
        prop_assert_eq!(connections, one);
    }

    #[test]
    fn one_that_saw_less_takes_nothing_away(all in opened(), seen in 0_usize..24) {
        let part = &all[..seen.min(all.len())];
        let whole = gist(&contacts(&[vpc("eni-a", &all)]));
        prop_assert_eq!(gist(&contacts(&[vpc("eni-a", &all), vpc("eni-b", part)])), whole);
    }
}

#[test]
fn a_refusal_is_no_connection_and_a_reset_at_the_end_is_none() {
    let line = |from: &str, to: &str, packets: u32, octets: u32, flags: u32| {
        format!("eni-a {from} {to} 6 {packets} {octets} 1795514400 1795514460 {flags}\n")
    };
    let (web, api) = ("10.42.1.1 10.42.2.1", "10.42.2.1 10.42.1.1");
    let header = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end tcp-flags\n";
    let refused = header.to_owned() + &line(web, "40000 9999", 1, 60, 2) + &line(api, "9999 40000", 1, 40, 4);
    let tally = contacts(&[refused])[0].tally.clone();
    assert_eq!((tally.connections, tally.refused), (0, 1), "{tally:?}");
    let later = header.to_owned()
        + &line(web, "40000 8080", 9, 900, 2)
        + &line(api, "8080 40000", 8, 9000, 0)
        + &line(api, "8080 40000", 1, 40, 4);
    let tally = contacts(&[later])[0].tally.clone();
    assert_eq!((tally.connections, tally.refused), (1, 0), "{tally:?}");
}

#[test]
fn a_pod_whose_namespace_alone_is_told_is_who_has_its_address() {
    let named = hubble(1, &[(1, 1, 40_000)]);
    let bare = hubble(1, &[(2, 1, 40_001)]).replace(r#","pod_name":"api-1""#, "");
    let whom =
        |inputs: &[String]| -> Vec<String> { contacts(inputs).iter().map(|c| c.to.id.to_string()).collect() };
    assert_eq!(whom(&[named, bare.clone()]), ["shop/Pod/api-1", "shop/Pod/api-1"]);
    assert_eq!(whom(&[bare]), ["shop/Pod/unnamed"]);
}

/// Connections, attempts, and what policies denied, of the only contact.
fn fate(inputs: &[String]) -> (u64, u64, u64) {
    let contacts = contacts(inputs);
    let [contact] = contacts.as_slice() else { panic!("one contact: {contacts:#?}") };
    let denied = contact.word.as_ref().map_or(0, |word| word.denied);
    (contact.tally.connections, contact.tally.attempts(), denied)
}

#[test]
fn what_the_source_let_out_and_the_destination_stopped_is_one_attempt() {
    let goldmane = |reporter: &str, action: &str, there: u32| {
        let (into, out) = if reporter == "Src" { (0, there) } else { (there, 0) };
        format!(
            r#"{{"id":"1","flow":{{"Key":{{"source_name":"web-*","source_namespace":"shop","source_type":"WorkloadEndpoint","dest_name":"db-*","dest_namespace":"shop","dest_type":"WorkloadEndpoint","dest_port":"5432","proto":"tcp","reporter":"{reporter}","action":"{action}"}},"start_time":"1795514400","end_time":"1795514415","packets_in":"{into}","packets_out":"{out}","num_connections_started":"2"}}}}"#
        )
    };
    let both = [goldmane("Src", "Allow", 6), goldmane("Dst", "Deny", 6)];
    assert_eq!(fate(&[both.join("\n")]), (0, 2, 2), "Goldmane");

    let hubble = |node: &str, verdict: &str, port: u16| {
        format!(
            r#"{{"flow":{{"time":"2026-11-24T10:00:00Z","verdict":"{verdict}","drop_reason":133,"drop_reason_desc":"POLICY_DENIED","IP":{{"source":"10.42.1.1","destination":"10.42.2.2"}},"l4":{{"TCP":{{"source_port":{port},"destination_port":5432,"flags":{{"SYN":true}}}}}},"source":{{"namespace":"shop","pod_name":"web-0"}},"destination":{{"namespace":"shop","pod_name":"db-0"}},"Type":"L3_L4","is_reply":false}},"node_name":"{node}"}}"#
        )
    };
    for nodes in [["node-1", "node-2"], ["node-1", "node-1"]] {
        let lines = [40_001, 40_002]
            .map(|port| [hubble(nodes[0], "FORWARDED", port), hubble(nodes[1], "DROPPED", port)].join("\n"));
        assert_eq!(fate(&[lines.join("\n")]), (0, 2, 2), "Hubble at {nodes:?}");
    }

    let calico = |reporter: &str, action: &str| {
        format!(
            r#"{{"start_time":1795514400,"end_time":1795514700,"source_ip":"10.42.1.1","source_name":"web-0","source_name_aggr":"web-*","source_namespace":"shop","source_type":"wep","dest_ip":"10.42.2.2","dest_name":"db-0","dest_name_aggr":"db-*","dest_namespace":"shop","dest_type":"wep","dest_port":5432,"proto":"tcp","action":"{action}","reporter":"{reporter}","num_flows_started":2,"packets_in":0,"packets_out":4}}"#
        )
    };
    assert_eq!(fate(&[[calico("src", "allow"), calico("dst", "deny")].join("\n")]), (0, 2, 2), "Calico");

    let gke = |direction: &str, disposition: &str| {
        format!(
            r#"{{"connection":{{"src_ip":"10.42.1.1","dest_ip":"10.42.2.2","src_port":40001,"dest_port":5432,"protocol":"tcp","direction":"{direction}"}},"disposition":"{disposition}","src":{{"pod_name":"web-0","pod_namespace":"shop"}},"dest":{{"pod_name":"db-0","pod_namespace":"shop"}},"count":2,"timestamp":"2026-11-24T10:00:00Z"}}"#
        )
    };
    assert_eq!(fate(&[[gke("egress", "allow"), gke("ingress", "deny")].join("\n")]), (0, 2, 2), "GKE");
}

/// Two knocks at a closed door as both ends report them: an opening each, of 60 octets, and a reset of 40.
#[test]
fn a_door_that_refuses_is_no_connection_in_a_log_of_sizes() {
    let goldmane = |reporter: &str, [there, back]: [u32; 2]| {
        let ([into, out], [received, sent]) =
            if reporter == "Src" { ([2; 2], [back, there]) } else { ([2; 2], [there, back]) };
        format!(
            r#"{{"id":"1","flow":{{"Key":{{"source_name":"web-*","source_namespace":"shop","source_type":"WorkloadEndpoint","dest_name":"db-*","dest_namespace":"shop","dest_type":"WorkloadEndpoint","dest_port":"5432","proto":"tcp","reporter":"{reporter}","action":"Allow"}},"start_time":"1795514400","end_time":"1795514415","packets_in":"{into}","packets_out":"{out}","bytes_in":"{received}","bytes_out":"{sent}","num_connections_started":"2"}}}}"#
        )
    };
    let both = |sizes| [goldmane("Src", sizes), goldmane("Dst", sizes)].join("\n");
    assert_eq!(fate(&[both([120, 80])]), (0, 2, 0), "Goldmane");
    assert_eq!(fate(&[both([120, 120])]), (2, 0, 0), "Goldmane: answers to openings have options");

    let vpc = |interface: &str, port: u16| {
        format!(
            "2 1 {interface} 10.42.1.1 10.42.2.2 {port} 5432 6 1 60 1795514400 1795514460 ACCEPT OK\n\
             2 1 {interface} 10.42.2.2 10.42.1.1 5432 {port} 6 1 40 1795514400 1795514460 ACCEPT OK\n"
        )
    };
    let knocks = [40_001, 40_002].map(|port| vpc("eni-a", port) + &vpc("eni-b", port));
    assert_eq!(fate(&[knocks.concat()]), (0, 2, 0), "AWS VPC");
}
