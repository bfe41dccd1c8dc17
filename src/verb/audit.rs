//! `flowfence audit`: what is unexpected, too wide, unused or uncovered.

use flowfence_model::NodeId;
use flowfence_policy::audit::{Finding, Level, audit};

use super::observed;
use crate::cli::{AuditArgs, FailOn};
use crate::decision;
use crate::exit::{Ending, Failure};
use crate::output::audit as output;
use crate::output::audit::AuditReport;

/// Reports the findings.
pub fn run(args: &AuditArgs) -> Result<Ending, Failure> {
    let decisions = decision::load(&args.judge)?;
    let observed = observed::observe(&args.input)?;
    let judgement = observed.judge(&decisions);
    let (inventory, today) = (&observed.cluster.inventory, &observed.cluster.policies);
    let mut findings = audit(&observed.facts, inventory, &judgement, today);
    findings.retain(|finding| concerns(finding, &args.judge.namespaces));
    let fails = findings.iter().any(|finding| is_failure(finding.level, args.fail_on));
    let report = AuditReport::new(findings, observed.completeness.clone());
    output::write(&report, args.output, &mut std::io::stdout().lock())?;
    Ok(if fails { Ending::Findings } else { observed.ending() })
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
