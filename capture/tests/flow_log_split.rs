//! Logs that are not one object a line, or that are wrapped into something else on their way.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod logs;

use flowfence_capture::{Form, Limits, Recorder, read_capture};
use flowfence_model::Recording;
use logs::{octets, read, told, try_read};
use proptest::prelude::*;

fn flow(i: u32) -> String {
    format!(
        r#"{{"flow":{{"time":"2026-11-24T10:00:0{}Z","verdict":"FORWARDED","IP":{{"source":"10.42.1.10","destination":"10.42.2.20"}},"l4":{{"TCP":{{"source_port":{},"destination_port":8080}}}},"is_reply":false,"node_name":"node-1"}},"node_name":"node-1"}}"#,
        i % 10,
        40_000 + i
    )
}

fn flows(n: u32) -> Vec<String> {
    (0..n).map(flow).collect()
}

fn pretty(flow: &str) -> String {
    serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(flow).unwrap()).unwrap()
}

fn text(of: &str) -> String {
    serde_json::to_string(of).unwrap()
}

fn lines(recording: &Recording) -> u64 {
    recording.logged.conversations.iter().map(|c| c.counts.lines).sum()
}

/// Every way in which the same flows may come.
fn writings(flows: &[String]) -> Vec<(&'static str, String)> {
    let each = |wrap: &dyn Fn(&str) -> String| flows.iter().map(|flow| wrap(flow)).collect::<Vec<_>>();
    vec![
        ("lines", flows.join("\n")),
        ("lines of DOS", flows.join("\r\n")),
        ("byte order mark", format!("\u{feff}{}", flows.join("\n"))),
        ("joined", flows.concat()),
        ("list on a line", format!("[{}]", flows.join(","))),
        ("list a line each", format!("[\n{}\n]\n", flows.join(",\n"))),
        ("pretty", each(&|flow| pretty(flow)).join("\n")),
        (
            "pretty list",
            format!("[\n  {}\n]", each(&|flow| pretty(flow).replace('\n', "\n  ")).join(",\n  ")),
        ),
        ("text sequence", each(&|flow| format!("\u{1e}{flow}\n")).concat()),
        ("container", each(&|flow| format!("2026-11-24T10:00:00.1Z stdout F {flow}")).join("\n")),
        ("kubectl --prefix", each(&|flow| format!("[pod/cilium-x/export] {flow}")).join("\n")),
        ("kubectl --timestamps", each(&|flow| format!("2026-11-24T10:00:00Z {flow}")).join("\n")),
        (
            "docker",
            each(&|flow| format!(r#"{{"log":{},"stream":"stdout"}}"#, text(&format!("{flow}\n")))).join("\n"),
        ),
        (
            "CloudWatch",
            format!(
                r#"{{"events":[{}],"searchedLogStreams":[{{"a":1}}]}}"#,
                each(&|flow| format!(r#"{{"timestamp":1795514400000,"message":{}}}"#, text(flow))).join(",")
            ),
        ),
        (
            "Firehose",
            each(&|flow| {
                format!(
                    r#"{{"messageType":"DATA_MESSAGE","logEvents":[{{"id":"1","message":{}}}]}}"#,
                    text(flow)
                )
            })
            .concat(),
        ),
        (
            "Cloud Logging",
            format!(
                r#"{{"entries":[{}]}}"#,
                each(&|flow| format!(r#"{{"insertId":"a","jsonPayload":{flow}}}"#)).join(",")
            ),
        ),
        (
            "Elasticsearch",
            format!(
                r#"{{"took":1,"hits":{{"total":{{"value":9}},"hits":[{}]}}}}"#,
                each(&|flow| format!(r#"{{"_index":"f","_source":{flow}}}"#)).join(",")
            ),
        ),
        ("gateway", each(&|flow| format!(r#"{{"result":{flow}}}"#)).join("\n")),
    ]
}

#[test]
fn the_same_flows_are_told_however_they_are_written() {
    let flows = flows(7);
    let want = told(&read(flows.join("\n").as_bytes()));
    assert!(want.contains("lines 7"), "{want}");
    for (name, document) in writings(&flows) {
        let recording = read(document.as_bytes());
        assert_eq!(told(&recording), want, "{name}");
        assert_eq!(recording.files[0].damaged_records, 0, "{name}");
        assert_eq!(recording.files[0].octets, document.len() as u64, "{name}");
    }
}

#[test]
fn a_document_is_read_when_the_user_names_its_format_too() {
    let document = format!("[{}]", flows(3).join(","));
    let mut recorder = Recorder::new(Limits::default()).reading_logs_as(Form::known("hubble"));
    read_capture(document.as_bytes(), "x", &mut recorder, &mut |_| {}).unwrap();
    assert_eq!(lines(&recorder.finish()), 3);
}

#[test]
fn a_bad_object_costs_only_itself_in_every_writing() {
    let flows = flows(5);
    let bad = flows[2].replace(r#""is_reply":false"#, r#""is_reply":"#);
    let (first, last) = flows.split_at(2);
    let with_bad: Vec<String> = [first, &[bad], &last[1..]].concat();
    for (name, document) in [
        ("lines", with_bad.join("\n")),
        ("joined", with_bad.concat()),
        ("list on a line", format!("[{}]", with_bad.join(","))),
        ("list a line each", format!("[\n{}\n]\n", with_bad.join(",\n"))),
    ] {
        let recording = read(document.as_bytes());
        assert_eq!(
            (lines(&recording), recording.files[0].damaged_records),
            (4, 1),
            "{name} {}",
            told(&recording)
        );
    }
}

#[test]
fn an_object_that_is_cut_off_costs_only_itself() {
    let flows = flows(3);
    for (name, document) in writings(&flows)
        .into_iter()
        .filter(|(name, _)| matches!(*name, "lines" | "joined" | "pretty" | "list on a line"))
    {
        let recording = read(&document.as_bytes()[..document.len() - 20]);
        let file = &recording.files[0];
        assert_eq!(
            (lines(&recording), file.damaged_records, file.truncated),
            (2, 1, true),
            "{name}: {:?}",
            file.problems
        );
    }
}

#[test]
fn damage_is_told_with_its_line() {
    let document = format!("{}\nhello\n{}\n", pretty(&flow(1)), pretty(&flow(2)));
    let recording = read(document.as_bytes());
    let n = pretty(&flow(1)).lines().count() + 1;
    assert_eq!(recording.files[0].damaged_records, 1);
    assert!(
        recording.files[0].problems[0].contains(&format!("line {n}: ")),
        "{:?}",
        recording.files[0].problems
    );
    assert_eq!(lines(&recording), 2);
}

#[test]
fn a_long_list_on_one_line_takes_the_memory_of_one_object() {
    // Beyond what a line may have, and read in parts.
    let document = format!("[{}]", vec![flow(1); 6_000].join(","));
    assert!(document.len() > 1 << 20);
    assert_eq!(lines(&read(document.as_bytes())), 6_000);
}

#[test]
fn an_object_beyond_the_limit_is_passed_over() {
    let long = format!(r#"{{"flow":{{"x":"{}"}}}}"#, "y".repeat(17 << 20));
    let document = format!("{}\n{long}\n{}\n", flow(1), flow(2));
    let recording = read(document.as_bytes());
    assert_eq!((lines(&recording), recording.files[0].damaged_records), (2, 1));
}

#[test]
fn json_of_something_else_is_still_no_flow_log() {
    for text in [r#"{"kind":"List","items":[{"kind":"Pod"}]}"#, "[1,2,3]", r#"{"log":"hello"}"#, "[]", "{}"] {
        assert!(try_read(text.as_bytes()).is_err(), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is cut, doubled or overwritten: no panic, no endless reading, and what was sound before
    /// the damage is told.
    #[test]
    fn damaged_documents_end(which in 0..18_usize, at in 0.0..1.0_f64, length in 0..40_usize, with in any::<u8>()) {
        let flows = flows(6);
        let (_, document) = writings(&flows).swap_remove(which);
        let mut data = document.into_bytes();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the document")]
        let at = (at * data.len() as f64) as usize;
        let end = (at + length).min(data.len());
        data[at..end].fill(with);
        if let Ok(recording) = try_read(&data) {
            prop_assert!(lines(&recording) <= 6);
        }
    }

    #[test]
    fn samples_of_all_formats_survive_damage(which in 0..7_usize, at in any::<u16>(), with in any::<u8>()) {
        let names = ["azure/PT1H.json", "azure/nsg-v2.json", "goldmane/whisker-list.json", "goldmane/goldmane.jsonl",
            "aws-netpol/zap-message.log", "ig-trace/trace_tcp.jsonl", "ig-trace/trace_dns.json"];
        let mut data = octets(names[which]);
        let at = usize::from(at) % data.len();
        data[at] = with;
        let _ = try_read(&data);
    }
}
