//! Rows of logs that are told by a mapping, with members of one's own.

use flowfence_capture::{Form, Limits, Recorder, read_capture};
use flowfence_model::Recording;

use super::{told, who};

/// The only conversation of a log.
pub fn only(recording: &Recording) -> String {
    let lines = who(recording);
    assert_eq!(lines.len(), 1, "{lines:#?} {}", told(recording));
    lines[0].clone()
}

/// Reads lines by a mapping of the user.
pub fn mapped(mapping: &str, lines: &[&str]) -> Recording {
    let form = Form::mapping(mapping).expect("a mapping");
    let mut recorder = Recorder::new(Limits::default()).reading_logs_as(Some(form));
    let text = lines.join("\n") + "\n";
    read_capture(text.as_bytes(), "log", &mut recorder, &mut |_| {}).expect("a log");
    recorder.finish()
}

/// A line of netobserv about TCP from web to api.
pub fn netobserv(members: &str) -> String {
    format!(
        r#"{{"SrcAddr":"10.42.1.10","DstAddr":"10.42.2.20","SrcPort":40000,"DstPort":8080,"Proto":6,"Packets":4,"Bytes":400,"AgentIP":"192.0.2.11",{members}}}"#
    )
}

/// A row of Calico's flow logs, with an action and lists of policies.
pub fn calico(action: &str, policies: &str) -> String {
    format!(
        r#"{{"start_time":1795514400,"end_time":1795514700,"source_ip":"10.42.1.1","source_name":"web-0","source_name_aggr":"web-*","source_namespace":"shop","source_type":"wep","dest_ip":"10.42.2.2","dest_name":"db-0","dest_name_aggr":"db-*","dest_namespace":"shop","dest_type":"wep","dest_port":5432,"proto":"tcp","action":"{action}","reporter":"dst","num_flows_started":2,"policies":{{{policies}}}}}"#
    )
}

/// A row of GKE's policy log.
pub fn gke(members: &str) -> String {
    format!(
        r#"{{"connection":{{"src_ip":"10.42.1.10","dest_ip":"10.42.2.20","src_port":40000,"dest_port":8080,"protocol":"tcp","direction":"egress"}},"timestamp":"2026-11-24T10:00:00Z",{members}}}"#
    )
}

/// A flow of Suricata with TCP flags there and back, and what was done with it.
pub fn suricata(flags: [&str; 2], action: &str) -> String {
    let [there, back] = flags;
    format!(
        r#"{{"timestamp":"2026-11-24T10:00:05.000001+0000","event_type":"flow","src_ip":"10.42.1.10","src_port":40000,"dest_ip":"10.42.2.20","dest_port":8080,"proto":"TCP","flow":{{"pkts_toserver":5,"pkts_toclient":4,"bytes_toserver":500,"bytes_toclient":400,"start":"2026-11-24T10:00:00.000000+0000","end":"2026-11-24T10:00:05.000000+0000","state":"closed"{action}}},"tcp":{{"tcp_flags_ts":"{there}","tcp_flags_tc":"{back}"}}}}"#
    )
}
