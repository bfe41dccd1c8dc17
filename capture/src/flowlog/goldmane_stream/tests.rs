use flowfence_model::Recording;
use flowfence_model::logged::LoggedVerdict;
use proptest::prelude::*;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::{Value, json};

use super::*;
use crate::flowlog::heard::MAX_PROBLEMS;
use crate::recorder::Limits;

const START: i64 = 1_795_514_400;

/// The messages as they are published, compiled from the text.
fn published(name: &str) -> MessageDescriptor {
    let descriptors = protox::compile(["goldmane.proto"], ["tests/data"]).unwrap();
    let pool = DescriptorPool::from_file_descriptor_set(descriptors).unwrap();
    pool.get_message_by_name(&format!("goldmane.{name}")).unwrap()
}

/// A flow of JSON as a protocol buffer.
fn message(result: &MessageDescriptor, line: &Value) -> Vec<u8> {
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let read = DynamicMessage::deserialize_with_options(result.clone(), line.clone(), &options);
    read.unwrap().encode_to_vec()
}

/// A flow of a bucket to a port, with what is put over the flow and its key.
fn flow(bucket: i64, port: u32, of_flow: &Value, of_key: &Value) -> Value {
    let mut key = json!({
        "source_name": "web-6f7c9d5b44-*", "source_namespace": "shop", "source_type": "WorkloadEndpoint",
        "dest_name": "api-7c8f9d6b5c-*", "dest_namespace": "shop", "dest_type": "WorkloadEndpoint",
        "dest_port": port.to_string(), "dest_service_name": "api", "dest_service_namespace": "shop",
        "proto": "tcp", "reporter": "Src", "action": "Allow", "policies": {
            "enforced_policies": [{"kind": "Profile", "name": "kns.shop", "action": "Allow"}]},
    });
    let start = START + bucket * BUCKET;
    let mut flow = json!({
        "start_time": start.to_string(), "end_time": (start + BUCKET).to_string(),
        "source_labels": ["app=web", "tier=front"], "dest_labels": ["app=api"],
        "packets_in": "6", "packets_out": "5", "bytes_in": "3000", "bytes_out": "500",
        "num_connections_started": "2", "num_connections_live": "1",
    });
    let put = |under: &mut Value, over: &Value| {
        under.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
    };
    put(&mut key, of_key);
    flow["Key"] = key;
    put(&mut flow, of_flow);
    json!({"id": port.to_string(), "flow": flow})
}

fn plain(bucket: i64, port: u32) -> Value {
    flow(bucket, port, &json!({}), &json!({}))
}

fn by_stream(lines: &[Value]) -> Recording {
    let result = published("FlowResult");
    let mut recorder = Recorder::new(Limits::default());
    let input = recorder.begin_input("same");
    let mut stream = GoldmaneStream::default();
    stream.connect(Timestamp::MAX, &mut recorder, input);
    for line in lines {
        stream.take(&message(&result, line), &mut recorder, input);
    }
    recorder.finish()
}

fn by_lines(lines: &[Value]) -> Recording {
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    let mut recorder = Recorder::new(Limits::default());
    crate::read_capture(text.join("\n").as_bytes(), "same", &mut recorder, &mut |_| {}).unwrap();
    recorder.finish()
}

/// Flows of every kind that has a meaning of its own, each to a port of its own.
fn all_kinds() -> Vec<Value> {
    let hit = |kind: &str, name: &str, action: &str, index: &str| json!({"kind": kind, "namespace": "shop", "name": name, "tier": "default", "action": action, "policy_index": index});
    let denied = json!({"action": "Deny", "reporter": "Dst", "policies": {"enforced_policies":
        [hit("CalicoNetworkPolicy", "fence", "Deny", "1"), hit("CalicoNetworkPolicy", "open", "Pass", "0")]}});
    let end_of_tier = json!({"action": "Deny", "policies": {"enforced_policies": [{"kind": "EndOfTier", "action": "Deny",
        "trigger": hit("NetworkPolicy", "knp.default.none", "Deny", "0")}]}});
    let staged =
        json!({"policies": {"pending_policies": [hit("StagedNetworkPolicy", "trial", "Deny", "0")]}});
    let outside =
        |name: &str, kind: &str| json!({"dest_name": name, "dest_namespace": "", "dest_type": kind});
    let later = json!({"source_type": "LaterEndpoint", "later_field": "passed over", "policies": {
        "enforced_policies": [{"kind": "LaterKind", "name": "x", "action": "LaterAction"}]}});
    let of_key = [
        json!({}),
        json!({"reporter": "Dst"}),
        denied,
        end_of_tier,
        staged,
        outside("pub", "Network"),
        outside("pvt", "Network"),
        outside("corp", "NetworkSet"),
        outside("node-7-auto-hep", "HostEndpoint"),
        outside("coredns-*", "LaterEndpoint"),
        json!({"proto": "udp"}),
        json!({"proto": "icmp", "dest_port": "0"}),
        json!({"proto": "gre"}),
        json!({"dest_port": "0"}),
        json!({"dest_port": "-1"}),
        json!({"source_name": ""}),
        json!({"action": "Pass"}),
        json!({"action": "LaterAction"}),
        json!({"action": null}),
        later,
        json!({"policies": null}),
    ];
    let mut lines: Vec<Value> =
        (0..).zip(of_key).map(|(i, over)| flow(0, 8000 + i, &json!({}), &over)).collect();
    let of_flow = [
        json!({"end_time": "0"}),
        json!({"packets_in": "0", "bytes_in": "0"}),
        json!({"packets_out": "-4"}),
        json!({"source_labels": [], "dest_labels": ["app", "=", "a=b=c"]}),
        json!({"num_connections_started": "0"}),
    ];
    lines.extend((0..).zip(of_flow).map(|(i, over)| flow(0, 8100 + i, &over, &json!({}))));
    lines
}

