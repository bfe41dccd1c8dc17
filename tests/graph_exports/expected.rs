//! What an export has to hold, from the JSON of the graph.

use std::collections::{BTreeMap, BTreeSet};

use flowfence::output::graph::{GraphReport, NodeRow};
use flowfence::output::safe;
use flowfence_model::NodeId;
use serde_json::{Value, json};

/// Nodes and edges as the JSON of the graph tells them, flat, their text as `said` changes it.
pub fn expected(report: &GraphReport, said: fn(&str) -> String) -> (BTreeMap<String, Value>, Vec<Value>) {
    let graph = serde_json::to_value(report).unwrap();
    let nodes = graph["nodes"].as_array().unwrap().iter();
    let nodes = nodes.map(|node| {
        let labels: Vec<String> = node["labels"].as_object().into_iter().flatten().map(pair).collect();
        let mut flat = flat(&[
            ("kind", &node["kind"]),
            ("namespace", &node["namespace"]),
            ("name", &node["name"]),
            ("labels", &json!(labels)),
            ("fqdns", &node["fqdns"]),
        ]);
        say(&mut flat, said);
        (said(node["id"].as_str().unwrap()), flat)
    });
    let edges = graph["edges"].as_array().unwrap().iter();
    let edges = edges.map(|edge| {
        let mut flat = flat(&[
            ("protocol", &edge["protocol"]),
            ("port", &edge["port"]),
            ("icmpType", &edge["icmp"]["type"]),
            ("icmpCode", &edge["icmp"]["code"]),
            ("services", &edge["services"]),
            ("behind", &edge["behind"]),
            ("connections", &edge["connections"]),
            ("unanswered", &edge["attempts"]["unanswered"]),
            ("refused", &edge["attempts"]["refused"]),
            ("packetsOut", &edge["packets"][0]),
            ("packetsBack", &edge["packets"][1]),
            ("octetsOut", &edge["octets"][0]),
            ("octetsBack", &edge["octets"][1]),
            ("first", &edge["first"]),
            ("last", &edge["last"]),
            ("established", &edge["established"]),
            ("orientation", &edge["orientation"]),
            ("probe", &edge["probe"]),
            ("egress", &edge["verdict"]["egress"]),
            ("ingress", &edge["verdict"]["ingress"]),
            ("suspicious", &edge["suspicious"]),
        ]);
        say(&mut flat, said);
        json!([said(edge["from"].as_str().unwrap()), said(edge["to"].as_str().unwrap()), flat])
    });
    (nodes.collect(), sorted(edges.collect()))
}

fn pair((key, value): (&String, &Value)) -> String {
    format!("{key}={}", value.as_str().unwrap())
}

/// Members that are there; lists as one text.
fn flat(members: &[(&str, &Value)]) -> Value {
    let members = members.iter().filter_map(|(name, value)| {
        let value = match value {
            Value::Null => return None,
            Value::Array(items) if items.is_empty() => return None,
            Value::Array(items) => {
                items.iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>().join(", ").into()
            }
            other => (*other).clone(),
        };
        Some(((*name).to_owned(), value))
    });
    Value::Object(members.collect())
}

fn say(flat: &mut Value, said: fn(&str) -> String) {
    for value in flat.as_object_mut().unwrap().values_mut() {
        if let Value::String(text) = value {
            *text = said(text);
        }
    }
}

pub fn sorted(mut values: Vec<Value>) -> Vec<Value> {
    values.sort_by_key(Value::to_string);
    values
}

/// The pairs that are linked, each way of standing once, by what their boxes say.
pub fn links(report: &GraphReport) -> BTreeSet<(String, String, String)> {
    let titles: BTreeMap<&NodeId, String> = report.nodes.iter().map(|node| (&node.id, title(node))).collect();
    report
        .edges
        .iter()
        .map(|edge| {
            let denied = [edge.verdict.egress, edge.verdict.ingress].contains(&Some("denied"));
            let unspecified = [edge.verdict.egress, edge.verdict.ingress].contains(&Some("unspecified"));
            let standing = match (edge.connections, denied, edge.probe, unspecified) {
                (0, ..) => "never connected",
                (_, true, ..) => "denied",
                (_, _, true, _) => "probe",
                (.., true) => "unspecified",
                _ => "",
            };
            (titles[&edge.from].clone(), titles[&edge.to].clone(), standing.to_owned())
        })
        .collect()
}

fn title(node: &NodeRow) -> String {
    let names = if node.fqdns.is_empty() { String::new() } else { format!(" ({})", node.fqdns.join(", ")) };
    in_xml(&format!("{}{names}", node.name))
}

/// XML 1.0 has no place for these either.
pub fn in_xml(text: &str) -> String {
    safe::line(text).replace(['\u{fffe}', '\u{ffff}'], "")
}
