//! Formats told by a mapping: the traps of the clouds' and the clusters' logs.

mod logs;

use flowfence_capture::Form;
use flowfence_model::logged::LoggedCounts;
use logs::rows::{calico, mapped, netobserv, only};
use logs::{read, read_lines, sample, told, who};

#[test]
fn gke_both_sides_of_a_connection_are_two_observers() {
    let recording = sample("gke-policy/node.jsonl");
    let observers: Vec<&str> = recording.logged.observers.iter().map(|o| o.name.as_str()).collect();
    assert_eq!(observers, ["egress", "ingress"]);
}

#[test]
fn gke_denied_lines_count_what_they_add_up() {
    let recording = sample("gke-policy/node.jsonl");
    let denied = recording.logged.conversations.iter().find(|c| c.verdict.is_attempt()).expect("one");
    assert_eq!((denied.counts.opened, denied.policy), (5, None));
}

#[test]
fn gcp_numbers_may_be_texts_or_have_a_fraction() {
    let line = |port: &str, packets: &str| {
        format!(
            r#"{{"jsonPayload":{{"connection":{{"src_ip":"10.42.1.10","dest_ip":"10.42.2.20","src_port":40000.0,"dest_port":{port},"protocol":6.0}},"reporter":"SRC","packets_sent":{packets},"start_time":"2026-11-24T10:00:00Z"}}}}"#
        )
    };
    for (port, packets) in [("8080", "7"), ("8080.0", "\"7\""), ("\"8080\"", "7.0")] {
        let recording = read_lines(&[&line(port, packets)]);
        assert_eq!(only(&recording), "10.42.1.10 -> 10.42.2.20 TCP/8080 unknown");
        assert_eq!(recording.logged.conversations[0].counts.packets, [7, 0]);
    }
}

#[test]
fn gcp_the_four_records_of_a_talk_are_one_conversation() {
    let recording = sample("gcp-vpc/cloud-logging.jsonl");
    let talk: Vec<[u64; 2]> = recording
        .logged
        .conversations
        .iter()
        .filter(|c| c.port == Some(8080) && c.counts.packets[1] > 0)
        .map(|c| c.counts.packets)
        .collect();
    assert_eq!(talk, [[20, 8], [10, 8]]);
}

