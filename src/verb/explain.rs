//! `flowfence explain`: which policy and rule allow or deny a connection.

mod change;
mod tell;

use flowfence_policy::explain::explain;
use flowfence_policy::semantics::{Decision, Plugin};

use crate::cli::ExplainArgs;
use crate::cluster;
use crate::end::{self, End};
use crate::evidence::Evidence;
use crate::exit::{Ending, Failure};
use crate::output::completeness::ObjectsRow;
use crate::output::explain::{self as output, ExplainReport};
use crate::output::safe;
use crate::reach;

/// Explains one connection. A workload stands for each of its pods: the first pair is told, and
/// the first one of each other answer.
pub fn run(args: &ExplainArgs) -> Result<Ending, Failure> {
    let evidence = args.evidence.as_deref().map(Evidence::load).transpose()?.unwrap_or_default();
    let cluster = cluster::load(&args.cluster)?;
    if args.cluster.cluster.is_empty() && cluster.api.is_none() {
        say!(
            "flowfence: no --cluster given, and no kubeconfig: nobody is known to be a pod, so no policy can speak of an end"
        );
    }
    let pods = reach::cluster(&cluster.inventory);
    let plugin = args.plugin.map(Plugin::from);
    let policies = cluster.rules(plugin).compile(&pods);
    let (port, protocol) = end::port(&args.port).map_err(Failure::usage)?;
    let from = end::ends(&args.from, &cluster.inventory, &pods).map_err(Failure::usage)?;
    let to = end::ends(&args.to, &cluster.inventory, &pods).map_err(Failure::usage)?;
    for service in
        to.iter().filter_map(|end| end.address).flat_map(|ip| end::services_at(ip, &cluster.inventory))
    {
        say!("flowfence: {}", safe::line(&service));
    }
    let mut told: Vec<(Answer, ExplainReport)> = Vec::new();
    for (source, destination) in pairs(&from, &to) {
        let connection = end::connection(source, destination, protocol, port, &pods);
        let answer = answer(policies.decide(&connection));
        if let Some((_, report)) = told.iter_mut().find(|(known, _)| *known == answer) {
            report.pairs += 1;
            continue;
        }
        told.push((answer, tell::report(&explain(&policies, &connection), &connection, &policies, &cluster)));
    }
    let reports = told.into_iter().map(|(_, report)| {
        let report = report.with_evidence(&evidence);
        ExplainReport { plugin: plugin.map(Plugin::token), ..report }
    });
    let mut out = std::io::stdout().lock();
    output::write(reports.collect(), ObjectsRow::new(&cluster), args.output, &mut out)?;
    Ok(cluster.ending())
}

/// What makes one pair's story worth telling beside another's.
type Answer = (bool, bool, Vec<flowfence_policy::semantics::Unspecified>);

fn answer(decision: Decision) -> Answer {
    (decision.egress.allowed, decision.ingress.allowed, decision.unspecified)
}

/// A workload and itself means two of its pods, where it has two.
fn pairs(from: &[End], to: &[End]) -> Vec<(End, End)> {
    let all = || from.iter().flat_map(|source| to.iter().map(move |destination| (*source, *destination)));
    let between: Vec<(End, End)> = all().filter(|(source, destination)| source != destination).collect();
    if between.is_empty() { all().collect() } else { between }
}
