//! Calico's flows, from Goldmane and as Whisker serves them.

mod logs;

use flowfence_model::Recording;
use logs::{read, read_lines, sample, told, who};

/// A flow as Whisker writes it, with members that replace those of an ordinary one.
fn flow(members: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("start_time", r#""2026-11-24T10:00:00Z""#),
        ("end_time", r#""2026-11-24T10:00:15Z""#),
        ("action", r#""Allow""#),
        ("source_name", r#""web-6f7c9d5b44-*""#),
        ("source_namespace", r#""shop""#),
        ("source_labels", r#""app=web""#),
        ("dest_name", r#""api-7c8f9d6b5c-*""#),
        ("dest_namespace", r#""shop""#),
        ("dest_labels", r#""app=api""#),
        ("protocol", r#""tcp""#),
        ("dest_port", "8080"),
        ("reporter", r#""Dst""#),
        ("policies", r#"{"enforced":[],"pending":[]}"#),
        ("packets_in", "5"),
        ("packets_out", "6"),
        ("bytes_in", "500"),
        ("bytes_out", "3000"),
    ];
    for (name, value) in members {
        match all.iter_mut().find(|(known, _)| known == name) {
            Some(known) => known.1 = value,
            None => all.push((name, value)),
        }
    }
    let members: Vec<String> = all.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn only(recording: &Recording) -> String {
    let lines = who(recording);
    assert_eq!(lines.len(), 1, "{lines:#?} {}", told(recording));
    lines[0].clone()
}

fn of(members: &[(&str, &str)]) -> String {
    only(&read(flow(members).as_bytes()))
}

const WEB: &str = "? shop/*(Deployment web)[app=web]";
const API: &str = "? shop/*(Deployment api)[app=api]";

#[test]
fn a_list_of_whisker() {
    insta::assert_snapshot!(told(&sample("goldmane/whisker-list.json")));
}

#[test]
fn goldmanes_lines_with_numbers_as_texts() {
    insta::assert_snapshot!(told(&sample("goldmane/goldmane.jsonl")));
}

#[test]
fn whiskers_stream_tells_what_its_list_does() {
    assert_eq!(told(&sample("goldmane/whisker-stream.txt")), told(&sample("goldmane/whisker-list.json")));
}

#[test]
fn an_unknown_network_is_said_and_no_address_is_made_up() {
    for class in ["pub", "pvt"] {
        let name = format!("\"{class}\"");
        let line = of(&[("dest_name", &name), ("dest_namespace", r#""-""#), ("dest_labels", r#""""#)]);
        assert_eq!(line, format!("{WEB} -> ? outside({class}) TCP/8080 seen"));
    }
}

#[test]
fn what_both_ends_report_is_kept_apart_by_end() {
    let lines = [flow(&[]), flow(&[("reporter", r#""Src""#), ("packets_in", "6"), ("packets_out", "5")])];
    let recording = read_lines(&[&lines[0], &lines[1]]);
    let seen: Vec<_> =
        recording.logged.conversations.iter().map(|c| (c.observer, c.counts.packets)).collect();
    assert_eq!(seen.len(), 2);
    assert_ne!(seen[0].0, seen[1].0);
    // In and out are the reporter's, there and back the conversation's.
    assert_eq!((seen[0].1, seen[1].1), ([5, 6], [5, 6]));
}

#[test]
fn what_one_end_let_out_and_nobody_answered_is_no_connection() {
    let recording =
        read(flow(&[("reporter", r#""Src""#), ("packets_in", "0"), ("packets_out", "3")]).as_bytes());
    let counts = recording.logged.conversations[0].counts;
    assert!(counts.unanswered > 0 && counts.tells_answers && !counts.answered);
}

#[test]
fn denied_names_the_policy_that_decided() {
    let deny = r#"{"enforced":[{"kind":"CalicoNetworkPolicy","name":"one","namespace":"shop","action":"Pass","policy_index":0},{"kind":"CalicoNetworkPolicy","name":"two","namespace":"shop","action":"Deny","policy_index":1}],"pending":[]}"#;
    let line = of(&[("action", r#""Deny""#), ("policies", deny)]);
    assert_eq!(line, format!("{WEB} -> {API} TCP/8080 seen denied by shop/two"));
}

#[test]
fn at_the_end_of_a_tier_the_policy_that_selected_is_named() {
    let deny = r#"{"enforced":[{"kind":"EndOfTier","action":"Deny","trigger":{"kind":"NetworkPolicy","namespace":"shop","name":"knp.default.none"}}],"pending":null}"#;
    let line = of(&[("action", r#""Deny""#), ("policies", deny)]);
    assert_eq!(line, format!("{WEB} -> {API} TCP/8080 seen denied by shop/none"));
}

#[test]
fn what_staged_policies_would_deny_passed_and_is_said_to() {
    let staged = r#"{"enforced":[{"kind":"Profile","name":"kns.shop","action":"Allow"}],"pending":[{"kind":"StagedNetworkPolicy","namespace":"shop","name":"strict","action":"Deny"}]}"#;
    assert_eq!(
        of(&[("policies", staged)]),
        format!("{WEB} -> {API} TCP/8080 seen would-deny by shop/strict")
    );
    let allows = staged.replace("\"Deny\"", "\"Allow\"");
    assert_eq!(of(&[("policies", &allows)]), format!("{WEB} -> {API} TCP/8080 seen"));
}

#[test]
fn enumerations_may_be_numbers() {
    let line = of(&[("action", "2"), ("reporter", "1"), ("source_type", "3"), ("source_name", r#""corp""#)]);
    assert_eq!(line, format!("? outside(shop/corp) -> {API} TCP/8080 seen denied"));
}

#[test]
fn a_type_wins_over_how_a_name_looks() {
    let line = of(&[
        ("source_type", r#""HostEndpoint""#),
        ("source_name", r#""node-7""#),
        ("source_namespace", r#""-""#),
    ]);
    assert_eq!(line, format!("? node(node-7) -> {API} TCP/8080 seen"));
}

#[test]
fn actions_that_are_not_known_are_left_out_and_counted() {
    let recording =
        read_lines(&[&flow(&[("action", r#""Quarantine""#)]), &flow(&[("action", r#""Pass""#)]), &flow(&[])]);
    assert_eq!(recording.counts.get("log-lines-other"), 2);
    only(&recording);
}

#[test]
fn flows_without_port_protocol_or_name_are_incomplete() {
    let lines = [
        flow(&[("dest_port", "0")]),
        flow(&[("protocol", "null")]),
        flow(&[("source_name", r#""-""#)]),
        flow(&[("start_time", r#""x""#), ("end_time", "0")]),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let recording = read_lines(&lines);
    assert_eq!(recording.counts.get("log-lines-incomplete"), 4, "{}", told(&recording));
    assert!(recording.logged.conversations.is_empty());
}

#[test]
fn an_end_that_was_never_filled_in_is_the_beginning() {
    let recording = read(flow(&[("end_time", r#""1970-01-01T00:00:00Z""#)]).as_bytes());
    let counts = recording.logged.conversations[0].counts;
    assert_eq!(counts.first, counts.last);
}

#[test]
fn a_bad_line_costs_only_itself() {
    let good = flow(&[]);
    let recording = read_lines(&[&good, r#"{"source_name":[1],"dest_name":2}"#, &good]);
    let file = &recording.files[0];
    assert_eq!((file.packets, file.damaged_records), (2, 1), "{:?}", file.problems);
    assert!(file.problems[0].contains("line 2"), "{:?}", file.problems);
}
