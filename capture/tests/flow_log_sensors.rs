//! Formats of sensors, which have every connection: the traps of Zeek and Suricata.

mod logs;

use flowfence_model::{Recording, Signs};
use logs::{read, record, sample};

fn records(recording: &Recording) -> Vec<String> {
    let mut lines: Vec<String> = recording.records.iter().map(record).collect();
    lines.sort();
    lines
}

#[test]
fn zeek_json_and_names_without_a_head_mean_the_same() {
    assert_eq!(records(&sample("zeek/conn.json")), records(&sample("zeek/conn.log")));
    let three = records(&sample("zeek/names-only.log"));
    assert_eq!(three, records(&sample("zeek/conn-iso.json")));
    assert_eq!(three[..], records(&sample("zeek/conn.log"))[1..4]);
}

#[test]
fn zeek_ends_may_be_an_object_or_have_underscores() {
    let line = |ends: &str, proto: &str| {
        format!(
            r#"{{"ts":1795514400.5,{ends},"proto":"{proto}","conn_state":"SF","orig_pkts":5,"orig_ip_bytes":360,"resp_pkts":4,"resp_ip_bytes":408}}"#
        )
    };
    for (proto, server) in [("tcp", "8080"), ("icmp", "0")] {
        let client = if proto == "icmp" { "8" } else { "40000" };
        let told = |pattern: &str| {
            let ends = pattern.replace("CP", client).replace("SP", server);
            records(&read(line(&ends, proto).as_bytes()))
        };
        let flat = told(r#""id.orig_h":"10.42.1.10","id.orig_p":CP,"id.resp_h":"10.42.2.20","id.resp_p":SP"#);
        let nested = told(r#""id":{"orig_h":"10.42.1.10","orig_p":CP,"resp_h":"10.42.2.20","resp_p":SP}"#);
        let bare = told(r#""id_orig_h":"10.42.1.10","id_orig_p":CP,"id_resp_h":"10.42.2.20","id_resp_p":SP"#);
        assert_eq!((flat.len(), &nested, &bare), (1, &flat, &flat), "{proto}");
    }
}

#[test]
fn zeek_other_logs_are_not_connections() {
    for file in ["zeek/dns.log", "zeek/conn-iso.json"] {
        let recording = sample(file);
        assert_eq!(recording.counts.get("log-lines-other"), 1, "{file}");
        assert!(recording.records.iter().all(|record| record.b.port != 53), "{file}");
    }
}

#[test]
fn zeek_a_connection_from_the_middle_has_no_opener() {
    let recording = sample("zeek/conn.log");
    let middle = recording.records.iter().find(|record| record.a.port == 8080).expect("one");
    assert!(!middle.forward.signs.has(Signs::OPEN) && !middle.reverse.signs.has(Signs::OPEN));
}

/// An answer is not yet a connection: a scan by half-open connections stops behind it.
#[test]
fn zeek_what_the_client_did_not_confirm_is_no_connection() {
    let signs = |state: &str, history: &str| {
        let line = format!(
            r#"{{"ts":1795514400.5,"id.orig_h":"10.42.1.10","id.orig_p":40000,"id.resp_h":"10.42.2.20","id.resp_p":8080,"proto":"tcp","conn_state":"{state}"{history},"orig_pkts":2,"resp_pkts":2}}"#
        );
        let record = read(line.as_bytes()).records.remove(0);
        assert!(record.forward.signs.has(Signs::OPEN) && record.reverse.signs.has(Signs::ACCEPT), "{line}");
        (
            record.forward.signs.has(Signs::SEGMENT),
            record.reverse.signs.has(Signs::SEGMENT),
            record.reverse.signs.has(Signs::RESET),
        )
    };
    let history = |letters: &str| format!(r#","history":"{letters}""#);
    for (state, letters, expected) in [
        ("S1", "Sh", (false, false, false)),
        ("RSTO", "ShR", (false, false, false)),
        ("S1", "^Sh", (false, false, false)),
        ("S1", "ShA", (true, false, false)),
        ("RSTR", "ShAr", (true, false, true)),
        ("RSTR", "ShADar", (true, true, true)),
        ("SF", "ShADadFf", (true, true, false)),
        ("S1", "Shd", (true, true, false)),
    ] {
        assert_eq!(signs(state, &history(letters)), expected, "{state} {letters}");
    }
    for silent in ["", r#","history":null"#, r#","history":"-""#, r#","history":"Dd""#] {
        assert_eq!(signs("S1", silent), (true, true, false), "{silent}");
    }
}

#[test]
fn suricata_what_the_client_did_not_confirm_is_no_connection() {
    let signs = |there: &str| {
        let line = format!(
            r#"{{"timestamp":"2026-11-24T10:00:00.0+0000","event_type":"flow","src_ip":"10.42.1.10","src_port":40000,"dest_ip":"10.42.2.20","dest_port":8080,"proto":"TCP","flow":{{"pkts_toserver":2,"pkts_toclient":1,"start":"2026-11-24T10:00:00.0+0000","end":"2026-11-24T10:00:00.0+0000"}},"tcp":{{"tcp_flags_ts":"{there}","tcp_flags_tc":"12"}}}}"#
        );
        let record = read(line.as_bytes()).records.remove(0);
        (record.forward.signs.has(Signs::SEGMENT), record.reverse.signs.has(Signs::ACCEPT))
    };
    assert_eq!(
        ["06", "02", "16", "1b"].map(signs),
        [(false, true), (false, true), (true, true), (true, true)]
    );
}

#[test]
fn suricata_the_halves_of_a_flow_are_not_counted_beside_it() {
    let recording = sample("suricata-eve/eve.json");
    let whole = recording.records.iter().filter(|record| record.b.port == 8080 && record.a.port == 40_001);
    assert_eq!((whole.count(), recording.counts.get("log-lines-other")), (1, 4));
}

#[test]
fn suricata_flags_tell_refusals_and_flows_from_the_middle() {
    let recording = sample("suricata-eve/eve.json");
    let find =
        |port: u16| recording.records.iter().find(|r| r.b.port == port || r.a.port == port).expect("one");
    assert!(find(9999).reverse.signs.has(Signs::RESET));
    assert!(!find(5432).reverse.is_seen());
    assert!(!find(40_004).forward.signs.has(Signs::OPEN));
}
