//! Reads flow logs in tests, and prints what came of them as short sorted lines.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod rows;

use std::fmt::Write as _;

use flowfence_capture::{CaptureError, Limits, Recorder, read_capture};
use flowfence_model::logged::{Conversation, Identity, LoggedEnd, LoggedVerdict, PodIdentity};
use flowfence_model::{FlowRecord, Half, Labels, Logged, Orientation, Protocol, Recording, Timestamp};

/// Reads octets as one input.
pub fn read(octets: &[u8]) -> Recording {
    try_read(octets).expect("a flow log")
}

/// Reads lines as one input.
pub fn read_lines(lines: &[&str]) -> Recording {
    read((lines.join("\n") + "\n").as_bytes())
}

/// Likewise where the whole input may be unusable.
pub fn try_read(octets: &[u8]) -> Result<Recording, CaptureError> {
    let mut recorder = Recorder::new(Limits::default());
    // 2026-11-24T10:30:00Z.
    recorder.set_time_of_input(Timestamp::from_secs(1_795_516_200, 0));
    read_capture(octets, "log", &mut recorder, &mut |_| {})?;
    Ok(recorder.finish())
}

/// Reads several inputs into one recording.
pub fn read_all(inputs: &[&[u8]]) -> Recording {
    let mut recorder = Recorder::new(Limits::default());
    for input in inputs {
        read_capture(*input, "log", &mut recorder, &mut |_| {}).expect("a flow log");
    }
    recorder.finish()
}

/// A sample file, `FORMAT/NAME` under `tests/flow-logs`.
pub fn sample(name: &str) -> Recording {
    read(&octets(name))
}

/// Its octets.
pub fn octets(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/flow-logs/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Everything that was made of a log: conversations, connections, names, and what was left out.
pub fn told(recording: &Recording) -> String {
    let mut text = conversations(recording, Detail::All);
    for line in sorted(recording.records.iter().map(record)) {
        let _ = writeln!(text, "{line}");
    }
    for (address, names) in recording.names.iter() {
        let name = names.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let _ = writeln!(text, "name {address} {name}");
    }
    for (cause, n) in recording.counts.iter() {
        let _ = writeln!(text, "left out {cause} {n}");
    }
    for file in &recording.files {
        for problem in &file.problems {
            let _ = writeln!(text, "problem {problem}");
        }
    }
    text
}

/// How much of a conversation is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Who, whom, port, how sure, verdict.
    Who,
    /// That, with counts and observer.
    All,
}

/// Who talks to whom on which port, and how sure that is; a line each, every line once.
pub fn who(recording: &Recording) -> Vec<String> {
    let mut lines: Vec<String> = recording
        .logged
        .conversations
        .iter()
        .map(|c| conversation(c, &recording.logged, Detail::Who))
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

/// The conversations, sorted.
pub fn conversations(recording: &Recording, detail: Detail) -> String {
    let logged = &recording.logged;
    let lines = sorted(logged.conversations.iter().map(|c| conversation(c, logged, detail)));
    lines.iter().fold(String::new(), |text, line| text + line + "\n")
}

fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

fn conversation(c: &Conversation, logged: &Logged, detail: Detail) -> String {
    let mut line = format!("{} -> {} {}", end(c.from, logged), end(c.to, logged), service(c));
    let _ = write!(line, " {}{}", orientation(c.orientation), verdict(c.verdict));
    for (word, name) in [("by", logged.name(c.policy)), ("through", logged.name(c.service))] {
        if let Some(name) = name {
            let _ = write!(line, " {word} {name}");
        }
    }
    if let Some(address) = c.service_address {
        let _ = write!(line, " behind {address}");
    }
    if detail == Detail::Who {
        return line;
    }
    let counts = &c.counts;
    let observer = logged.observers.get(c.observer.0 as usize).map_or("?", |o| o.name.as_str());
    let _ = write!(line, " | {observer}: lines {}", counts.lines);
    for (word, n) in [
        ("opened", counts.opened),
        ("refused", counts.refused),
        ("unanswered", counts.unanswered),
        ("ports", u64::from(counts.client_ports.count_ones())),
    ] {
        if n > 0 {
            let _ = write!(line, ", {word} {n}");
        }
    }
    if counts.answered {
        line.push_str(", answered");
    }
    for (word, [there, back]) in [("packets", counts.packets), ("octets", counts.octets)] {
        if there + back > 0 {
            let _ = write!(line, ", {word} {there}/{back}");
        }
    }
    let _ = write!(line, " {} {}", counts.first, counts.last);
    line
}

fn service(c: &Conversation) -> String {
    match (c.port, c.icmp) {
        (Some(port), _) => format!("{}/{port}", c.protocol),
        (None, Some(icmp)) => format!("{}/{}.{}", c.protocol, icmp.kind, icmp.code),
        (None, None) => c.protocol.to_string(),
    }
}

fn end(end: LoggedEnd, logged: &Logged) -> String {
    let address = end.address.map_or_else(|| "?".to_owned(), |address| address.to_string());
    match logged.identity(end.identity) {
        None => address,
        Some(identity) => format!("{address} {}", named(identity)),
    }
}

fn named(identity: &Identity) -> String {
    match identity {
        Identity::Pod(pod) => named_pod(pod),
        Identity::Node(name) => format!("node({})", name.as_deref().unwrap_or("?")),
        Identity::ApiServer => "apiserver".to_owned(),
        Identity::Outside(class) => format!("outside({})", class.as_deref().unwrap_or("?")),
    }
}

fn named_pod(pod: &PodIdentity) -> String {
    let mut text = format!("{}/{}", pod.namespace, pod.pod.as_deref().unwrap_or("*"));
    if let Some((kind, name)) = &pod.workload {
        let _ = write!(text, "({kind} {name})");
    }
    text + &labels(&pod.labels) + &labels(&pod.namespace_labels)
}

fn labels(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if pairs.is_empty() { String::new() } else { format!("[{}]", pairs.join(",")) }
}

fn orientation(orientation: Orientation) -> &'static str {
    match orientation {
        Orientation::Seen => "seen",
        Orientation::Inferred => "inferred",
        Orientation::Unknown => "unknown",
    }
}

fn verdict(verdict: LoggedVerdict) -> &'static str {
    match verdict {
        LoggedVerdict::Allowed => "",
        LoggedVerdict::WouldDeny => " would-deny",
        LoggedVerdict::Denied => " denied",
        LoggedVerdict::Dropped => " dropped",
    }
}

/// A connection of a log that has them one by one.
pub fn record(record: &FlowRecord) -> String {
    let half = |half: &Half| format!("{}p {}o {:?}", half.packets, half.octets, half.signs);
    let (there, back) = (half(&record.forward), half(&record.reverse));
    let to = if record.protocol == Protocol::Icmp {
        let [kind, code] = record.b.port.to_be_bytes();
        format!("{} {kind}.{code}", record.b.address)
    } else {
        record.b.to_string()
    };
    let (first, last) = (record.first, record.last);
    format!("{} -> {to} {} | {there} | {back} | {first} {last}", record.a, record.protocol)
}
