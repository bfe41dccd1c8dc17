use flowfence_model::Recording;
use flowfence_model::logged::{Conversation, LoggedVerdict};
use proptest::prelude::*;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::{Value, json};

use super::*;
use crate::flowlog::heard::MAX_PROBLEMS;
use crate::recorder::Limits;

/// The messages as they are published, compiled from the text.
fn published(name: &str) -> MessageDescriptor {
    let descriptors = protox::compile(["hubble.proto"], ["tests/data"]).unwrap();
    let pool = DescriptorPool::from_file_descriptor_set(descriptors).unwrap();
    pool.get_message_by_name(&format!("hubble.{name}")).unwrap()
}

/// A line of JSON as a protocol buffer.
fn message(response: &MessageDescriptor, line: &Value) -> Vec<u8> {
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let read = DynamicMessage::deserialize_with_options(response.clone(), line.clone(), &options);
    read.unwrap().encode_to_vec()
}

/// A flow of node `n1` at a second, with what is put over it.
fn flow(second: u32, port: u32, over: &Value) -> Value {
    let mut flow = json!({
        "time": format!("2026-01-01T00:{:02}:{:02}.25Z", second / 60, second % 60),
        "uuid": format!("00000000-0000-0000-0000-{port:012}"),
        "verdict": "FORWARDED",
        "IP": {"source": "10.42.0.5", "destination": "10.42.1.7", "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": port, "destination_port": 8080, "flags": {"SYN": true}}},
        "source": {"ID": 7, "identity": 4711, "namespace": "shop", "pod_name": "web-7d9f-abcde",
                   "labels": ["k8s:app=web", "k8s:io.kubernetes.pod.namespace=shop",
                              "k8s:io.cilium.k8s.namespace.labels.team=front"],
                   "workloads": [{"name": "web", "kind": "Deployment"}]},
        "destination": {"ID": 9, "identity": 4712, "namespace": "shop", "pod_name": "api-0", "labels": ["k8s:app=api"]},
        "Type": "L3_L4", "node_name": "prod/n1", "is_reply": false, "traffic_direction": "EGRESS",
        "event_type": {"type": 4, "sub_type": 3}, "trace_observation_point": "TO_STACK", "Summary": "TCP Flags: SYN",
    });
    let Value::Object(over) = over else { panic!("an object is put over it") };
    flow.as_object_mut().unwrap().extend(over.clone());
    let node = flow["node_name"].clone();
    json!({"flow": flow, "node_name": node, "time": flow["time"]})
}

/// What no connection to a server interrupted.
fn by_stream(lines: &[Value]) -> Recording {
    let response = published("GetFlowsResponse");
    let mut recorder = Recorder::new(Limits::default());
    let input = recorder.begin_input("same");
    let mut stream = HubbleStream::default();
    stream.connect(Timestamp::MAX);
    for line in lines {
        stream.take(&message(&response, line), &mut recorder, input);
    }
    recorder.finish()
}

fn by_lines(lines: &[Value]) -> Recording {
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    let text = text.join("\n");
    let mut recorder = Recorder::new(Limits::default());
    crate::read_capture(text.as_bytes(), "same", &mut recorder, &mut |_| {}).unwrap();
    recorder.finish()
}

/// An answer of DNS as a flow of layer 7.
fn dns(query: &str, ips: &[&str], code: u8) -> Value {
    json!({"Type": "L7", "l7": {"dns": {"query": query, "ips": ips, "rcode": code, "cnames": ["edge.example.net."]}}})
}

