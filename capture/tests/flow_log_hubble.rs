//! Hubble flows: every spelling that Hubble has had, and the traps of each.

mod logs;

use flowfence_model::Recording;
use logs::{read_lines, sample, told, who};

/// A flow of TCP from web to api, with these members beside.
fn flow(members: &str) -> String {
    flow_of(r#""l4":{"TCP":{"source_port":40000,"destination_port":8080,"flags":{"SYN":true}}}"#, members)
}

fn flow_of(l4: &str, members: &str) -> String {
    format!(
        r#"{{"flow":{{"time":"2026-11-24T10:00:00Z",{l4},"IP":{{"source":"10.42.1.10","destination":"10.42.2.20"}},"source":{{"identity":20001,"namespace":"shop","pod_name":"web-1"}},"destination":{{"identity":20002,"namespace":"shop","pod_name":"api-1"}},"Type":"L3_L4","node_name":"node-1",{members}}},"node_name":"node-1"}}"#
    )
}

fn read(line: &str) -> Recording {
    read_lines(&[line])
}

fn only(recording: &Recording) -> String {
    let lines = who(recording);
    assert_eq!(lines.len(), 1, "{lines:#?} {}", told(recording));
    lines[0].clone()
}

const FORWARDED: &str = r#""verdict":"FORWARDED","is_reply":false"#;
const WEB_TO_API: &str = "10.42.1.10 shop/web-1 -> 10.42.2.20 shop/api-1 TCP/8080 seen";

#[test]
fn the_exporters_file() {
    insta::assert_snapshot!(told(&sample("hubble/exporter.jsonl")));
}

#[test]
fn bare_flows_of_old_versions() {
    insta::assert_snapshot!(told(&sample("hubble/observe-bare.jsonl")));
}

#[test]
fn enumerations_as_numbers_and_camel_case_mean_the_same() {
    let numbers = who(&sample("hubble/jsonpb-numbers.jsonl"));
    let names = who(&sample("hubble/exporter.jsonl"));
    // The sample ends before the flows over IPv6.
    let names: Vec<String> = names.into_iter().filter(|line| !line.contains("SCTP")).collect();
    assert_eq!(names, numbers);
}

#[test]
fn is_reply_is_three_valued() {
    let reply = flow_of(
        r#""l4":{"TCP":{"source_port":8080,"destination_port":40000,"flags":{"ACK":true}}}"#,
        r#""verdict":"FORWARDED","is_reply":true"#,
    );
    assert_eq!(only(&read(&reply)), "10.42.2.20 shop/api-1 -> 10.42.1.10 shop/web-1 TCP/8080 seen");
    let untold = flow_of(
        r#""l4":{"TCP":{"source_port":40000,"destination_port":8080,"flags":{"ACK":true}}}"#,
        r#""verdict":"FORWARDED","is_reply":null"#,
    );
    assert_eq!(only(&read(&untold)), WEB_TO_API.replace("seen", "unknown"));
}

#[test]
fn reply_of_old_versions_is_a_reply() {
    let reply = flow_of(
        r#""l4":{"TCP":{"source_port":8080,"destination_port":40000,"flags":{"ACK":true}}}"#,
        r#""verdict":"FORWARDED","reply":true"#,
    );
    assert_eq!(only(&read(&reply)), "10.42.2.20 shop/api-1 -> 10.42.1.10 shop/web-1 TCP/8080 seen");
}

#[test]
fn the_direction_of_traffic_says_nothing_of_who_opened() {
    for direction in ["EGRESS", "INGRESS", "TRAFFIC_DIRECTION_UNKNOWN"] {
        let line = flow(&format!(r#"{FORWARDED},"traffic_direction":"{direction}""#));
        assert_eq!(only(&read(&line)), WEB_TO_API);
    }
}

#[test]
fn one_connection_at_several_points_is_one() {
    let line = |point: &str, kind: u8| {
        flow(&format!(r#"{FORWARDED},"event_type":{{"type":{kind}}},"trace_observation_point":"{point}""#))
    };
    let lines =
        [line("UNKNOWN_POINT", 5), line("TO_STACK", 4), line("TO_NETWORK", 4), line("TO_ENDPOINT", 4)];
    let recording = read_lines(&lines.each_ref().map(String::as_str));
    assert_eq!(only(&recording), WEB_TO_API);
    assert_eq!(recording.logged.conversations[0].counts.opened_or_estimate(), 1);
}

#[test]
fn socket_events_and_layer_7_are_no_traffic_of_their_own() {
    for members in [
        r#""verdict":"TRANSLATED","Type":"SOCK""#,
        r#""verdict":"TRACED","Type":"SOCK""#,
        r#""verdict":"FORWARDED","Type":"L7""#,
        r#""verdict":"TRANSLATED""#,
    ] {
        let line = flow(members).replacen(r#""Type":"L3_L4","#, "", 1);
        let recording = read(&line);
        assert_eq!((who(&recording).len(), recording.counts.get("log-lines-other")), (0, 1), "{members}");
    }
}

#[test]
fn a_redirect_to_a_proxy_passed() {
    assert_eq!(only(&read(&flow(r#""verdict":"REDIRECTED","is_reply":false"#))), WEB_TO_API);
}

#[test]
fn audit_is_what_would_be_denied() {
    let line = flow(r#""verdict":"AUDIT","event_type":{"type":5}"#);
    assert_eq!(only(&read(&line)), format!("{WEB_TO_API} would-deny"));
}

#[test]
fn only_two_drop_reasons_are_a_policys() {
    for (reason, verdict) in [
        (r#""drop_reason_desc":"POLICY_DENIED""#, "denied"),
        (r#""drop_reason_desc":"POLICY_DENY""#, "denied"),
        (r#""drop_reason":133"#, "denied"),
        (r#""drop_reason_desc":181"#, "denied"),
        (r#""drop_reason_desc":"CT_MAP_INSERTION_FAILED""#, "dropped"),
        (r#""drop_reason_desc":"A_REASON_OF_THE_FUTURE""#, "dropped"),
        (r#""drop_reason":134"#, "dropped"),
    ] {
        let line = flow(&format!(r#""verdict":"DROPPED",{reason}"#));
        assert_eq!(only(&read(&line)), format!("{WEB_TO_API} {verdict}"), "{reason}");
    }
    assert_eq!(only(&read(&flow(r#""verdict":"ERROR""#))), format!("{WEB_TO_API} dropped"));
}

#[test]
fn the_policy_that_denied_is_named() {
    let line = flow(
        r#""verdict":"DROPPED","drop_reason_desc":"POLICY_DENY","ingress_denied_by":[{"name":"no-web","namespace":"shop"}]"#,
    );
    assert_eq!(only(&read(&line)), format!("{WEB_TO_API} denied by shop/no-web"));
}

#[test]
fn a_late_reply_that_was_dropped_opens_nothing() {
    let segment = r#""l4":{"TCP":{"source_port":8080,"destination_port":40000,"flags":{"ACK":true}}}"#;
    let datagram = r#""l4":{"UDP":{"source_port":53,"destination_port":40000}}"#;
    let drop = r#""verdict":"DROPPED","drop_reason_desc":"POLICY_DENIED","event_type":{"type":1}"#;
    for (l4, service) in [(segment, "TCP/8080"), (datagram, "UDP/53")] {
        let expected = format!("10.42.2.20 shop/api-1 -> 10.42.1.10 shop/web-1 {service} unknown denied");
        assert_eq!(only(&read(&flow_of(l4, drop))), expected);
    }
}

#[test]
fn without_addresses_names_tell_who() {
    let line = flow(FORWARDED).replace(r#""IP":{"source":"10.42.1.10","destination":"10.42.2.20"},"#, "");
    assert_eq!(only(&read(&line)), "? shop/web-1 -> ? shop/api-1 TCP/8080 seen");
}

#[test]
fn an_added_up_line_has_no_client_port() {
    let l4 = r#""l4":{"TCP":{"destination_port":8080}}"#;
    let members = format!(r#"{FORWARDED},"aggregate":{{"egress_flow_count":"12"}}"#);
    assert_eq!(only(&read(&flow_of(l4, &members))), WEB_TO_API);
    let untold = read(&flow_of(l4, r#""verdict":"FORWARDED""#));
    assert_eq!((who(&untold).len(), untold.counts.get("log-lines-incomplete")), (0, 1));
}

#[test]
fn the_time_of_the_event_stands_in_for_that_of_the_flow() {
    let line = flow(FORWARDED)
        .replace(r#""time":"2026-11-24T10:00:00Z","#, "")
        .replace(r#""node_name":"node-1"}"#, r#""node_name":"node-1","time":"2026-11-24T11:00:00Z"}"#);
    let recording = read(&line);
    assert_eq!(recording.logged.conversations[0].counts.first.to_string(), "2026-11-24T11:00:00.000000Z");
}

#[test]
fn what_was_lost_and_who_was_not_heard_is_counted() {
    let recording = sample("hubble/exporter.jsonl");
    assert_eq!(recording.counts.get("log-events-lost"), 18);
    assert_eq!(recording.counts.get("log-nodes-missing"), 2);
}

#[test]
fn unknown_values_and_members_are_skipped_and_counted() {
    let recording = read_lines(&[
        &flow(r#""verdict":"SOMETHING_NEW","is_reply":false"#),
        &flow(r#""verdict":77,"is_reply":false"#),
        &flow(&format!(r#"{FORWARDED},"a_new_member":[{{"x":1}}],"trace_reason":"NEWER""#)),
        r#"{"a_new_event":{},"node_name":"node-1","time":"2026-11-24T10:00:00Z"}"#,
    ]);
    assert_eq!(only(&recording), WEB_TO_API);
    assert_eq!(recording.counts.get("log-lines-other"), 2);
    assert_eq!(recording.counts.get("log-lines-incomplete"), 1);
    assert_eq!(recording.files[0].damaged_records, 0);
}

#[test]
fn a_flow_without_a_time_is_of_the_time_of_the_input() {
    let line = flow(FORWARDED).replace(r#""time":"2026-11-24T10:00:00Z","#, "");
    let recording = read(&line);
    assert_eq!(recording.logged.conversations[0].counts.first.to_string(), "2026-11-24T10:30:00.000000Z");
    let unreadable = flow(FORWARDED).replace("2026-11-24T10:00:00Z", "this morning");
    assert_eq!(read(&unreadable).counts.get("log-lines-incomplete"), 1);
}

#[test]
fn the_trace_reason_tells_who_opened_where_is_reply_is_left_out() {
    let sctp = |reason: &str| {
        only(&read(&flow_of(
            r#""l4":{"SCTP":{"source_port":40000,"destination_port":3868}}"#,
            &format!(r#""verdict":"FORWARDED","trace_reason":{reason}"#),
        )))
    };
    let asked = "10.42.1.10 shop/web-1 -> 10.42.2.20 shop/api-1 SCTP/3868 seen";
    for reason in [r#""NEW""#, r#""ESTABLISHED""#, "1", "2"] {
        assert_eq!(sctp(reason), asked, "{reason}");
    }
    for reason in [r#""REPLY""#, "3"] {
        assert_eq!(
            sctp(reason),
            "10.42.2.20 shop/api-1 -> 10.42.1.10 shop/web-1 SCTP/40000 seen",
            "{reason}"
        );
    }
    for reason in [r#""RELATED""#, r#""TRACE_REASON_UNKNOWN""#, "0"] {
        assert_eq!(sctp(reason), asked.replace("seen", "unknown"), "{reason}");
    }
}

#[test]
fn a_node_without_labels_is_the_one_that_writes_the_line() {
    let of_node = |node: &str| {
        let web = r#"{"identity":20001,"namespace":"shop","pod_name":"web-1"}"#;
        flow(FORWARDED).replace(web, r#"{"identity":1}"#).replace("node-1", node)
    };
    let lines = who(&read_lines(&[&of_node("node-1"), &of_node("node-2")]));
    let named = |node: &str| format!("10.42.1.10 node({node}) -> 10.42.2.20 shop/api-1 TCP/8080 seen");
    assert_eq!(lines, [named("node-1"), named("node-2")]);
    let spaced = |node: &str| of_node(node).replace(r#""identity":1}"#, r#""identity": 1 }"#);
    assert_eq!(who(&read_lines(&[&spaced("node-1"), &spaced("node-2")])), lines);
}

/// Cluster Mesh gives the pods of all clusters to each of them, and names are the same in several.
#[test]
fn a_pod_of_another_cluster_is_an_address_outside() {
    let line = |node: &str, cluster: &str| {
        let line = flow(FORWARDED).replace("\"node-1\"", &format!("\"{node}\""));
        line.replace(r#""pod_name":"api-1""#, &format!(r#""pod_name":"api-1",{cluster}"#))
    };
    let by_label = r#""labels":["k8s:io.cilium.k8s.policy.cluster=west"]"#;
    for (node, cluster, is_other) in [
        ("east/node-1", r#""cluster_name":"west""#, true),
        ("east/node-1", r#""clusterName":"west""#, true),
        ("east/node-1", by_label, true),
        ("west/node-1", by_label, false),
        ("east/node-1", r#""cluster_name":"east""#, false),
        ("east/node-1", r#""cluster_name":"""#, false),
        ("node-1", r#""cluster_name":"west""#, false),
    ] {
        let line = line(node, cluster);
        let recording = read_lines(&[&line, &line]);
        let expected = if is_other {
            "10.42.1.10 shop/web-1 -> 10.42.2.20 outside(west) TCP/8080 seen"
        } else {
            WEB_TO_API
        };
        assert_eq!(only(&recording), expected, "{line}");
        assert_eq!(recording.counts.get("log-other-cluster"), u64::from(is_other), "{line}");
    }
}

/// The logs of two clusters of a mesh in one run: the pods of both are pods, in whatever order the logs come.
#[test]
fn a_cluster_whose_nodes_write_is_one_of_the_run() {
    let line = |node: &str| {
        let line = flow(FORWARDED).replace("\"node-1\"", &format!("\"{node}\""));
        line.replace(r#""pod_name":"api-1""#, r#""pod_name":"api-1","cluster_name":"west""#)
    };
    let (east, west) = (line("east/node-1"), line("west/node-1"));
    for lines in [[&east, &west], [&west, &east]] {
        let recording = read_lines(&lines.map(String::as_str));
        assert_eq!(only(&recording), WEB_TO_API);
        assert_eq!(recording.counts.get("log-other-cluster"), 0);
    }
}