#[test]
fn a_message_means_what_its_line_of_json_means() {
    let lines = all_kinds();
    for line in &lines {
        let one = std::slice::from_ref(line);
        let (stream, json) = (by_stream(one), by_lines(one));
        assert_eq!(stream.logged, json.logged, "{line}");
        assert_eq!(stream.counts, json.counts, "{line}");
    }
    let (stream, json) = (by_stream(&lines), by_lines(&lines));
    assert_eq!((stream.logged, stream.counts), (json.logged, json.counts));
    assert_eq!(stream.files[0].packets, json.files[0].packets);
}

#[test]
fn a_verdict_and_its_policy_come_over_the_stream() {
    let logged = by_stream(&all_kinds()).logged;
    let of = |verdict: LoggedVerdict| {
        let some = logged.conversations.iter().filter(move |c| c.verdict == verdict);
        some.filter_map(|c| logged.name(c.policy)).collect::<Vec<_>>()
    };
    assert_eq!(of(LoggedVerdict::Denied), ["shop/fence", "shop/none"]);
    assert_eq!(of(LoggedVerdict::WouldDeny), ["shop/trial"]);
}

/// A server that keeps buckets, as far as a client can tell: what a connection that asks so gets.
fn serve(request: &[u8], kept: &[Value]) -> Vec<Vec<u8>> {
    let result = published("FlowResult");
    let since = StreamRequest::decode(request).unwrap().start_time_gte;
    let start = |line: &Value| line["flow"]["start_time"].as_str().unwrap().parse::<i64>().unwrap();
    kept.iter().filter(|line| start(line) >= since).map(|line| message(&result, line)).collect()
}

/// After connections that each saw some flows: packets there and back, what was lost, and what came again.
fn over(connections: &[&[Value]]) -> ([u64; 2], u64, u64) {
    let mut recorder = Recorder::new(Limits::default());
    let input = recorder.begin_input("goldmane://here");
    let mut stream = GoldmaneStream::default();
    let now = Timestamp::from_secs(START + 100 * BUCKET, 0);
    for kept in connections {
        let request = stream.connect(now, &mut recorder, input);
        for message in serve(&request, kept) {
            assert_ne!(stream.take(&message, &mut recorder, input), Heard::Damaged);
        }
    }
    let recording = recorder.finish();
    let sum = |side: usize| recording.logged.conversations.iter().map(|c| c.counts.packets[side]).sum();
    ([sum(0), sum(1)], recording.counts.get("log-events-lost"), stream.repeated())
}

#[test]
fn a_connection_that_breaks_loses_nothing_and_counts_nothing_twice() {
    // Three flows a bucket, and one that is only in each seventh.
    let mut all: Vec<Value> =
        (0..40).flat_map(|bucket| (0..3).map(move |i| plain(bucket, 8000 + i))).collect();
    all.extend([7, 14, 21].map(|bucket| plain(bucket, 9000)));
    all.sort_by_key(|line| line["flow"]["start_time"].as_str().unwrap().to_owned());
    let n = all.len() as u64;
    for cut in [1, 2, 3, 30, 61, 100, 122, 123] {
        let (packets, lost, repeated) = over(&[&all[..cut], &all]);
        assert_eq!((packets, lost), ([5 * n, 6 * n], 0), "cut after {cut}");
        assert!(repeated > 0 && repeated <= 20, "{repeated}");
    }
    assert_eq!(over(&[&all[..20], &all[..21], &all[..21], &all[..90], &all]).0, [5 * n, 6 * n]);
}

#[test]
fn what_nodes_report_late_counts_for_what_is_more() {
    let early: Vec<Value> = (0..4).map(|bucket| plain(bucket, 8000)).collect();
    let more = json!({"packets_in": "9", "packets_out": "7", "num_connections_started": "3"});
    let mut late = early.clone();
    late[3] = flow(3, 8000, &more, &json!({}));
    late.insert(3, plain(2, 8001));
    // 4 × [5, 6], then [2, 3] more of one, and one that was not there at all.
    assert_eq!(over(&[&early, &late]), ([27, 33], 0, 3));
    // It never counts for less.
    assert_eq!(over(&[&late, &early]), ([27, 33], 0, 4));
    let result = published("FlowResult");
    let mut recorder = Recorder::new(Limits::default());
    let input = recorder.begin_input("goldmane://here");
    let mut stream = GoldmaneStream::default();
    for line in [&early[3], &flow(3, 8000, &more, &json!({}))] {
        stream.take(&message(&result, line), &mut recorder, input);
    }
    let counts = recorder.finish().logged.conversations[0].counts;
    assert_eq!((counts.opened, counts.unanswered, counts.packets[1] > 0), (3, 0, true));
}

