//! `flowfence check`: recorded traffic replayed against a candidate set of policies.

use flowfence_policy::replay::replay;

use super::observed;
use crate::cli::CheckArgs;
use crate::cluster;
use crate::decision;
use crate::exit::{Ending, Failure};
use crate::output::check as output;
use crate::output::check::ReplayReport;

/// Replays; a genuine connection that would have been cut ends the run with code 1.
pub fn run(args: &CheckArgs) -> Result<Ending, Failure> {
    let mut today = args.input.cluster.clone();
    let Some(path) = today.policies.take() else {
        return Err(Failure::usage(
            "check needs --policies PATH: the set that the traffic is replayed against",
        ));
    };
    let candidate = cluster::load_policies(&path)?;
    let decisions = decision::load(&args.judge)?;
    let observed = observed::observe_beside(&args.input, &today)?;
    let judgement = observed.judge(&decisions);
    let answer = replay(&observed.facts, &observed.cluster.inventory, &judgement, &candidate);
    let report = ReplayReport::new(&answer, observed.completeness.clone());
    output::write(&report, args.output, &mut std::io::stdout().lock())?;
    Ok(if answer.cut.is_empty() { observed.ending() } else { Ending::Findings })
}
