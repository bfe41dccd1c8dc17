//! Formats with a parser of their own.

use std::collections::BTreeSet;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use super::at;
use crate::injection::MARK;

/// One value, no name of a member from outside but where names are data.
pub fn json(text: &str) -> Vec<String> {
    match serde_json::from_str::<Value>(text) {
        Ok(_) => Vec::new(),
        Err(error) => vec![format!("no JSON: {error}")],
    }
}

/// JSON whose messages hold no link, and whose files are paths.
pub fn sarif(text: &str) -> Vec<String> {
    let mut faults = json(text);
    let log: Value = serde_json::from_str(text).unwrap_or_default();
    for result in log["runs"][0]["results"].as_array().into_iter().flatten() {
        let message = result["message"]["text"].as_str().unwrap_or_default();
        faults.extend(super::plain::terminal(message));
        if message.replace("\\]", "").contains("](") {
            faults.push(at("a link", message));
        }
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str();
        let uri = uri.unwrap_or_default();
        let path = uri.strip_prefix("file://").unwrap_or(uri);
        if path.contains([':', ' ', '<', '"', '\\', '\n']) || !path.is_ascii() {
            faults.push(at("no path", uri));
        }
    }
    faults
}

/// Documents that parse, none of which the mark begins or names.
pub fn yaml(text: &str) -> Vec<String> {
    let mut faults = super::plain::terminal(text);
    match serde_yaml::from_multiple::<Value>(text) {
        Ok(documents) => {
            for document in &documents {
                let ours =
                    ["CommunicationGraph", "Report", "ClusterReport", "PolicyReport", "ClusterPolicyReport"];
                let kind = document["kind"].as_str().unwrap_or_default();
                if !(ours.contains(&kind) || kind == "NetworkPolicy" || kind == "Kustomization") {
                    faults.push(format!("a document of kind {kind:?}"));
                }
                let members = document.as_object().into_iter().flatten();
                faults.extend(
                    members.filter(|(key, _)| key.contains(MARK)).map(|(key, _)| at("a member", key)),
                );
            }
        }
        Err(error) => faults.push(format!("no YAML: {error}")),
    }
    faults
}

/// Policies as we name and label them, that select and admit what can be.
pub fn policies(text: &str) -> Vec<String> {
    let mut faults = yaml(text);
    for policy in serde_yaml::from_multiple::<Value>(text).unwrap_or_default() {
        let name = policy["metadata"]["name"].as_str().unwrap_or_default();
        let is_name = name.len() <= 253
            && name.starts_with("flowfence-")
            && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-.".contains(&c));
        if policy["kind"] != "NetworkPolicy" || !is_name {
            faults.push(format!("no policy of ours: {} {name:?}", policy["kind"]));
        }
        labels(&policy["spec"], &mut faults);
    }
    faults
}

/// Every value of a selector is one that a label may have.
fn labels(value: &Value, faults: &mut Vec<String>) {
    let is_value = |text: &str| {
        text.len() <= 63 && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c))
    };
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                if let ("matchLabels", Value::Object(pairs)) = (key.as_str(), member) {
                    let wrong = pairs.values().filter_map(Value::as_str).filter(|text| !is_value(text));
                    faults.extend(wrong.map(|text| at("no label", text)));
                }
                labels(member, faults);
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| labels(entry, faults)),
        _ => {}
    }
}

/// Elements and attributes whose names are not the mark's, and nothing but elements, attributes and text.
pub fn xml(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut reader = Reader::from_str(text);
    let (mut depth, mut roots) = (0_usize, 0);
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => {
                roots += usize::from(depth == 0);
                depth += 1;
                faults.extend(element_faults(&element));
            }
            Ok(Event::Empty(element)) => {
                roots += usize::from(depth == 0);
                faults.extend(element_faults(&element));
            }
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Text(_) | Event::Decl(_) | Event::GeneralRef(_)) => {}
            Ok(Event::Eof) => break,
            Ok(other) => faults.push(format!("neither element nor text: {other:?}")),
            Err(error) => {
                faults.push(format!("no XML: {error}"));
                break;
            }
        }
    }
    if (roots, depth) != (1, 0) {
        faults.push(format!("{roots} roots, {depth} left open"));
    }
    let is_no_xml = |c: &char| c.is_control() && *c != '\n' || matches!(c, '\u{fffe}' | '\u{ffff}');
    faults.extend(text.chars().find(is_no_xml).map(|c| format!("{c:?} in XML")));
    faults
}

/// XML in which readers find no file to attach, and no property of a test but rank and owner.
pub fn junit(text: &str) -> Vec<String> {
    let mut faults = xml(text);
    for rest in text.split("[[").skip(1) {
        let is_ours = rest.split_once("]]").is_some_and(|(held, _)| {
            let rank =
                held.strip_prefix("PROPERTY|rank=").map(|rank| rank.parse::<u32>().is_ok_and(|r| r <= 100));
            rank.unwrap_or(held.starts_with("PROPERTY|owner=") && !held.contains('\n'))
        });
        if !is_ours {
            faults.push(at("a property", rest));
        }
    }
    faults
}

fn element_faults(element: &quick_xml::events::BytesStart<'_>) -> Vec<String> {
    let name = element.name().as_ref().to_lowercase();
    let mut faults = Vec::new();
    if name.contains(MARK) || ["script", "iframe", "foreignobject", "a", "image"].contains(&name.as_str()) {
        faults.push(at("an element", &name));
    }
    let mut seen = BTreeSet::new();
    for attribute in element.attributes() {
        let Ok(attribute) = attribute else {
            faults.push(at("a broken attribute of", &name));
            continue;
        };
        let key = attribute.key.as_ref().to_lowercase();
        if key.contains(MARK)
            || key.starts_with("on")
            || ["href", "xlink:href", "src"].contains(&key.as_str())
        {
            faults.push(at("an attribute", &key));
        }
        if !seen.insert(key.clone()) {
            faults.push(at("twice the attribute", &key));
        }
    }
    faults
}
