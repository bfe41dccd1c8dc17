//! Azure's virtual network flow logs and those of network security groups.

mod logs;

use flowfence_model::Recording;
use flowfence_model::logged::LoggedVerdict;
use logs::{octets, read, sample, told, who};

/// A record of a virtual network with these tuples.
fn record(tuples: &[&str]) -> String {
    let tuples: Vec<String> = tuples.iter().map(|tuple| format!("\"{tuple}\"")).collect();
    format!(
        r#"{{"time":"2026-11-24T10:00:52Z","flowLogVersion":4,"macAddress":"AABBCCDDEE01","category":"FlowLogFlowEvent","flowRecords":{{"flows":[{{"aclID":"a","flowGroups":[{{"rule":"r","flowTuples":[{}]}}]}}]}}}}"#,
        tuples.join(",")
    )
}

fn of(tuples: &[&str]) -> Recording {
    read(record(tuples).as_bytes())
}

#[test]
fn an_hour_of_a_virtual_network() {
    insta::assert_snapshot!(told(&sample("azure/PT1H.json")));
}

#[test]
fn security_groups_of_both_versions() {
    insta::assert_snapshot!("nsg_v1", told(&sample("azure/nsg-v1.json")));
    insta::assert_snapshot!("nsg_v2", told(&sample("azure/nsg-v2.json")));
}

#[test]
fn a_document_on_one_line_and_a_record_a_line_tell_the_same() {
    let want = told(&sample("azure/PT1H.json"));
    assert_eq!(told(&sample("azure/PT1H-one-line.json")), want);
    assert_eq!(told(&sample("azure/records.jsonl")), want);
}

#[test]
fn the_order_of_members_does_not_matter() {
    let value: serde_json::Value = serde_json::from_slice(&octets("azure/PT1H.json")).unwrap();
    // A map of this crate is sorted by name.
    let sorted = serde_json::to_string(&value).unwrap();
    assert!(sorted.find("flowRecords").unwrap() < sorted.find("macAddress").unwrap());
    assert_eq!(told(&read(sorted.as_bytes())), told(&sample("azure/PT1H.json")));
}

#[test]
fn seconds_and_milliseconds_are_told_apart_by_their_size() {
    let ms = of(&["1795514400250,10.42.1.10,10.42.2.20,40001,8080,6,O,B,NX,0,0,0,0"]);
    assert_eq!(ms.logged.conversations[0].counts.first.to_string(), "2026-11-24T10:00:00.250000Z");
    let secs = of(&["1795514400,10.42.1.10,10.42.2.20,40001,8080,T,O,A"]);
    assert_eq!(secs.logged.conversations[0].counts.first.to_string(), "2026-11-24T10:00:00.000000Z");
}

#[test]
fn a_d_means_denied_in_the_column_of_the_state_and_in_that_of_the_decision() {
    for (tuple, verdict) in [
        ("1795514400000,10.42.1.10,10.42.2.20,40001,22,6,I,D,NX,0,0,0,0", LoggedVerdict::Dropped),
        ("1795514400000,10.42.1.10,10.42.2.20,40001,22,6,I,B,NX,0,0,0,0", LoggedVerdict::Allowed),
        ("1795514400,10.42.1.10,10.42.2.20,40001,22,T,I,D", LoggedVerdict::Dropped),
        ("1795514400,10.42.1.10,10.42.2.20,40001,22,T,I,D,B,,,,", LoggedVerdict::Dropped),
        ("1795514400,10.42.1.10,10.42.2.20,40001,22,T,I,A,E,1,60,1,60", LoggedVerdict::Allowed),
    ] {
        assert_eq!(of(&[tuple]).logged.conversations[0].verdict, verdict, "{tuple}");
    }
}

#[test]
fn counters_of_continuing_and_ended_flows_add_up() {
    let recording = of(&[
        "1795514400000,10.42.1.10,10.42.2.20,40001,8080,6,O,B,NX,0,0,0,0",
        "1795514460000,10.42.1.10,10.42.2.20,40001,8080,6,O,C,NX,10,1000,8,4000",
        "1795514520000,10.42.1.10,10.42.2.20,40001,8080,6,O,E,NX,2,100,1,60",
    ]);
    let counts = recording.logged.conversations[0].counts;
    assert_eq!((counts.opened, counts.packets, counts.octets), (1, [12, 9], [1100, 4060]));
}

#[test]
fn both_interfaces_are_observers_of_their_own() {
    let recording = sample("azure/PT1H.json");
    let of_api: Vec<_> = recording.logged.conversations.iter().filter(|c| c.port == Some(8080)).collect();
    assert_eq!(of_api.len(), 2);
    assert_ne!(of_api[0].observer, of_api[1].observer);
}