#[test]
fn a_server_that_forgot_counts_as_loss_once() {
    let all: Vec<Value> = (0..40).map(|bucket| plain(bucket, 8000)).collect();
    assert_eq!(over(&[&all[..10], &all[20..]]), ([30 * 5, 30 * 6], 1, 0));
    // What is complete just then may come before those of the past.
    let mut shifted = all[6..20].to_vec();
    shifted.rotate_right(1);
    assert_eq!(over(&[&all[..10], &shifted]).1, 0);
    // One new bucket alone is settled by the next connection.
    assert_eq!(over(&[&all[..10], &all[20..21], &all[20..]]).1, 1);
}

#[test]
fn a_server_is_asked_for_no_more_than_it_has() {
    let mut recorder = Recorder::new(Limits::default());
    let input = recorder.begin_input("goldmane://here");
    let mut stream = GoldmaneStream::default();
    let mut asks = |stream: &mut GoldmaneStream, secs: i64| {
        let request = stream.connect(Timestamp::from_secs(secs, 0), &mut recorder, input);
        let request = StreamRequest::decode(request.as_slice()).unwrap();
        assert_eq!(request.aggregation_interval, BUCKET);
        request.start_time_gte
    };
    assert_eq!(asks(&mut stream, START), -HISTORY);
    let octets = message(&published("FlowResult"), &plain(0, 8000));
    let mut other = Recorder::new(Limits::default());
    let of_other = other.begin_input("goldmane://here");
    stream.take(&octets, &mut other, of_other);
    assert_eq!(asks(&mut stream, START + 60), START - OVERLAP);
    assert_eq!(asks(&mut stream, START + 2 * HISTORY), -HISTORY);
    // A clock that is behind.
    assert_eq!(asks(&mut stream, START - 1000), START - 1000 - OVERLAP);
}

#[test]
fn what_cannot_be_read_costs_itself() {
    let good = message(&published("FlowResult"), &plain(0, 8000));
    let mut recorder = Recorder::new(Limits::default());
    let input = recorder.begin_input("goldmane://here");
    let mut stream = GoldmaneStream::default();
    for cut in 0..good.len() {
        assert_eq!(stream.take(&good[..cut], &mut recorder, input), Heard::Damaged, "cut after {cut}");
    }
    assert_eq!(stream.take(&good, &mut recorder, input), Heard::News);
    let timeless = flow(0, 8001, &json!({"start_time": "0"}), &json!({}));
    stream.take(&message(&published("FlowResult"), &timeless), &mut recorder, input);
    let recording = recorder.finish();
    assert_eq!(recording.files[0].damaged_records, good.len() as u64);
    assert_eq!(recording.files[0].problems.len(), MAX_PROBLEMS);
    assert_eq!((recording.logged.lines, recording.counts.get("log-lines-incomplete")), (1, 1));
}

#[test]
fn more_flows_than_are_remembered_are_not_counted_twice() {
    let mut recent = Recent::default();
    let counted = Counted::default();
    let key = |i: usize| i.to_le_bytes();
    for i in 0..REMEMBERED {
        assert!(matches!(recent.known(START, &key(i), &counted), Known::New));
    }
    assert!(matches!(recent.known(START, &key(REMEMBERED), &counted), Known::Forgotten));
    assert!(matches!(recent.known(START, &key(7), &counted), Known::Before(_)));
    assert_eq!(recent.flows, REMEMBERED);
    for bucket in 1..=i64::try_from(BUCKETS).unwrap() {
        recent.known(START + bucket * BUCKET, &key(1), &counted);
    }
    // The first bucket made room, and what it had may have come.
    assert!(recent.flows < 2 * BUCKETS);
    assert!(matches!(recent.known(START, &key(7), &counted), Known::Forgotten));
}

/// Octets that may be anything, or a message with one of them changed.
fn any_messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let result = published("FlowResult");
    let good: Vec<Vec<u8>> = all_kinds().iter().map(|line| message(&result, line)).collect();
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
        let input = recorder.begin_input("goldmane://here");
        let mut stream = GoldmaneStream::default();
        let mut once = 0;
        for round in 0..2 {
            stream.connect(Timestamp::MAX, &mut recorder, input);
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
fn a_server_says_how_much_there_is() {
    let request = DynamicMessage::decode(published("FlowListRequest"), GoldmaneStream::glance().as_slice());
    let request = serde_json::to_value(request.unwrap()).unwrap();
    assert_eq!(request, json!({"startTimeGte": "-60", "pageSize": "1", "aggregationInterval": "15"}));
    let list = message(&published("FlowListResult"), &json!({"meta": {"totalResults": "1234"}}));
    assert_eq!((GoldmaneStream::glanced(&list), GoldmaneStream::glanced(b"\xff")), (Some(1234), None));
}
