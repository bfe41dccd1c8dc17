//! Formats told by a mapping: what rows say that became of them, and who opened where it is doubtful.

mod logs;

use flowfence_model::{Recording, Signs};
use logs::rows::{calico, gke, mapped, netobserv, only, suricata};
use logs::{read, told};

#[test]
fn a_value_that_is_not_known_leaves_the_row_out() {
    let none = |recording: Recording, cause: &str| {
        assert_eq!((recording.logged.lines, recording.counts.get(cause)), (0, 1), "{}", told(&recording));
    };
    none(read(calico("pass", "").as_bytes()), "log-lines-other");
    none(read(calico("-", "").as_bytes()), "log-lines-incomplete");
    none(read(gke(r#""disposition":"audit""#).as_bytes()), "log-lines-other");
    none(read(gke(r#""disposition":null"#).as_bytes()), "log-lines-incomplete");
    let sampled =
        netobserv(r#""NetworkEvents":[{"Feature":"acl","Action":"sample"}],"TimeReceived":1795514409"#);
    none(read(sampled.as_bytes()), "log-lines-other");
}

#[test]
fn a_firewall_rule_of_the_network_denies_in_other_words() {
    let line = "10.42.1.10 -> 10.42.2.20 TCP/8080 seen";
    assert_eq!(only(&read(gke(r#""disposition":"ALLOWED""#).as_bytes())), line);
    assert_eq!(only(&read(gke(r#""disposition":"DENIED""#).as_bytes())), format!("{line} dropped"));
    assert_eq!(only(&read(gke(r#""disposition":"DENY""#).as_bytes())), format!("{line} denied"));
}

#[test]
fn netobserv_what_one_policy_let_through_another_may_have_stopped() {
    let event = |action: &str, name: &str| {
        format!(
            r#"{{"Feature":"acl","Type":"NetworkPolicy","Action":"{action}","Namespace":"shop","Name":"{name}"}}"#
        )
    };
    let verdict = |events: &[String]| {
        let events = events.join(",");
        let line = netobserv(&format!(r#""Flags":2,"NetworkEvents":[{events}],"TimeReceived":1795514409"#));
        only(&read(line.as_bytes())).split(" seen").nth(1).unwrap().trim().to_owned()
    };
    let (out, fence) = (event("allow-related", "out"), event("drop", "fence"));
    assert_eq!(verdict(&[]), "");
    assert_eq!(verdict(std::slice::from_ref(&out)), "by shop/out");
    assert_eq!(verdict(&[out.clone(), fence.clone()]), "denied by shop/fence");
    assert_eq!(verdict(&[fence, out]), "denied by shop/fence");
}

#[test]
fn netobserv_what_the_kernel_dropped_wholly_is_no_connection() {
    let dropped = |packets: u64| {
        let line = netobserv(&format!(r#""Flags":2,"PktDropPackets":{packets},"TimeReceived":1795514409"#));
        only(&read(line.as_bytes()))
    };
    assert_eq!(dropped(3), "10.42.1.10 -> 10.42.2.20 TCP/8080 seen");
    assert_eq!(dropped(4), "10.42.1.10 -> 10.42.2.20 TCP/8080 seen dropped");
}

#[test]
fn suricata_what_was_dropped_is_no_connection() {
    let recording = read(suricata(["1b", "1b"], r#","action":"drop""#).as_bytes());
    assert_eq!(only(&recording), "10.42.1.10 -> 10.42.2.20 TCP/8080 seen dropped");
    assert!(recording.records.is_empty() && !recording.logged.conversations[0].counts.answered);
    assert_eq!(read(suricata(["1b", "1b"], r#","action":"pass""#).as_bytes()).records.len(), 1);
}

#[test]
fn suricata_without_an_answer_to_the_opening_who_opened_is_not_known() {
    let opened = |there, back| {
        let recording = read(suricata([there, back], "").as_bytes());
        recording.records[0].forward.signs.has(Signs::OPEN)
    };
    assert!(opened("1b", "1b") && opened("02", "00") && opened("02", "14"));
    assert!(!opened("12", "10") && !opened("18", "18") && !opened("18", "04"));
}

#[test]
fn a_row_of_a_whole_connection_may_say_that_it_was_stopped() {
    let mapping = "layout = \"csv\"\nrow = \"connection\"\nopener = \"source\"\n[time]\nfirst = \"t\"\n[source]\naddress = \"a\"\nport = \"s\"\n[destination]\naddress = \"b\"\nport = \"p\"\n[verdict]\nfield = [\"v\", \"w\"]\ndenied = [\"no*\"]\n";
    let recording = mapped(
        mapping,
        &[
            "t,a,s,b,p,v,w",
            "1795514400,10.42.1.10,40000,10.42.2.20,8080,,",
            "1795514400,10.42.1.10,40001,10.42.2.20,8081,yes,No: fence",
        ],
    );
    assert_eq!(only(&recording), "10.42.1.10 -> 10.42.2.20 TCP/8081 seen denied");
    assert_eq!(recording.records.len(), 1);
}

#[test]
fn envoy_a_request_that_a_policy_of_the_mesh_refused_is_no_connection() {
    let line = |details: &str| {
        format!(
            r#"{{"start_time":"2026-11-24T10:00:00.000Z","downstream_remote_address":"10.42.1.10:40000","downstream_local_address":"10.42.2.20:8080","upstream_host":null,"upstream_cluster":"inbound|8080||","response_flags":"-","bytes_received":0,"bytes_sent":19,{details}}}"#
        )
    };
    for details in [
        r#""response_code_details":"rbac_access_denied_matched_policy[none]","connection_termination_details":null"#,
        r#""response_code_details":null,"connection_termination_details":"rbac_access_denied_matched_policy[ns[shop]-policy[fence]-rule[0]]""#,
    ] {
        let recording = read(line(details).as_bytes());
        assert_eq!(only(&recording), "10.42.1.10 -> 10.42.2.20 TCP/8080 seen denied");
    }
    let passed = read(line(r#""response_code_details":"via_upstream""#).as_bytes());
    assert_eq!(only(&passed), "10.42.1.10 -> 10.42.2.20 TCP/8080 seen");
}

#[test]
fn times_of_a_finer_unit_than_seconds_are_told_by_their_length() {
    for time in
        ["1795514400.5", "1795514400500", "1795514400500.0", "1795514400500000", "1795514400500000000"]
    {
        let line = calico("allow", "").replace("1795514400,", &format!("{time},"));
        let recording = read(line.as_bytes());
        let first = recording.logged.conversations[0].counts.first.to_string();
        assert_eq!(first, "2026-11-24T10:00:00.500000Z", "{time}");
    }
}

#[test]
fn netobserv_flags_of_other_exporters_tell_less_and_a_biflow_tells_who_opened() {
    let told =
        |members: &str| only(&read(netobserv(&format!(r#"{members},"TimeReceived":1795514409"#)).as_bytes()));
    let (there, back) = ("10.42.1.10 -> 10.42.2.20 TCP/8080", "10.42.2.20 -> 10.42.1.10 TCP/40000");
    assert_eq!(told(r#""TCPFlags":2"#), format!("{there} seen"));
    // The bits of all packets of either direction.
    assert_eq!(told(r#""TCPFlags":27"#), format!("{there} unknown"));
    assert_eq!(told(r#""TCPFlags":0,"BiFlowDirection":1"#), format!("{there} seen"));
    assert_eq!(told(r#""TCPFlags":27,"BiFlowDirection":2"#), format!("{back} seen"));
    let sampled = |members: &str| {
        read(netobserv(&format!(r#"{members},"TimeReceived":1795514409"#)).as_bytes())
            .counts
            .get("flows-sampled")
    };
    assert_eq!((sampled(r#""SamplingRate":400"#), sampled(r#""Sampling":0,"SamplingRate":1"#)), (1, 0));
}

#[test]
fn otel_a_service_is_asked_and_a_node_is_named() {
    let line = |members: &str| {
        format!(
            r#"{{"timestamp":"2026-11-24T10:00:00Z","transport":"TCP","src.address":"10.42.1.10","src.port":40000,"dst.address":"10.96.0.20","dst.port":80,{members}}}"#
        )
    };
    let service = line(
        r#""k8s.dst.type":"Service","k8s.dst.namespace":"shop","k8s.dst.name":"api","k8s.src.type":"Node","k8s.src.name":"node-1""#,
    );
    assert_eq!(
        only(&read(service.as_bytes())),
        "10.42.1.10 node(node-1) -> 10.96.0.20 TCP/80 seen through shop/api"
    );
}
