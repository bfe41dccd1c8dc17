//! Hubble flows whose ends were met before: they are not read again, and mean the same.

mod logs;

use flowfence_model::Recording;
use logs::{read_lines, who};

const WEB: &str =
    r#"{"ID":7,"identity":20001,"namespace":"shop","labels":["k8s:app=web"],"pod_name":"web-1"}"#;
const API: &str =
    r#"{"ID":0,"identity":20002,"namespace":"shop","labels":["k8s:app=api"],"pod_name":"api-1"}"#;
const HOST: &str = r#"{"ID":1,"identity":1,"labels":["reserved:host"]}"#;
const WORLD: &str = r#"{"identity":2,"labels":["reserved:world"]}"#;

fn line(source: &str, destination: &str, more: &str) -> String {
    format!(
        r#"{{"flow":{{"time":"2026-11-24T10:00:00.5Z","verdict":"FORWARDED","IP":{{"source":"10.42.1.10","destination":"10.42.2.20"}},"l4":{{"TCP":{{"source_port":40000,"destination_port":8080,"flags":{{"SYN":true}}}}}},"source":{source},"destination":{destination},"Type":"L3_L4","node_name":"node-1","is_reply":false{more}}},"node_name":"node-1","time":"2026-11-24T10:00:00.5Z"}}"#
    )
}

/// The same line with spaces where an end would be looked for.
fn spaced(line: &str) -> String {
    line.replace("\"source\":{", "\"source\": {").replace("\"destination\":{", "\"destination\": {")
}

fn read(lines: &[String]) -> Recording {
    read_lines(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

/// What must not depend on how it was read.
fn told(recording: &Recording) -> String {
    let damaged: u64 = recording.files.iter().map(|file| file.damaged_records).sum();
    format!("{:#?}\n{:?}\ndamaged {damaged}", recording.logged, recording.counts)
}

#[test]
fn an_end_that_was_met_before_means_the_same() {
    let odd = [
        line(WEB, API, ""),
        line(API, WEB, ""),
        line(WEB, WORLD, ""),
        line(WEB, HOST, ""),
        line(WEB, HOST, "").replace("node-1", "node-2"),
        line(&WEB.replace("app=web", "app=web2"), API, ""),
        line(WEB, API, r#","Summary":"\"source\":{\"ID\":7","policy":{"source":{"ID":7}}"#),
        line(WEB, API, &format!(r#","extra":{{"source":{API},"destination":{WEB}}}"#)),
        line(WEB, API, "").replace("{\"flow\":{", &format!("{{\"flow\":{{\"extra\":{{\"source\":{WEB}}},")),
        line(WEB, API, "").replace("\"10.42.1.10\"", WEB),
        line(WEB, API, &format!(r#","source":{WEB}"#)),
        line(WEB, &format!("{API}5"), ""),
        line(WEB, &format!("{API}.5"), ""),
        line(WEB, &format!("{API}\"\""), ""),
        line("\"\"", API, ""),
        line("0", "null", ""),
        line(WEB, "[]", ""),
        line(WEB, API, "").replace("\"Type\"", "\"Type\":null,\"Typ\""),
        line(WEB, API, "")
            .replace("{\"flow\":", "")
            .replace("},\"node_name\":\"node-1\",\"time\"", ",\"at\""),
        line(WEB, API, "").replace("10:00:00.5Z", "10:00:01Z"),
    ];
    // Each after every other, and twice.
    let mut lines = Vec::new();
    for one in &odd {
        for other in &odd {
            lines.extend([one.clone(), other.clone(), other.clone()]);
        }
    }
    let spaced: Vec<String> = lines.iter().map(|line| spaced(line)).collect();
    let (found, expected) = (read(&lines), read(&spaced));
    assert!(found.logged.lines > 800, "{}", found.logged.lines);
    assert_eq!(told(&found), told(&expected));
}

#[test]
fn an_address_that_another_pod_gets_is_that_pod() {
    let other = WEB.replace("web-1", "web-2");
    let lines = [line(WEB, API, ""), line(WEB, API, ""), line(&other, API, ""), line(WEB, API, "")];
    assert_eq!(
        who(&read(&lines)),
        [
            "10.42.1.10 shop/web-1[app=web] -> 10.42.2.20 shop/api-1[app=api] TCP/8080 seen",
            "10.42.1.10 shop/web-2[app=web] -> 10.42.2.20 shop/api-1[app=api] TCP/8080 seen",
        ]
    );
}