#[test]
fn netobserv_a_time_of_receipt_is_in_seconds() {
    for members in
        [r#""TimeReceived":1795514409"#, r#""TimeFlowStartMs":0,"TimeFlowEndMs":0,"TimeReceived":1795514409"#]
    {
        let recording = read_lines(&[&netobserv(members)]);
        let counts = recording.logged.conversations[0].counts;
        assert_eq!(counts.first.to_string(), "2026-11-24T10:00:09.000000Z", "{members}");
        assert_eq!(counts.last, counts.first);
    }
}

#[test]
fn netobserv_flags_tell_the_opener_of_long_flows_too() {
    let oriented = |flags: &str| {
        only(&read_lines(&[&netobserv(&format!(r#""Flags":{flags},"TimeReceived":1795514409"#))]))
    };
    let (there, back) = ("10.42.1.10 -> 10.42.2.20 TCP/8080 seen", "10.42.2.20 -> 10.42.1.10 TCP/40000 seen");
    for flags in ["2", "18", "530", r#"["SYN","ACK","FIN_ACK"]"#] {
        assert_eq!(oriented(flags), there, "{flags}");
    }
    for flags in ["256", "784", r#"["ACK","SYN_ACK"]"#] {
        assert_eq!(oriented(flags), back, "{flags}");
    }
    assert_eq!(oriented("16"), there.replace("seen", "unknown"));
}

#[test]
fn netobserv_a_service_is_asked_and_its_pod_answers() {
    let service =
        r#""DstK8S_Type":"Service","DstK8S_Name":"api","DstK8S_Namespace":"shop","TimeReceived":1795514409"#;
    let translated = format!(r#"{service},"XlatDstAddr":"10.42.2.99","XlatDstPort":9090"#);
    assert_eq!(
        only(&read_lines(&[&netobserv(service)])),
        "10.42.1.10 -> 10.42.2.20 TCP/8080 seen through shop/api"
    );
    assert_eq!(
        only(&read_lines(&[&netobserv(&translated)])),
        "10.42.1.10 -> 10.42.2.99 TCP/9090 seen through shop/api behind 10.42.2.20"
    );
}

#[test]
fn netobserv_conversations_repeat_flows_and_kernel_drops_are_no_policys() {
    for kind in ["newConnection", "heartbeat", "endConnection"] {
        let recording =
            read_lines(&[&netobserv(&format!(r#""_RecordType":"{kind}","TimeReceived":1795514409"#))]);
        assert_eq!((recording.logged.lines, recording.counts.get("log-lines-other")), (0, 1), "{kind}");
    }
    let dropped = netobserv(
        r#""PktDropPackets":2,"PktDropLatestDropCause":"SKB_DROP_REASON_NO_SOCKET","TimeReceived":1795514409"#,
    );
    assert_eq!(only(&read_lines(&[&dropped])), "10.42.1.10 -> 10.42.2.20 TCP/8080 unknown");
}

#[test]
fn calico_in_and_out_are_those_of_the_reporter() {
    let recording = sample("calico/flows.jsonl");
    assert!(
        recording.logged.conversations.iter().all(|c| c.counts.packets == [30, 24]),
        "{}",
        told(&recording)
    );
}

#[test]
fn calico_a_prefix_of_names_is_a_controllers_and_a_missing_address_no_zero() {
    let lines = who(&sample("calico/flows.jsonl"));
    assert!(lines.iter().any(|line| line.contains("? shop/*(Deployment api)")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("? outside(pub) TCP/443")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("node(node-2)")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("10.42.1.10 shop/web-6d5f7c9b8d-x2x4z")), "{lines:#?}");
}

#[test]
fn envoy_a_refused_upstream_was_not_answered() {
    let recording = sample("envoy-access/access.jsonl");
    let failed = recording.logged.conversations.iter().find(|c| c.port == Some(5432)).expect("one");
    assert_eq!((failed.counts.unanswered, failed.counts.octets, failed.counts.answered), (1, [0, 0], false));
}

#[test]
fn envoy_redirects_and_loopback_are_not_who_was_asked() {
    let lines = who(&sample("envoy-access/access.jsonl"));
    assert!(lines.iter().all(|line| !line.contains("127.0.0") && !line.contains("/15001")), "{lines:#?}");
    assert!(lines.iter().any(|line| line == "10.42.1.11 -> 10.42.2.20 TCP/8080 seen"), "{lines:#?}");
}

#[test]
fn otel_without_ports_there_is_nothing_to_tell() {
    let recording = sample("otel-network/flows.jsonl");
    assert_eq!(recording.counts.get("log-lines-incomplete"), 1);
}

#[test]
fn an_empty_last_column_is_a_column() {
    let mapping = "layout = \"tsv\"\n[time]\nfirst = \"t\"\n[source]\naddress = \"a\"\n[destination]\naddress = \"b\"\nport = [\"p\", \"q\"]\n";
    let recording = mapped(
        mapping,
        &["a\tb\tp\tq\tt", "10.42.1.10\t10.42.2.20\t8080\t\t", "10.42.1.10\t10.42.2.20\t\t8080\t\r"],
    );
    assert_eq!(only(&recording), "10.42.1.10 -> 10.42.2.20 TCP/8080 unknown");
    assert_eq!((recording.logged.lines, recording.files[0].damaged_records), (2, 0));
}

/// A door that is closed answers with a reset, which is a row of its own where rows have one direction.
#[test]
fn netobserv_a_row_of_resets_is_a_refusal() {
    let told = |flags: u64, packets: u64| {
        let asking = netobserv(r#""Flags":2"#);
        let ends = r#""SrcAddr":"10.42.2.20","DstAddr":"10.42.1.10","SrcPort":8080,"DstPort":40000"#;
        let back = format!(
            r#"{{{ends},"Proto":6,"Flags":{flags},"Packets":{packets},"Bytes":{},"TimeFlowStartMs":1795514400000,"TimeFlowEndMs":1795514400001}}"#,
            60 * packets
        );
        let conversations = read_lines(&[&asking, &back]).logged.conversations;
        let sum = |of: fn(&LoggedCounts) -> u64| conversations.iter().map(|c| of(&c.counts)).sum::<u64>();
        (sum(|c| c.refused), sum(|c| c.packets[1]))
    };
    // RST with ACK has a bit of its own there, and so have SYN and FIN with one.
    assert_eq!([told(0x400, 1), told(0x4, 1), told(0x400, 3)], [(1, 1), (1, 1), (1, 1)]);
    assert_eq!([told(0x410, 3), told(0x100, 1), told(0x110, 3)], [(0, 3), (0, 1), (0, 3)]);
}

/// The mapping that the documentation gives.
#[test]
fn nfdump_is_read_by_the_mapping_of_the_documentation() {
    let page = include_str!("../../docs/flow-logs.md");
    let mapping = page.rsplit("```toml\n").next().and_then(|rest| rest.split("```").next()).unwrap();
    let row = |from: &str, to: &str, [sent, asked]: [u16; 2], flags: &str| {
        format!(
            r#"{{"type":"FLOW","first":"2026-11-24T10:00:00.369","last":"2026-11-24T10:00:01.000","in_packets":2,"in_bytes":120,"proto":6,"tcp_flags":"{flags}","src_port":{sent},"dst_port":{asked},"src4_addr":"{from}","dst4_addr":"{to}"}}"#
        )
    };
    let lines = [
        row("10.42.1.10", "10.42.2.20", [40_000, 9999], "......S."),
        row("10.42.2.20", "10.42.1.10", [9999, 40_000], "...A.R.."),
        r#"{"type":"EVENT","first":"2026-11-24T10:00:00.369"}"#.to_owned(),
    ];
    let recording = mapped(mapping, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(
        who(&recording).contains(&"10.42.1.10 -> 10.42.2.20 TCP/9999 seen".to_owned()),
        "{}",
        told(&recording)
    );
    assert_eq!((recording.counts.get("log-lines-other"), recording.files[0].damaged_records), (1, 0));
    let refused: u64 = recording.logged.conversations.iter().map(|c| c.counts.refused).sum();
    assert_eq!(refused, 1);
}

#[test]
fn a_mapping_with_an_unknown_key_names_it() {
    let error = Form::mapping("colour = \"red\"\n[time]\nfirst = \"t\"\n[source]\n[destination]\n")
        .expect_err("unknown");
    assert!(error.contains("colour") && error.contains("line 1"), "{error}");
}

/// Lines of OpenTelemetry network flows about TCP from web to api, with members of one's own.
fn otel(members: &str) -> String {
    format!(
        r#"{{"timestamp":"2026-11-24T10:00:00Z","obi.ip":"192.0.2.11","transport":"TCP","src.address":"10.42.1.10","dst.address":"203.0.113.9",{members}}}"#
    )
}

#[test]
fn the_servers_port_stands_in_where_the_ends_have_none() {
    let request = otel(r#""direction":"request","server.port":443,"server.address":"pay.example.org""#);
    let recording = read(request.as_bytes());
    assert_eq!(who(&recording), ["10.42.1.10 -> 203.0.113.9 TCP/443 seen"]);
    let names: Vec<_> = recording.names.of("203.0.113.9".parse().unwrap()).collect();
    assert_eq!(names, ["pay.example.org"]);
    // A response comes from the server.
    let response = otel(r#""direction":"response","server.port":8080"#);
    assert_eq!(who(&read(response.as_bytes())), ["203.0.113.9 -> 10.42.1.10 TCP/8080 seen"]);
    // Which end it is, where no direction is told, says the end that has its port.
    let untold = otel(r#""src.port":40001,"dst.port":443,"server.port":443"#);
    assert_eq!(who(&read(untold.as_bytes())), ["10.42.1.10 -> 203.0.113.9 TCP/443 seen"]);
    // And otherwise nobody knows.
    let recording = read(otel(r#""server.port":443"#).as_bytes());
    assert_eq!(recording.counts.get("log-lines-incomplete"), 1);
}

#[test]
fn calicos_lists_of_policies_name_the_one_that_decided() {
    let pass = "0|security|security.everybody|pass|0";
    let deny = "1|default|shop/default.fence|deny|0";
    let trial = "2|default|shop/staged:default.trial|deny|0";
    let profile = "3|__PROFILE__|__PROFILE__.kns.shop|allow|0";
    let list = |name: &str, hits: &[&str]| {
        let hits: Vec<String> = hits.iter().map(|hit| format!("\"{hit}\"")).collect();
        format!("\"{name}\":[{}]", hits.join(","))
    };
    let verdict = |action: &str, policies: &str| {
        let line = who(&read(calico(action, policies).as_bytes())).remove(0);
        line.split(" seen").nth(1).unwrap().trim().to_owned()
    };
    assert_eq!(verdict("deny", &list("all_policies", &[deny, trial, pass])), "denied by shop/fence");
    assert_eq!(verdict("deny", &list("enforced_policies", &[pass, deny])), "denied by shop/fence");
    assert_eq!(verdict("deny", &list("all_policies", &["x", ""])), "denied");
    assert_eq!(verdict("allow", &list("all_policies", &[pass, profile])), "");
    assert_eq!(verdict("allow", &list("all_policies", &[pass, trial, profile])), "would-deny by shop/trial");
    let newer = [list("enforced_policies", &[profile]), list("pending_policies", &[pass, deny])].join(",");
    assert_eq!(verdict("allow", &newer), "would-deny by shop/fence");
    let passes =
        [list("enforced_policies", &[profile]), list("pending_policies", &[pass, profile])].join(",");
    assert_eq!(verdict("allow", &passes), "");
}

const TABLE: &str = "layout = \"csv\"\nopener = \"source\"\n[time]\nfirst = \"t\"\n[source]\naddress = \"a\"\nport = \"s\"\n[destination]\naddress = \"b\"\nport = \"p\"\n";

#[test]
fn a_table_of_other_names_says_so_and_spaces_about_values_are_nothing() {
    let recording = mapped(TABLE, &["x,y", "1,2"]);
    assert_eq!(recording.files[0].damaged_records, 2);
    assert!(recording.files[0].problems[0].contains("no header"), "{}", told(&recording));
    let recording = mapped(TABLE, &["t, a, s, b, p", "1795514400, 10.42.1.10, 40000, 10.42.2.20, 8080"]);
    assert_eq!(only(&recording), "10.42.1.10 -> 10.42.2.20 TCP/8080 seen");
}

#[test]
fn a_time_that_cannot_be_read_is_damage_and_one_without_an_offset_is_in_utc() {
    let row = |time: &str| mapped(TABLE, &["t,a,s,b,p", &format!("{time},10.42.1.10,40000,10.42.2.20,8080")]);
    let first = |time: &str| row(time).logged.conversations[0].counts.first.to_string();
    for time in
        ["2026-11-24T10:00:00", "2026-11-24 10:00:00", "2026-11-24 10:00:00 UTC", "2026-11-24T11:00:00+0100"]
    {
        assert_eq!(first(time), "2026-11-24T10:00:00.000000Z", "{time}");
    }
    let recording = row("yesterday");
    assert_eq!((recording.logged.lines, recording.files[0].damaged_records), (0, 1));
    assert_eq!(row("").logged.lines, 1);
}

#[test]
fn nothing_listens_on_port_0() {
    for kind in ["flow", "connection"] {
        let mapping = format!("row = \"{kind}\"\n{TABLE}");
        let recording = mapped(&mapping, &["t,a,s,b,p", "1795514400,10.42.1.10,0,10.42.2.20,0"]);
        assert!(
            recording.logged.conversations.is_empty() && recording.records.is_empty(),
            "{}",
            told(&recording)
        );
        assert_eq!(recording.counts.get("log-lines-incomplete"), 1);
    }
}