/// Lines of every kind that has a meaning of its own.
fn all_kinds() -> Vec<Value> {
    let udp = json!({"UDP": {"source_port": 40_000, "destination_port": 53}});
    let reply = json!({"is_reply": true, "trace_reason": "REPLY",
        "source": {"identity": 4712, "namespace": "shop", "pod_name": "api-0", "labels": ["k8s:app=api"]},
        "destination": {"identity": 4711, "namespace": "shop", "pod_name": "web-7d9f-abcde"},
        "IP": {"source": "10.42.1.7", "source_xlated": "10.43.0.9", "destination": "10.42.0.5"},
        "l4": {"TCP": {"source_port": 8080, "destination_port": 40_001, "flags": {"SYN": true, "ACK": true}}},
        "source_service": {"name": "api", "namespace": "shop"}});
    let host = json!({"source": {"identity": 1, "labels": ["reserved:host"]}, "node_name": "prod/n2"});
    let world = json!({"destination": {"identity": 2, "labels": ["reserved:world"]},
        "IP": {"source": "10.42.0.5", "destination": "203.0.113.9"}, "destination_names": ["pay.example.org"]});
    let api = json!({"destination": {"identity": 16_777_217, "labels": ["reserved:kube-apiserver", "reserved:world"]},
        "IP": {"source": "10.42.0.5", "destination": "192.0.2.1"}});
    let denied = json!({"verdict": "DROPPED", "drop_reason": 133, "drop_reason_desc": "POLICY_DENIED",
        "is_reply": null, "ingress_denied_by": [{"name": "fence", "namespace": "shop", "kind": "CiliumNetworkPolicy"}]});
    let dropped =
        json!({"verdict": "DROPPED", "drop_reason": 151, "drop_reason_desc": "STALE_OR_UNROUTABLE_IP"});
    let icmp = |kind: &str, code: u8| json!({"l4": {kind: {"type": 8, "code": code}}});
    let none = json!({"is_reply": null, "event_type": null,
        "l4": {"TCP": {"source_port": 40_009, "destination_port": 8080, "flags": {"ACK": true}}}});
    let over = [
        json!({}),
        reply,
        json!({"l4": udp, "trace_reason": "NEW"}),
        host,
        world,
        api,
        denied,
        dropped,
        json!({"verdict": "AUDIT", "egress_denied_by": [{"name": "trial", "namespace": "shop"}]}),
        json!({"verdict": "ERROR"}),
        json!({"verdict": "REDIRECTED"}),
        json!({"verdict": "TRANSLATED", "Type": "SOCK"}),
        json!({"verdict": "LATER_VERDICT"}),
        json!({"verdict": null}),
        json!({"Type": "L7", "l7": {"type": "REQUEST"}}),
        dns("pay.example.org.", &["203.0.113.9", "2001:db8::9"], 0),
        dns("no.example.org.", &["203.0.113.8"], 3),
        icmp("ICMPv4", 0),
        icmp("ICMPv6", 1),
        json!({"l4": null}),
        json!({"l4": {"SCTP": {"source_port": 40_003, "destination_port": 3868}}}),
        json!({"l4": {"later_protocol": {"source_port": 1, "destination_port": 2}}}),
        json!({"l4": {"TCP": {"destination_port": 80}}}),
        json!({"is_reply": null, "reply": true}),
        json!({"is_reply": null, "event_type": {"type": 5}}),
        json!({"trace_reason": "ESTABLISHED",
            "l4": {"TCP": {"source_port": 40_004, "destination_port": 8080, "flags": {"ACK": true}}}}),
        json!({"IP": {"source": "2001:db8::5", "destination": "2001:db8::7"}}),
        json!({"IP": null}),
        none,
    ];
    let mut lines: Vec<Value> = (0..).zip(over).map(|(i, over)| flow(i, 40_100 + i, &over)).collect();
    lines.push(json!({"lost_events": {"source": 1, "num_events_lost": "17"}, "node_name": "prod/n1"}));
    lines.push(
        json!({"node_status": {"state_change": "NODE_UNAVAILABLE", "node_names": ["prod/n3", "prod/n4"]}}),
    );
    lines.push(json!({"node_status": {"state_change": "NODE_CONNECTED", "node_names": ["prod/n1"]}}));
    lines
}

#[test]
fn a_message_means_what_its_line_of_json_means() {
    let lines = all_kinds();
    for line in &lines {
        let one = std::slice::from_ref(line);
        let (stream, json) = (by_stream(one), by_lines(one));
        assert_eq!(stream.logged, json.logged, "{line}");
        assert_eq!((stream.counts, stream.names), (json.counts, json.names), "{line}");
    }
    let (stream, json) = (by_stream(&lines), by_lines(&lines));
    let by_key = |mut conversations: Vec<Conversation>| {
        conversations
            .sort_by_key(|c| (c.from, c.to, c.protocol, c.port, c.verdict, c.observer, c.counts.first));
        conversations
    };
    assert_eq!(by_key(stream.logged.conversations), by_key(json.logged.conversations));
    assert_eq!(
        (stream.logged.identities, stream.logged.observers, stream.logged.names, stream.logged.addresses),
        (json.logged.identities, json.logged.observers, json.logged.names, json.logged.addresses)
    );
    assert_eq!((stream.counts, stream.names), (json.counts, json.names));
    assert_eq!(stream.files[0].packets, json.files[0].packets);
}

