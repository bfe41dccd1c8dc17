//! The network policy agent of AWS's VPC CNI, in all the writings of its versions.

mod logs;

use flowfence_model::Recording;
use logs::{read, read_lines, sample, told, who};

fn line(members: &str) -> String {
    format!(
        r#"{{"level":"info","ts":"2026-11-24T10:00:00Z","msg":"Flow Info: ","Src IP":"10.42.1.10","Src Port":40001,"Dest IP":"10.42.2.20","Dest Port":8080,{members}}}"#
    )
}

fn of(members: &str) -> Recording {
    read(line(members).as_bytes())
}

#[test]
fn members_of_a_line() {
    insta::assert_snapshot!(told(&sample("aws-netpol/zap-members.log")));
}

#[test]
fn the_message_of_a_line() {
    insta::assert_snapshot!(told(&sample("aws-netpol/zap-message.log")));
}

#[test]
fn every_writing_tells_the_same_flows() {
    let want = who(&sample("aws-netpol/zap-members.log"));
    for name in ["zap-message.log", "cloudwatch-events.json", "cloudwatch-firehose.json"] {
        assert_eq!(who(&sample(&format!("aws-netpol/{name}"))), want, "{name}");
    }
}

#[test]
fn a_line_without_time_has_that_of_its_event() {
    let recording = sample("aws-netpol/cloudwatch-firehose.json");
    let first = recording.logged.conversations.iter().map(|c| c.counts.first).min().unwrap();
    assert_eq!(first.to_string(), "2026-11-24T10:00:00.500000Z");
}

#[test]
fn a_verdict_is_a_word_or_a_number() {
    for (verdict, want) in [("\"ACCEPT\"", ""), ("1", ""), ("\"DENY\"", " denied"), ("0", " denied")] {
        let lines = who(&of(&format!(r#""Proto":"TCP","Verdict":{verdict}"#)));
        assert_eq!(lines, [format!("10.42.1.10 -> 10.42.2.20 TCP/8080 seen{want}")], "{verdict}");
    }
}

#[test]
fn what_ran_out_or_is_unknown_is_no_flow_and_is_counted() {
    for verdict in ["\"EXPIRED/DELETED\"", "2", "\"FUTURE\""] {
        let recording = of(&format!(r#""Proto":"TCP","Verdict":{verdict}"#));
        assert_eq!(recording.counts.get("log-lines-other"), 1, "{verdict}");
        assert!(recording.logged.conversations.is_empty());
    }
    assert_eq!(of(r#""Proto":"TCP""#).counts.get("log-lines-incomplete"), 1);
    assert_eq!(of(r#""Proto":"UNKNOWN","Verdict":"DENY""#).counts.get("other-ip-protocol"), 1);
}

#[test]
fn plain_text_and_a_containers_prefix_are_read() {
    let text = "Flow Info: Src IP: 10.42.1.10 Src Port: 40001 Dest IP: 10.42.2.20 Dest Port: 8080 Proto TCP Verdict DENY Direction ingress";
    for line in [
        text.to_owned(),
        format!("2026-11-24T10:00:00Z stdout F {text}"),
        format!("[pod/aws-node-x/agent] {text}"),
    ] {
        assert_eq!(who(&read(line.as_bytes())), ["10.42.1.10 -> 10.42.2.20 TCP/8080 seen denied"], "{line}");
    }
}

#[test]
fn a_flow_is_found_behind_what_the_agent_says_when_it_starts() {
    let mut lines: Vec<String> =
        (0..40).map(|i| format!("{{\"level\":\"info\",\"msg\":\"step {i}\"}}")).collect();
    lines.push(line(r#""Proto":"TCP","Verdict":"ACCEPT""#));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let recording = read_lines(&lines);
    assert_eq!(recording.logged.conversations.len(), 1);
    assert_eq!(recording.counts.get("log-lines-other"), 40);
}

#[test]
fn a_bad_address_costs_only_its_line() {
    let bad = line(r#""Proto":"TCP","Verdict":"ACCEPT""#).replace("10.42.1.10", "10.42.1.999");
    let recording = read_lines(&[&line(r#""Proto":"TCP","Verdict":"ACCEPT""#), &bad]);
    assert_eq!((recording.files[0].damaged_records, recording.logged.conversations.len()), (1, 1));
    assert!(recording.files[0].problems[0].contains("line 2"), "{:?}", recording.files[0].problems);
}
