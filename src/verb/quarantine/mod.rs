//! `flowfence audit --quarantine`: a policy that isolates exactly the pods of a finding, written, read back and proved
//! before it is shown.

mod read_back;
mod scale;

use std::io::Write;

use flowfence_graph::Facts;
use flowfence_policy::audit::Finding;
use flowfence_policy::respond::{self, Allowed, Isolation, NoPods, Plan};

use crate::cli::{FindingsFormat, QuarantineArgs};
use crate::cluster::Cluster;
use crate::exit::{Ending, Failure};
use crate::output::quarantine::{self as output, Quarantine, Step};
use crate::output::safe;

/// Ids that are suggested at most.
const SUGGESTED: usize = 5;

/// What is told of a proof that failed.
const TOLD: usize = 5;

/// What clap cannot say of the flags.
pub fn refuse_contradictions(args: &QuarantineArgs, format: FindingsFormat) -> Result<(), Failure> {
    match (args.quarantine.is_some(), format) {
        (true, FindingsFormat::Table | FindingsFormat::Yaml) => Ok(()),
        (true, _) => Err(Failure::usage("--quarantine prints YAML, and nothing else: -o yaml")),
        (false, FindingsFormat::Yaml) => Err(Failure::usage("-o yaml is what --quarantine FINDING prints")),
        (false, _) => Ok(()),
    }
}

/// Prints how to isolate the pods of one of `findings`.
pub fn run(
    id: &str,
    allowed: &[Allowed],
    findings: &[Finding],
    facts: &Facts,
    cluster: &Cluster,
) -> Result<Ending, Failure> {
    let finding = findings
        .iter()
        .find(|finding| finding.id == id)
        .ok_or_else(|| Failure::usage(unknown(id, findings)))?;
    let inventory = &cluster.inventory;
    let suspects = respond::suspects(finding, facts, inventory)
        .map_err(|reason| Failure::usage(refusal(finding, reason, cluster)))?;
    for wanted in allowed {
        if !inventory.namespaces().contains_key(&wanted.namespace) {
            say!(
                "flowfence: --quarantine-allow: there is no namespace {} (yet)",
                safe::line(&wanted.namespace)
            );
        }
    }
    let plan = respond::plan(&finding.id, &suspects, inventory, &cluster.policies, allowed);
    let scale = scale::steps(&suspects, inventory);
    let unread = unread(cluster);
    for (kind, count) in &unread {
        say!(
            "flowfence: {count} objects of {} were not looked at: what they admit may stay admitted",
            safe::line(kind)
        );
    }
    let text = output::text(&Quarantine {
        finding: &finding.id,
        title: &finding.title,
        suspects: &suspects,
        plan: &plan,
        unread: &unread,
        scale: &scale,
    });
    let after = read_back::read_back(&text, cluster).map_err(|reason| {
        let error = anyhow::anyhow!("what was written for {id} does not read back: {reason}");
        Failure { ending: Ending::ProofFailed, error }
    })?;
    let proof = respond::prove(inventory, &cluster.policies, &after, &suspects.pods, allowed);
    if !proof.holds() || proof.isolated != suspects.pods.len() {
        say_why(&proof, &plan, &scale);
        return Ok(Ending::ProofFailed);
    }
    say!(
        "flowfence: {} pods isolated, {} others untouched: the proof holds",
        proof.isolated,
        proof.untouched
    );
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(Ending::Clean)
}

/// Says why nothing is printed, and what cuts the pods off all the same.
fn say_why(proof: &Isolation, plan: &Plan, scale: &[Step]) {
    for failure in proof.failures.iter().take(TOLD) {
        say!("flowfence: {}", safe::line(failure));
    }
    for key in &plan.overruling.unbeatable {
        say!(
            "flowfence: {} accepts traffic of these pods above every NetworkPolicy, and no priority before its own is free: \
             give it a higher number, and ask again",
            safe::line(key)
        );
    }
    for command in scale.iter().filter_map(|step| step.run.as_deref()) {
        say!("flowfence: to stop the workload instead: {}", safe::line(command));
    }
    say!("flowfence: the proof failed: nothing is printed");
}

/// Groups of APIs whose policies are in force beside or above NetworkPolicies, and are not read.
const OTHER_POLICIES: &[&str] = &["cilium.io/", "crd.projectcalico.org/", "projectcalico.org/"];

/// Policies of other kinds among the objects, which may admit what NetworkPolicies do not: by API version and kind.
fn unread(cluster: &Cluster) -> Vec<(&str, u64)> {
    let is_policy = |kind: &str| {
        OTHER_POLICIES.iter().any(|group| kind.starts_with(group))
            && kind.ends_with("Policy")
            && !kind.contains(" Staged")
    };
    let kinds = cluster.ignored.iter().map(|(kind, count)| (kind.as_str(), *count));
    kinds.filter(|(kind, _)| is_policy(kind)).collect()
}

/// Why there is nothing to isolate, and how to stop the workload all the same.
fn refusal(finding: &Finding, reason: NoPods, cluster: &Cluster) -> String {
    let acting = [&finding.from, &finding.to]
        .into_iter()
        .flatten()
        .find(|id| id.is_workload())
        .filter(|_| reason != NoPods::Nobody);
    let stop = acting.map(|id| scale::of_workload(id, &cluster.inventory));
    let commands: Vec<String> = stop.into_iter().flatten().filter_map(|step| step.run).collect();
    let advice =
        if commands.is_empty() { String::new() } else { format!("; to stop it: {}", commands.join("; ")) };
    format!("{}: {reason}{advice}", finding.id)
}

fn unknown(id: &str, findings: &[Finding]) -> String {
    let distance = |finding: &&Finding| {
        let is_part = finding.id.contains(id) || id.contains(finding.id.as_str());
        if is_part { 0 } else { strsim::osa_distance(id, &finding.id) }
    };
    let mut near: Vec<(usize, &str)> =
        findings.iter().map(|finding| (distance(&finding), finding.id.as_str())).collect();
    near.sort_unstable();
    near.retain(|(distance, found)| *distance <= id.len().max(found.len()) / 2);
    let near: Vec<&str> = near.into_iter().take(SUGGESTED).map(|(_, found)| found).collect();
    if near.is_empty() {
        return format!("no finding has the id {id:?}; audit -o json lists the ids of all");
    }
    format!("no finding has the id {id:?}; did you mean: {}", near.join(", "))
}