#[test]
fn answers_of_dns_name_what_lies_outside_and_errors_do_not() {
    let names = by_stream(&all_kinds()).names;
    let count = |ip: &str| names.of(ip.parse().unwrap()).filter(|name| *name == "pay.example.org").count();
    assert_eq!(["203.0.113.9", "2001:db8::9", "203.0.113.8"].map(count), [1, 1, 0]);
}

#[test]
fn a_verdict_and_its_policy_come_over_the_stream() {
    let lines = all_kinds();
    let logged = by_stream(&lines).logged;
    let denied = logged.conversations.iter().find(|c| c.verdict == LoggedVerdict::Denied).unwrap();
    assert_eq!(logged.name(denied.policy), Some("shop/fence"));
}

#[test]
fn what_is_not_known_yet_is_counted_and_what_cannot_be_read_costs_itself() {
    let response = published("GetFlowsResponse");
    let mut recorder = Recorder::new(Limits::default());
    let input = recorder.begin_input("hubble://here");
    let mut stream = HubbleStream::default();
    let later = json!({"later_kind": {"verdict": "FORWARDED"}, "node_name": "n1"});
    assert_eq!(stream.take(&message(&response, &later), &mut recorder, input), Heard::News);
    let good = message(&response, &flow(1, 40_001, &json!({})));
    // The flow is what it begins with.
    let cuts = 1..good.len() / 2;
    for cut in cuts.clone() {
        assert_eq!(stream.take(&good[..cut], &mut recorder, input), Heard::Damaged, "cut after {cut}");
    }
    assert_eq!(stream.take(&good, &mut recorder, input), Heard::News);
    assert_eq!(stream.take(&[], &mut recorder, input), Heard::News);
    let recording = recorder.finish();
    assert_eq!(recording.files[0].damaged_records, cuts.len() as u64);
    assert_eq!(recording.files[0].problems.len(), MAX_PROBLEMS);
    assert_eq!((recording.logged.lines, recording.counts.get("log-lines-other")), (1, 2));
}

/// A server with a ring, as far as a client can tell.
struct Ring {
    response: MessageDescriptor,
    lines: Vec<Value>,
}

impl Ring {
    /// What a connection that asks so gets, up to a number of messages.
    fn serve(&self, request: &[u8], keeps: std::ops::Range<usize>) -> Vec<Vec<u8>> {
        let request = Request::decode(request).unwrap();
        assert!(request.follow);
        let since = request.since.unwrap().time().unwrap();
        let kept = self.lines[keeps].iter();
        let time = |line: &Value| line["time"].as_str().map(|text| text.parse::<Timestamp>().unwrap());
        kept.filter(|line| time(line).is_none_or(|time| time >= since))
            .map(|line| message(&self.response, line))
            .collect()
    }
}

/// Lines counted, and what was lost, after connections that each saw a part of the ring.
fn over(ring: &Ring, connections: &[std::ops::Range<usize>]) -> (u64, u64, u64) {
    let mut recorder = Recorder::new(Limits::default());
    let input = recorder.begin_input("hubble://here");
    let mut stream = HubbleStream::default();
    for part in connections {
        let request = stream.connect(Timestamp::MAX);
        for message in ring.serve(&request, part.clone()) {
            assert_ne!(stream.take(&message, &mut recorder, input), Heard::Damaged);
        }
    }
    let recording = recorder.finish();
    (recording.logged.lines, recording.counts.get("log-events-lost"), stream.repeated())
}

fn ring(lines: Vec<Value>) -> Ring {
    Ring { response: published("GetFlowsResponse"), lines }
}

#[test]
fn a_connection_that_breaks_loses_nothing_and_counts_nothing_twice() {
    for uuid in [json!({}), json!({"uuid": ""})] {
        // Two events a second of two nodes, one of which fell silent early.
        let lines = (0..200).map(|i| {
            let node = if i % 2 == 0 && i < 60 { "prod/n2" } else { "prod/n1" };
            let mut over = uuid.clone();
            over["node_name"] = json!(node);
            flow(i / 2, 41_000 + i, &over)
        });
        let ring = ring(lines.collect());
        for cut in [1, 30, 61, 150, 199, 200] {
            let (lines, lost, repeated) = over(&ring, &[0..cut, 0..200]);
            assert_eq!((lines, lost), (200, 0), "cut after {cut}");
            assert!(repeated > 0);
        }
        assert_eq!(over(&ring, &[0..50, 0..51, 0..51, 0..120, 0..200]).0, 200);
    }
}

