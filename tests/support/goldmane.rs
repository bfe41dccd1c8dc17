//! Goldmane for tests: what a server of our own speaks, and flows.

use serde_json::{Value, json};

use super::flow_server::Speech;

/// As Goldmane that has flows of the last minute.
pub fn speech() -> Speech {
    Speech {
        scheme: "goldmane://",
        text: "goldmane.proto",
        who: ("/goldmane.Flows/List", "goldmane.FlowListResult", json!({"meta": {"totalResults": "1234"}})),
        flows: ["/goldmane.Flows/Stream", "goldmane.FlowStreamRequest", "goldmane.FlowResult"],
        since: |request| {
            assert_eq!(request["aggregationInterval"], json!("15"));
            request["startTimeGte"].as_str().unwrap().to_owned()
        },
        since_then,
    }
}

/// Flows of buckets that do not begin before a time; less than nothing is of the past, and all are of that.
pub fn since_then(lines: &[Value], since: &str) -> Vec<Value> {
    let since: i64 = since.parse().unwrap_or(0);
    let is_later =
        |line: &&Value| line["flow"]["start_time"].as_str().unwrap().parse::<i64>().unwrap() >= since;
    lines.iter().filter(is_later).cloned().collect()
}
