//! The explanation for people.

use std::io::{self, Write};

use super::{ExplainReport, PolicyRow, RuleRow, StoryRow};
use crate::output::safe;

pub(super) fn write(report: &ExplainReport, out: &mut dyn Write) -> io::Result<()> {
    let port = report.port.map_or_else(String::new, |port| format!("{port}/"));
    let verdict = if report.allowed { "allowed" } else { "denied" };
    let title = format!("{} -> {} {port}{}: {verdict}", report.from, report.to, report.protocol);
    writeln!(out, "{}", safe::line(&title))?;
    story("egress", &report.from, &report.egress, out)?;
    story("ingress", &report.to, &report.ingress, out)?;
    for row in &report.unspecified {
        writeln!(out, "plugins may differ: {} ({})", row.meaning, row.reason)?;
    }
    for change in &report.to_allow {
        writeln!(out, "to allow it: {}", safe::line(change))?;
    }
    Ok(())
}

fn story(direction: &str, subject: &str, story: &StoryRow, out: &mut dyn Write) -> io::Result<()> {
    let verdict = if story.allowed { "allowed" } else { "denied" };
    let reason = match story.reason {
        "tier" => "a rule of a cluster-wide policy decides",
        "no-pod" => "no pod, so no policy speaks of it",
        "not-isolated" => "no policy isolates it",
        "own-node" => "traffic from a pod's own node always passes",
        "self-traffic" => "a pod reaches itself",
        "admitted" => "a rule admits it",
        _ => "isolated, and no rule admits it",
    };
    writeln!(out, "  {direction} of {}: {verdict}: {reason}", safe::line(subject))?;
    for tier in &story.tiers {
        let what = format!(
            "{} rule {}: {}",
            placed(&tier.policy, tier.file.as_deref(), tier.line),
            tier.rule,
            tier.action
        );
        writeln!(out, "    {}", safe::line(&what))?;
    }
    for policy in &story.policies {
        writeln!(out, "    {}", safe::line(&place(policy)))?;
        for rule in &policy.rules {
            writeln!(out, "      {direction} rule {}: {}", rule.rule, meets(rule))?;
        }
        if policy.rules.is_empty() {
            writeln!(out, "      no {direction} rule: nothing is admitted")?;
        }
    }
    Ok(())
}

fn place(policy: &PolicyRow) -> String {
    placed(&policy.policy, policy.file.as_deref(), policy.line)
}

fn placed(name: &str, file: Option<&str>, line: Option<usize>) -> String {
    match (file, line) {
        (Some(file), Some(line)) => format!("{name} ({file}:{line})"),
        _ => name.to_owned(),
    }
}

fn meets(rule: &RuleRow) -> &'static str {
    match (rule.peer, rule.port) {
        (true, true) => "admits it",
        (true, false) => "the peer matches, the port does not",
        (false, true) => "the port matches, the peer does not",
        (false, false) => "neither peer nor port match",
    }
}
