//! The explanation for people.

use std::io::{self, Write};

use super::{EntryRow, ExplainReport, PlaceRow, RuleRow, StoryRow, TierRow, UnspecifiedRow};
use crate::evidence::{Seen, SeenEdge};
use crate::output::safe;

/// Entries of a list that are shown at most where none of them matches.
const SHOWN: usize = 3;

pub(super) fn write(report: &ExplainReport, is_one_of_many: bool, out: &mut dyn Write) -> io::Result<()> {
    let port = report.port.map_or_else(String::new, |port| format!("{port}/"));
    let title =
        format!("{} -> {} {port}{}: {}", report.from, report.to, report.protocol, verdict(report.allowed));
    writeln!(out, "{}", safe::line(&title))?;
    if is_one_of_many {
        writeln!(out, "  so {} of the pairs that were named", report.pairs)?;
    }
    story("egress", &report.from, &report.egress, out)?;
    story("ingress", &report.to, &report.ingress, out)?;
    for row in &report.unspecified {
        unspecified(row, out)?;
    }
    for change in &report.to_allow {
        writeln!(out, "to allow it: {}", safe::line(change))?;
    }
    for change in &report.to_deny {
        writeln!(out, "to deny it: {}", safe::line(change))?;
    }
    Ok(())
}

fn verdict(allowed: bool) -> &'static str {
    if allowed { "allowed" } else { "denied" }
}

fn story(direction: &str, subject: &str, story: &StoryRow, out: &mut dyn Write) -> io::Result<()> {
    let reason = match story.reason {
        "tier" => "a rule of a cluster-wide policy decides",
        "no-pod" => "no pod, so no policy speaks of it",
        "not-isolated" => "no policy isolates it",
        "own-node" => "traffic from a pod's own node always passes",
        "self-traffic" => "a pod reaches itself",
        "admitted" => "a rule admits it",
        _ => "isolated, and no rule admits it",
    };
    writeln!(out, "  {direction} of {}: {}: {reason}", safe::line(subject), verdict(story.allowed))?;
    for tier in &story.tiers {
        writeln!(out, "    {}", safe::line(&tier_line(direction, tier)))?;
    }
    for place in &story.other_tiers {
        writeln!(out, "    {}: no rule of it was applied", safe::line(&placed(place)))?;
    }
    for policy in &story.policies {
        writeln!(out, "    {}", safe::line(&placed(&policy.place)))?;
        for rule in &policy.rules {
            writeln!(out, "      {direction} rule {}: {}", rule.rule, safe::line(&meets(direction, rule)))?;
            if let Some(seen) = rule.seen.as_ref().filter(|_| rule.admits) {
                writeln!(out, "        {}", safe::line(&evidence(seen)))?;
            }
        }
        if policy.rules.is_empty() {
            writeln!(out, "      no {direction} rule: nothing is admitted")?;
        }
    }
    for place in &story.other_direction {
        writeln!(out, "    {}: selects it, not for {direction}", safe::line(&placed(place)))?;
    }
    Ok(())
}

fn unspecified(row: &UnspecifiedRow, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "plugins may differ: {} ({})", row.meaning, row.reason)?;
    let otherwise = match row.allowed_otherwise {
        Some(allowed) => format!("{}: {}", row.other_answer, verdict(allowed)),
        None => row.other_answer.to_owned(),
    };
    writeln!(out, "  taken here: {}; otherwise: {otherwise}", row.answer)?;
    for plugin in &row.plugins {
        writeln!(
            out,
            "  {}: {}: {} ({})",
            plugin.plugin,
            verdict(plugin.allowed),
            plugin.answer,
            plugin.source
        )?;
    }
    Ok(())
}

fn placed(place: &PlaceRow) -> String {
    match (&place.file, place.line) {
        (Some(file), Some(line)) => format!("{} ({file}:{line})", place.policy),
        _ => place.policy.clone(),
    }
}

fn tier_line(direction: &str, tier: &TierRow) -> String {
    let name = if tier.name.is_empty() { String::new() } else { format!(" {:?}", tier.name) };
    format!(
        "{}: {} tier, {direction} rule {}{name}: {}: {}, {}",
        placed(&tier.place),
        tier.tier,
        tier.rule,
        tier.action,
        entries(peers_of(direction), &tier.peers, "anybody"),
        entries("ports", &tier.ports, "every port")
    )
}

fn meets(direction: &str, rule: &RuleRow) -> String {
    let from = peers_of(direction);
    let peers = || entries(from, &rule.peers, "anybody");
    let ports = || entries("ports", &rule.ports, "every port");
    match (rule.peer, rule.port) {
        (true, true) => format!("admits it: {}, {}", peers(), ports()),
        (true, false) => format!("the peer matches ({}), the port does not ({})", peers(), ports()),
        (false, true) => format!("the port matches ({}), the peer does not ({})", ports(), peers()),
        (false, false) => format!("neither peer ({}) nor port ({}) match", peers(), ports()),
    }
}

/// What was seen to need a rule.
fn evidence(seen: &Seen) -> String {
    let edge = |edge: &SeenEdge| {
        let port = edge.port.map_or_else(String::new, |port| format!("{port}/"));
        format!("{} -> {} {port}{}", edge.from, edge.to, edge.protocol)
    };
    let mut edges: Vec<String> = seen.edges.iter().take(SHOWN).map(edge).collect();
    if seen.edges.len() > SHOWN {
        edges.push(format!("{} more", seen.edges.len() - SHOWN));
    }
    let names = if seen.names.is_empty() { String::new() } else { format!(" ({})", seen.names.join(", ")) };
    format!(
        "seen: {} connections from {} to {}: {}{names}",
        seen.connections,
        seen.first,
        seen.last,
        edges.join(", ")
    )
}

fn peers_of(direction: &str) -> &'static str {
    if direction == "egress" { "to" } else { "from" }
}

/// The entries that match, else the first of those that do not.
fn entries(list: &str, rows: &[EntryRow], without: &str) -> String {
    if rows.is_empty() {
        return without.to_owned();
    }
    let one = |row: &EntryRow| format!("{list}[{}] {}", row.entry, row.text);
    let matching: Vec<String> = rows.iter().filter(|row| row.matches).map(one).collect();
    if !matching.is_empty() {
        return matching.join(" and ");
    }
    let mut shown: Vec<String> = rows.iter().take(SHOWN).map(one).collect();
    if rows.len() > SHOWN {
        shown.push(format!("{} more", rows.len() - SHOWN));
    }
    shown.join(", ")
}