#[test]
fn a_ring_that_turned_over_meanwhile_counts_as_loss() {
    let ring = ring((0..100).map(|i| flow(i, 41_000 + i, &json!({}))).collect());
    let (lines, lost, _) = over(&ring, &[0..40, 60..100]);
    assert_eq!((lines, lost), (80, 1));
    // Once for each time.
    assert_eq!(over(&ring, &[0..20, 30..50, 70..100]).1, 2);
}

#[test]
fn lost_events_that_stand_in_the_ring_are_counted_once() {
    let lost = |second: u32| {
        json!({"lost_events": {"source": 1, "num_events_lost": "5"}, "node_name": "prod/n1",
               "time": format!("2026-01-01T00:00:{second:02}Z")})
    };
    let lines = vec![flow(1, 41_000, &json!({})), lost(2), lost(3), flow(4, 41_001, &json!({}))];
    assert_eq!(over(&ring(lines.clone()), std::slice::from_ref(&(0..4))).1, 10);
    assert_eq!(over(&ring(lines), &[0..4, 0..4]).1, 10);
}

#[test]
fn a_node_that_stays_away_is_missing_once() {
    let status = |state: &str| json!({"node_status": {"state_change": state, "node_names": ["prod/n3"]}});
    let count = |states: &[&str]| {
        let lines: Vec<Value> = states.iter().map(|state| status(state)).collect();
        by_stream(&lines).counts.get("log-nodes-missing")
    };
    assert_eq!(count(&["NODE_UNAVAILABLE", "NODE_UNAVAILABLE", "NODE_ERROR"]), 1);
    assert_eq!(count(&["NODE_UNAVAILABLE", "NODE_CONNECTED", "NODE_GONE"]), 2);
    assert_eq!(count(&["NODE_CONNECTED"]), 0);
}

#[test]
fn a_clock_that_is_years_ahead_hides_nothing_after_a_break() {
    let mut lines: Vec<Value> = (0..20).map(|i| flow(i, 41_000 + i, &json!({}))).collect();
    lines[9] = flow(9, 41_009, &json!({"time": "2199-01-01T00:00:00Z"}));
    let ring = ring(lines);
    let mut recorder = Recorder::new(Limits::default());
    let input = recorder.begin_input("hubble://here");
    let mut stream = HubbleStream::default();
    let now: Timestamp = "2026-01-01T00:00:10Z".parse().unwrap();
    for part in [0..10, 0..20] {
        let request = stream.connect(now);
        for message in ring.serve(&request, part) {
            stream.take(&message, &mut recorder, input);
        }
    }
    assert_eq!(recorder.finish().logged.lines, 20);
}

/// Octets that may be anything, or a message with one of them changed.
fn any_messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let response = published("GetFlowsResponse");
    let good: Vec<Vec<u8>> = all_kinds().iter().map(|line| message(&response, line)).collect();
    let changed = (proptest::sample::select(good), any::<proptest::sample::Index>(), any::<u8>());
    let changed = changed.prop_map(|(mut message, at, octet)| {
        let at = at.index(message.len());
        message[at] = octet;
        message
    });
    proptest::collection::vec(prop_oneof![changed, proptest::collection::vec(any::<u8>(), 0..64)], 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_comes_is_counted_and_comes_again_as_repeated_or_the_same(messages in any_messages()) {
        let mut recorder = Recorder::new(Limits::default());
        let input = recorder.begin_input("hubble://here");
        let mut stream = HubbleStream::default();
        let mut once = 0;
        for round in 0..2 {
            stream.connect(Timestamp::MAX);
            for message in &messages {
                stream.take(message, &mut recorder, input);
            }
            let lines = recorder.so_far().logged.lines;
            prop_assert!(round == 0 || lines == once, "{lines} lines after {once}");
            once = lines;
        }
        let recording = recorder.finish();
        let file = &recording.files[0];
        let told = file.packets + file.damaged_records + stream.repeated();
        prop_assert_eq!(told, 2 * messages.len() as u64);
    }
}

#[test]
fn a_server_says_its_version_and_relay_its_nodes() {
    let status = published("ServerStatusResponse");
    let relay = json!({"num_flows": "12", "num_connected_nodes": 3, "num_unavailable_nodes": 1, "version": "cilium v1.20.2"});
    let read = HubbleServer::read(&message(&status, &relay));
    assert_eq!(read, HubbleServer { version: "cilium v1.20.2".to_owned(), nodes: Some((3, 1)) });
    assert_eq!(HubbleServer::read(b"\xff"), HubbleServer::default());
}
