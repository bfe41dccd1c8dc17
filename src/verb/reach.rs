//! `flowfence reach`: exact answers about policies, without traffic.

use std::io::Write;

use crate::cli::ReachArgs;
use crate::cluster;
use crate::exit::{Ending, Failure};
use crate::reach::answer_probes;
use crate::source::read_text;

/// Answers `--probes`.
pub fn run(args: &ReachArgs) -> Result<Ending, Failure> {
    let cluster = cluster::load(&args.cluster)?;
    let probes = read_text(&args.probes)?;
    let answers = answer_probes(&probes, &cluster.inventory, &cluster.policies, &cluster.tiers)
        .map_err(|error| Failure::unreadable(format!("{}: {error}", args.probes.display())))?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &answers).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(Ending::Clean)
}
