//! `flowfence audit`: what is unexpected, too wide, unused or uncovered.

use std::collections::BTreeSet;
use std::sync::Arc;

use flowfence_graph::Facts;
use flowfence_model::NodeId;
use flowfence_policy::audit::{self, Finding, Level, Settings};
use flowfence_policy::decision::Decisions;

use super::observed;
use crate::cli::{AuditArgs, ClusterArgs, FailOn};
use crate::cluster::{self, Cluster};
use crate::decision;
use crate::exit::{Ending, Failure};
use crate::output::audit as output;
use crate::output::audit::AuditReport;
use crate::output::completeness::CompletenessReport;

/// Reports the findings: all of them, or without a source those that need no traffic.
pub fn run(args: &AuditArgs) -> Result<Ending, Failure> {
    let decisions = decision::load(&args.judge)?;
    let (mut findings, cluster, completeness, ending) = if args.input.sources.is_empty() {
        without_traffic(&args.input.cluster)?
    } else {
        with_traffic(args, &decisions)?
    };
    findings.sort_by_key(|finding| finding.level);
    let subjects = cluster.subjects(&args.judge.namespaces, args.judge.all_namespaces);
    findings.retain(|finding| concerns(finding, &subjects));
    silence(&mut findings, &decisions);
    let fails = findings.iter().any(|finding| is_failure(finding.level, args.fail_on));
    let report = AuditReport::new(findings, &cluster, completeness);
    output::write(&report, args.output, &mut std::io::stdout().lock())?;
    Ok(if fails { Ending::Findings } else { ending })
}

/// Takes out what somebody accepted; a decision that silences a finding is not an unused one.
fn silence(findings: &mut Vec<Finding>, decisions: &Decisions) {
    let accepted: BTreeSet<String> =
        findings.iter().filter(|f| decisions.accepts_finding(&f.id)).map(|f| f.id.clone()).collect();
    let is_about_one = |finding: &Finding| {
        finding.id.strip_prefix("decision-unused:").is_some_and(|about| accepted.contains(about))
    };
    findings.retain(|finding| !accepted.contains(&finding.id) && !is_about_one(finding));
    if !accepted.is_empty() {
        say!("flowfence: {} findings are accepted and not shown", accepted.len());
    }
}

type Found = (Vec<Finding>, Arc<Cluster>, CompletenessReport, Ending);

fn with_traffic(args: &AuditArgs, decisions: &Decisions) -> Result<Found, Failure> {
    let observed = observed::observe(&args.input)?;
    let judgement = observed.judge(decisions);
    let (inventory, today) = (&observed.cluster.inventory, &observed.cluster.policies);
    let mut findings = audit::audit(&observed.facts, inventory, &judgement, today, &Settings::default());
    findings.extend(audit::lint(&observed.facts, inventory, today, &observed.cluster.remarks));
    let ending = observed.ending();
    Ok((findings, observed.cluster, observed.completeness, ending))
}

fn without_traffic(objects: &ClusterArgs) -> Result<Found, Failure> {
    if objects.cluster.iter().any(|path| path.as_os_str() == "none") {
        return Err(Failure::usage(
            "audit needs a SOURCE of traffic, or --cluster PATH to look at the policies alone; see audit --help",
        ));
    }
    let cluster = cluster::load(objects)?;
    if objects.cluster.is_empty() && cluster.api.is_none() {
        return Err(Failure::usage(
            "audit needs a SOURCE of traffic, or --cluster PATH or a kubeconfig to look at the policies alone; see \
             audit --help",
        ));
    }
    say!("flowfence: no SOURCE given: only what needs no traffic is looked for");
    if cluster.inventory.workloads().is_empty() {
        say!(
            "flowfence: no pod and no workload in the cluster: what policies select cannot be told (give objects from \
             `kubectl get pods,deployments,… -A -o yaml`)"
        );
    }
    let facts = Facts::default();
    let findings = audit::lint(&facts, &cluster.inventory, &cluster.policies, &cluster.remarks);
    let completeness = CompletenessReport::new(&facts.completeness, &cluster);
    Ok((findings, cluster, completeness, Ending::Clean))
}

/// Whether a finding is about a workload or policy of the namespaces; about any when none is given.
fn concerns(finding: &Finding, namespaces: &[String]) -> bool {
    let ends = [&finding.from, &finding.to].into_iter().flatten();
    let of_edges = finding.edges.iter().flat_map(|edge| [&edge.from, &edge.to]);
    let subject =
        finding.id.split_once(':').and_then(|(_, subject)| subject.split_once('/')).map(|(ns, _)| ns);
    namespaces.is_empty()
        || namespaces.iter().any(|wanted| subject == Some(wanted))
        || ends.chain(of_edges).filter_map(NodeId::namespace).any(|ns| namespaces.iter().any(|w| w == ns))
}

fn is_failure(level: Level, fail_on: FailOn) -> bool {
    match fail_on {
        FailOn::Error => level <= Level::Error,
        FailOn::Warning => level <= Level::Warning,
        FailOn::Note => true,
        FailOn::Never => false,
    }
}
