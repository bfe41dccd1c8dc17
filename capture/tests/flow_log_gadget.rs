//! Events of Inspektor Gadget.

mod logs;

use logs::{read_lines, sample, told, who};

fn event(kind: &str, members: &str) -> String {
    format!(
        r#"{{"type":"{kind}","netns_id":1,"k8s":{{"node":"node-1"}},"src":{{"addr":"10.42.1.10","port":40001}},"dst":{{"addr":"10.42.2.20","port":8080}},"timestamp":"2026-11-24T10:00:00Z"{members}}}"#
    )
}

#[test]
fn connections_from_both_ends() {
    insta::assert_snapshot!(told(&sample("ig-trace/trace_tcp.jsonl")));
}

#[test]
fn names_and_queries() {
    insta::assert_snapshot!(told(&sample("ig-trace/trace_dns.json")));
}

#[test]
fn who_accepted_was_asked() {
    let accept = event("accept", "");
    assert_eq!(who(&read_lines(&[&accept])), ["10.42.2.20 -> 10.42.1.10 TCP/40001 seen"]);
}

#[test]
fn one_connection_is_one_at_each_end_and_closing_it_is_none() {
    let recording = sample("ig-trace/trace_tcp.jsonl");
    let api: Vec<_> = recording
        .logged
        .conversations
        .iter()
        .filter(|c| c.port == Some(8080) && c.from.address.is_some_and(|a| a.to_string() == "10.42.1.10"))
        .collect();
    assert_eq!(api.len(), 2);
    assert!(api.iter().all(|c| c.counts.opened == 1 && c.counts.lines == 1));
    assert_ne!(api[0].observer, api[1].observer);
    assert_eq!(recording.counts.get("log-lines-other"), 2);
}

#[test]
fn errors_are_told_by_name_and_by_number() {
    for (members, refused, unanswered) in [
        (r#","error":"ECONNREFUSED""#, 1, 0),
        (r#","error_raw":111"#, 1, 0),
        (r#","error":"ETIMEDOUT""#, 0, 1),
        (r#","error_raw":110"#, 0, 1),
        (r#","error":"""#, 0, 0),
    ] {
        let counts = read_lines(&[&event("connect", members)]).logged.conversations[0].counts;
        assert_eq!((counts.refused, counts.unanswered), (refused, unanswered), "{members}");
        assert_eq!(counts.answered, refused + unanswered == 0, "{members}");
    }
    let local = read_lines(&[&event("connect", r#","error":"EADDRNOTAVAIL""#)]);
    assert_eq!((local.counts.get("log-lines-other"), local.logged.conversations.len()), (1, 0));
}

#[test]
fn unknown_events_and_half_ones_are_left_out_and_counted() {
    let half =
        r#"{"type":"connect","netns_id":1,"src":{"addr":"10.42.1.10","port":1},"dst":null}"#.to_owned();
    let recording =
        read_lines(&[&event("listen", ""), &half, &event("connect", ""), r#"{"src":1,"dst":[],"addr":{}}"#]);
    assert_eq!(recording.counts.get("log-lines-other"), 1);
    assert_eq!(recording.counts.get("log-lines-incomplete"), 1);
    assert_eq!((recording.files[0].damaged_records, recording.logged.conversations.len()), (1, 1));
}
