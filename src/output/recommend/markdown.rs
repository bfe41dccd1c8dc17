//! The summary for a pull request: what becomes closed, what was withheld, what to look at first.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::RecommendReport;
use super::row::{EdgeRow, OutcomeRow};
use crate::output::markdown::{code, table};

/// Rows of one list that are shown; the JSON output has them all.
const SHOWN: usize = 20;

/// Writes it.
pub fn write(report: &RecommendReport, out: &mut dyn Write) -> io::Result<()> {
    let mut page = String::new();
    head(&mut page, report);
    closed(&mut page, report);
    review(&mut page, report);
    order(&mut page, report);
    withheld(&mut page, report);
    page.push_str("### What was seen\n\n");
    for line in report.completeness.lines() {
        let _ = writeln!(page, "- {}", code(&line));
    }
    out.write_all(page.as_bytes())
}

fn head(page: &mut String, report: &RecommendReport) {
    let alone = &report.proof.alone;
    let verdict = if alone.cut.is_empty() { "holds" } else { "**fails**" };
    let _ = writeln!(page, "## Network policies: the proof {verdict}\n");
    let row = |name: &str, outcome: &OutcomeRow| {
        vec![
            name.to_owned(),
            format!("{} of {}", outcome.admitted, outcome.observed),
            outcome.cut.len().to_string(),
            outcome.excess.len().to_string(),
            format!("{} → {}", outcome.reachable_before, outcome.reachable_after),
        ]
    };
    let rows = [row("this set alone", alone), row("beside today's policies", &report.proof.beside)];
    let columns = ["", "seen and admitted", "cut", "admitted beyond", "reachable ports"];
    table(page, &columns, &rows);
    page.push('\n');
}

/// Policies and rules a namespace, and whether enough was seen there.
fn closed(page: &mut String, report: &RecommendReport) {
    page.push_str("### What becomes closed\n\n");
    let mut namespaces: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for policy in &report.policies {
        let namespace = policy["metadata"]["namespace"].as_str().unwrap_or("(cluster-wide)");
        let rules = ["ingress", "egress"].map(|list| policy["spec"][list].as_array().map_or(0, Vec::len));
        let counts = namespaces.entry(namespace).or_default();
        counts.0 += 1;
        counts.1 += rules.iter().sum::<usize>();
    }
    let readiness = |name: &str| {
        let row = report.readiness.namespaces.iter().find(|row| row.namespace == name);
        row.map_or("", |row| row.group.verdict).to_owned()
    };
    let rows: Vec<Vec<String>> = namespaces
        .into_iter()
        .map(|(name, (policies, rules))| {
            vec![code(name), policies.to_string(), rules.to_string(), readiness(name)]
        })
        .collect();
    table(page, &["namespace", "policies", "rules", "seen enough"], &rows);
    page.push_str("\nEach fenced workload denies in both directions what its rules do not admit.\n\n");
    list(page, "Delete these to let the set stand alone", report.supersedes.iter().map(|key| code(key)));
}

/// Namespaces that policies can be applied to one after the other. Any order cuts nothing, for a
/// policy isolates pods of its own namespace alone: those that were seen enough go first, then
/// those with less traffic.
fn order(page: &mut String, report: &RecommendReport) {
    let has_policy = |name: &str| {
        report.policies.iter().any(|policy| policy["metadata"]["namespace"].as_str() == Some(name))
    };
    let mut namespaces: Vec<_> =
        report.readiness.namespaces.iter().filter(|row| has_policy(&row.namespace)).collect();
    if namespaces.len() < 2 {
        return;
    }
    namespaces.sort_by_key(|row| (row.group.verdict != "ready", row.group.view.connections, &row.namespace));
    page.push_str("### One namespace after the other\n\n");
    page.push_str(
        "With `--out DIR --canary` each has a kustomization of its own; none waits for another.\n\n",
    );
    for (at, row) in namespaces.into_iter().enumerate() {
        let command = code(&format!("kubectl apply -k DIR/{}", row.namespace));
        let connections = row.group.view.connections;
        let _ =
            writeln!(page, "{}. {command} ({}, {connections} connections seen)", at + 1, row.group.verdict);
    }
    page.push('\n');
}

