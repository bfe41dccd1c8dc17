//! `flowfence check`: recorded traffic replayed against a candidate set of policies.

use flowfence_policy::replay::{denied_by, replay};
use flowfence_policy::semantics::Plugin;

use super::observed;
use crate::cli::CheckArgs;
use crate::cluster;
use crate::decision;
use crate::exit::{Ending, Failure};
use crate::output::check as output;
use crate::output::check::ReplayReport;

/// Replays; a genuine connection that would have been cut ends the run with code 1, a candidate
/// of which something could not be read with 5 at least: what was replayed is not what was meant.
pub fn run(args: &CheckArgs) -> Result<Ending, Failure> {
    let mut today = args.input.cluster.clone();
    let Some(path) = today.policies.take() else {
        return Err(Failure::usage(
            "check needs --policies PATH: the set that the traffic is replayed against",
        ));
    };
    let candidate = cluster::load_set(&path)?;
    let decisions = decision::load(&args.judge)?;
    let observed = observed::observe_beside(&args.input, &today)?;
    let plugin = args.plugin.map(Plugin::from);
    let judgement = observed.judge_with(&decisions, plugin);
    // As everywhere, a set of NetworkPolicies stands beside the cluster-wide policies in force.
    let mut rules = candidate.rules(plugin);
    if candidate.tiers.is_empty() {
        rules.tiers = &observed.cluster.tiers;
    }
    let inventory = &observed.cluster.inventory;
    let answer = replay(&observed.facts, inventory, &judgement, &rules);
    let denied_by = denied_by(inventory, &candidate.policies, &answer.cut);
    let mut completeness = observed.completeness.clone();
    completeness.objects = completeness.objects.and(&candidate);
    let report = ReplayReport {
        plugin: plugin.map(Plugin::token),
        ..ReplayReport::new(&answer, &denied_by, &candidate, completeness)
    };
    output::write(&report, args.output, &mut std::io::stdout().lock())?;
    Ok(match (answer.cut.is_empty(), candidate.ending()) {
        (false, _) => Ending::Findings,
        (true, Ending::Clean) => observed.ending(),
        (true, partial) => partial,
    })
}
