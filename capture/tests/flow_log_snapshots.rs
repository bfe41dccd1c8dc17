//! Every sample of every format but Hubble and VPC, whole.

mod logs;

use logs::{sample, told};

macro_rules! samples {
    ($($name:ident $file:literal)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(told(&sample($file)));
        })*
    };
}

samples! {
    gke_policy_of_a_node "gke-policy/node.jsonl"
    gcp_vpc "gcp-vpc/cloud-logging.jsonl"
    netobserv "netobserv/flows.jsonl"
    netobserv_of_2021 "netobserv/old.jsonl"
    calico "calico/flows.jsonl"
    envoy_access "envoy-access/access.jsonl"
    otel_network "otel-network/flows.jsonl"
    suricata_eve "suricata-eve/eve.json"
    zeek_conn "zeek/conn.log"
    zeek_in_another_order "zeek/another-order.log"
    conntrack_events "conntrack/events.txt"
    conntrack_list "conntrack/list.txt"
}

#[test]
fn what_a_collector_wraps_around_lines_changes_nothing() {
    let same = [
        ("gke-policy/node.jsonl", "gke-policy/cloud-logging.jsonl"),
        ("calico/flows.jsonl", "calico/elasticsearch.jsonl"),
    ];
    for (bare, wrapped) in same {
        assert_eq!(told(&sample(bare)), told(&sample(wrapped)));
    }
}

#[test]
fn no_sample_has_a_bad_line() {
    for (format, file) in [
        ("gke-policy", "node.jsonl"),
        ("gcp-vpc", "cloud-logging.jsonl"),
        ("netobserv", "flows.jsonl"),
        ("calico", "flows.jsonl"),
        ("envoy-access", "access.jsonl"),
        ("otel-network", "flows.jsonl"),
        ("suricata-eve", "eve.json"),
        ("zeek", "conn.log"),
        ("zeek", "conn.json"),
        ("conntrack", "events.txt"),
        ("conntrack", "list.txt"),
        ("hubble", "exporter.jsonl"),
        ("aws-vpc", "version11.log"),
    ] {
        let recording = sample(&format!("{format}/{file}"));
        assert_eq!(recording.files[0].problems, Vec::<String>::new(), "{format}/{file}");
    }
}