/// The gravest first.
fn review(page: &mut String, report: &RecommendReport) {
    page.push_str("### What to review first\n\n");
    let before = page.len();
    let proof = &report.proof;
    let cut = |outcome: &OutcomeRow| -> Vec<String> {
        outcome.cut.iter().map(|cut| format!("{} ({} denies)", code(&cut.example), cut.direction)).collect()
    };
    list(page, "Would be cut", cut(&proof.alone).into_iter());
    if proof.alone.cut.is_empty() {
        list(page, "Would be cut while today's policies stay", cut(&proof.beside).into_iter());
    }
    let excess = proof.alone.excess.iter().map(|row| {
        let edge = format!("{} -> {} {}/{}", row.from, row.to, row.ports, row.protocol);
        format!("{}: {}", code(&edge), code(&row.why))
    });
    list(page, "Admitted although nobody used it", excess);
    let blind = report.readiness.workloads.iter().filter(|row| row.verdict != "ready").map(|row| {
        let why: Vec<&str> = row.reasons.iter().map(|reason| reason.why.as_str()).collect();
        format!("{}: {}: {}", code(&row.id.to_string()), row.verdict, code(&why.join("; ")))
    });
    list(page, "Seen too little of", blind);
    let open = report
        .unfenced
        .iter()
        .map(|row| format!("{} {}: {}", code(&row.id.to_string()), row.direction, code(&row.why)));
    list(page, "Left open", open);
    list(page, "Without traffic, not isolated", report.unobserved.iter().map(|id| code(&id.to_string())));
    list(page, "Nobody knows who opened these, so no rule admits them", report.undirected.iter().map(edge));
    list(page, "ICMP, which NetworkPolicy cannot say", proof.inexpressible.iter().map(edge));
    let logs = report.completeness.silent_logs.join(", ");
    let title =
        format!("{} edges rest only on logs that never show an answer ({logs})", report.unanswered.len());
    list(page, &title, report.unanswered.iter().map(edge));
    let dynamic = report.dynamic_ports.iter().map(|row| {
        let ports = format!("{}/{}", row.range, row.protocol);
        format!("{}: {} ports of {}", code(&row.server.to_string()), row.seen, code(&ports))
    });
    list(page, "Ports opened as needed, of which the next may be another", dynamic);
    let wide = proof.declared.iter().filter(|row| !matches!(row.kind, "dns" | "external" | "api-server"));
    let wide = wide.map(|row| {
        let rule = format!("{} {} {}/{}", row.subject, row.direction, row.port, row.protocol);
        format!("{}: {}", code(&rule), row.why)
    });
    list(page, "Wide on purpose", wide);
    if page.len() == before {
        page.push_str("Nothing stands out.\n\n");
    }
}

fn withheld(page: &mut String, report: &RecommendReport) {
    let rows = report.withheld.iter().map(|row| {
        let how = if row.denied { String::new() } else { format!("; accept {}", code(&row.finding)) };
        format!("{}: {}{how}", edge(&row.edge), code(&row.why))
    });
    page.push_str("### What was withheld\n\n");
    if report.withheld.is_empty() {
        page.push_str("Nothing.\n\n");
    }
    list(page, "Never a rule", rows);
}

fn edge(edge: &EdgeRow) -> String {
    code(&edge.to_string())
}

fn list(page: &mut String, title: &str, rows: impl Iterator<Item = String>) {
    let rows: Vec<String> = rows.collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(page, "**{title}** ({})\n", rows.len());
    for row in rows.iter().take(SHOWN) {
        let _ = writeln!(page, "- {row}");
    }
    if rows.len() > SHOWN {
        let _ = writeln!(page, "- and {} more (`-o json` has them all)", rows.len() - SHOWN);
    }
    page.push('\n');
}
