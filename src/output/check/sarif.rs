//! The replay as SARIF: what would be cut, newly admitted, or judged otherwise by some plugin.

use std::io::{self, Write};

use super::ReplayReport;
use super::report::{CutRow, UnspecifiedRow};
use crate::output::recommend::EdgeRow;
use crate::output::sarif::{self, Entry, Rule};

const CUT: Rule = Rule {
    id: "would-be-cut",
    level: "error",
    title: "a genuine connection that the policies would cut",
    meaning: "The recorded traffic holds this connection, nothing speaks against it, and the candidate policies \
              deny it to some replica of its workloads.",
    doubt: "It may be a connection that is meant to end.",
    fix: "Admit it by a rule of the policies that isolate its end, or accept the loss.",
};

const ADMITTED: Rule = Rule {
    id: "newly-admitted",
    level: "warning",
    title: "a connection that the policies newly admit",
    meaning: "Today's policies deny the connection, which was seen or tried, and the candidate ones allow it.",
    doubt: "It may be what the change is for.",
    fix: "Narrow the rule that admits it, if it is not wanted.",
};

const UNSPECIFIED: Rule = Rule {
    id: "unspecified-verdict",
    level: "note",
    title: "a connection on which network plugins may differ",
    meaning: "The API leaves open what the candidate policies do to the connection: conforming plugins may allow \
              or deny it.",
    doubt: "The plugin of this cluster may well be one that allows it.",
    fix: "Say it by means that the API defines, such as labels in place of a pod's address.",
};

pub(super) fn write(report: &ReplayReport, out: &mut dyn Write) -> io::Result<()> {
    let cut = report.cut.iter().map(cut);
    let admitted = report
        .newly_admitted
        .iter()
        .map(|edge| entry(&ADMITTED, edge, format!("{} is newly admitted", spelled(edge))));
    let unspecified = report.unspecified.iter().map(unspecified);
    let entries: Vec<Entry> = cut.chain(admitted).chain(unspecified).collect();
    sarif::write("check", &[CUT, ADMITTED, UNSPECIFIED], &entries, out)
}

fn cut(row: &CutRow) -> Entry {
    let edge = spelled(&row.edge);
    let connections = row.connections;
    let text = format!(
        "{edge} would be cut on {}: {connections} connections seen, such as {}",
        row.direction, row.example
    );
    let mut entry = entry(&CUT, &row.edge, text);
    entry.fingerprint = format!("{}:{}", entry.fingerprint, row.direction);
    entry.place = row.file.clone().zip(row.line);
    entry.fix = row.denied_by.first().map(|policy| {
        format!("admit it by an {} rule of NetworkPolicy {policy}, if it is to go on", row.direction)
    });
    entry.objects.splice(0..0, row.denied_by.iter().take(MAX_POLICIES).cloned());
    entry
}

/// Of many policies that isolate one end the first ones are enough to find the rest.
const MAX_POLICIES: usize = 8;

fn unspecified(row: &UnspecifiedRow) -> Entry {
    let text = format!("plugins may differ on {}: {}", spelled(&row.edge), row.reasons.join(", "));
    entry(&UNSPECIFIED, &row.edge, text)
}

fn entry(rule: &Rule, edge: &EdgeRow, text: String) -> Entry {
    Entry {
        rule: rule.id,
        level: rule.level,
        text,
        fix: None,
        fingerprint: format!("{}:{}", rule.id, spelled(edge)),
        place: None,
        rank: None,
        properties: serde_json::Map::new(),
        objects: vec![edge.from.to_string(), edge.to.to_string()],
    }
}

fn spelled(edge: &EdgeRow) -> String {
    let port = match (edge.port, edge.icmp) {
        (Some(port), _) => format!("{port}/{}", edge.protocol),
        (None, Some(icmp)) => format!("{} {}/{}", edge.protocol, icmp.kind, icmp.code),
        (None, None) => edge.protocol.to_string(),
    };
    format!("{} -> {} {port}", edge.from, edge.to)
}