#[test]
fn the_source_opened_whatever_the_direction() {
    for direction in ["I", "O"] {
        let tuple = format!("1795514400000,203.0.113.9,10.42.1.10,443,55188,6,{direction},B,NX,0,0,0,0");
        assert_eq!(who(&of(&[&tuple])), ["203.0.113.9 -> 10.42.1.10 TCP/55188 seen"]);
    }
}

#[test]
fn tuples_of_unknown_state_are_left_out_and_counted() {
    let recording = of(&[
        "1795514400000,10.42.1.10,10.42.2.20,40001,8080,6,O,Q,NX,0,0,0,0",
        "1795514400000,10.42.1.10,10.42.2.20,40001,8080,47,O,B,NX,0,0,0,0",
        "1795514400000,10.42.1.10,10.42.2.20,40001,8080,6,O,B,NX,0,0,0,0",
    ]);
    assert_eq!(recording.counts.get("log-lines-other"), 1);
    assert_eq!(recording.counts.get("other-ip-protocol"), 1);
    assert_eq!(recording.logged.conversations.len(), 1);
}

#[test]
fn a_bad_tuple_costs_only_itself() {
    let recording = of(&[
        "1795514400000,10.42.1.10,10.42.2.20,40001,8080,6,O,B,NX,0,0,0,0",
        "1795514400000,10.42.1.300,10.42.2.20,40001,8080,6,O,B,NX,0,0,0,0",
        "garbage",
        "1795514400000,10.42.1.10,10.42.2.30,40001,5432,6,O,B,NX,0,0,0,0",
    ]);
    assert_eq!(recording.logged.conversations.len(), 2);
    assert_eq!(recording.files[0].damaged_records, 1);
}

#[test]
fn a_bad_record_costs_only_itself() {
    let tuple = ["1795514400000,10.42.1.10,10.42.2.20,40001,8080,6,O,B,NX,0,0,0,0"];
    let document = format!(r#"{{"records":[{},{{"flowLogVersion":,}},{}]}}"#, record(&tuple), record(&tuple));
    let recording = read(document.as_bytes());
    assert_eq!(recording.files[0].damaged_records, 1, "{}", told(&recording));
    assert_eq!(recording.logged.conversations[0].counts.lines, 2);
}

#[test]
fn a_record_longer_than_any_line_may_be_is_read() {
    let tuples: Vec<String> = (0..40_000)
        .map(|i| {
            format!(
                "{},10.42.1.10,10.42.2.20,{},8080,6,O,B,NX,0,0,0,0",
                1_795_514_400_000_u64 + i,
                32_768 + i % 20_000
            )
        })
        .collect();
    let tuples: Vec<&str> = tuples.iter().map(String::as_str).collect();
    let document = format!(r#"{{"records":[{}]}}"#, record(&tuples));
    assert!(document.len() > 2 << 20);
    assert_eq!(read(document.as_bytes()).logged.conversations[0].counts.opened, 40_000);
}

/// A tuple has both directions, and no flags: a reset has no options, and an opening always some.
#[test]
fn a_flow_of_which_only_resets_came_back_was_refused() {
    let counted = |state: &str, sizes: &str, ends: &str| {
        let tuple =
            |state: &str, sizes: &str| format!("1795514400000,{ends},40001,22,6,O,{state},NX,{sizes}");
        let recording = of(&[&tuple("B", "0,0,0,0"), &tuple(state, sizes)]);
        let counts = recording.logged.conversations[0].counts;
        (counts.opened, counts.refused, counts.answered, counts.packets[1])
    };
    let (v4, v6) = ("10.42.1.10,10.42.2.20", "2001:db8:42::a,2001:db8:42::14");
    for (state, sizes, ends, expected) in [
        ("E", "1,66,1,54", v4, (1, 1, false, 1)),
        ("E", "1,74,1,54", v4, (1, 1, false, 1)),
        ("E", "2,132,2,108", v4, (1, 1, false, 1)),
        ("E", "1,94,1,74", v6, (1, 1, false, 1)),
        ("E", "1,66,1,66", v4, (1, 0, true, 1)),
        ("E", "3,767,2,1580", v4, (1, 0, true, 2)),
        ("E", "3,200,3,170", v4, (1, 0, true, 3)),
        ("E", "2,110,1,54", v4, (1, 0, true, 1)),
        ("C", "1,66,1,54", v4, (1, 0, true, 1)),
    ] {
        assert_eq!(counted(state, sizes, ends), expected, "{state} {sizes}");
    }
}
