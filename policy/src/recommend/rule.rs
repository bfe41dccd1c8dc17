//! Few rules for what must be admitted, and nothing beside it.

use std::collections::BTreeSet;

use flowfence_graph::EdgeKey;
use flowfence_model::{PolicyPort, PolicyRule};
use ipnet::IpNet;

use super::cover::cover;
use super::need::Admissions;
use super::peer::{Peer, Widths};
use super::port;
use super::subject::{Subject, Subjects};

/// A rule and why it is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reasoned {
    /// The rule.
    pub rule: PolicyRule,
    /// The edges that need it.
    pub edges: BTreeSet<EdgeKey>,
    /// Blocks among its peers that hold more than was seen.
    pub wider: Vec<IpNet>,
}

/// The rules of one direction of `subject`, in a fixed order: pods before blocks, ports by
/// protocol and number. Peers that share ports share a rule, ports that share peers likewise, with
/// the fewest rules that a cover of the relation takes.
pub(super) fn rules(
    admissions: &Admissions,
    subject: &Subject,
    subjects: &Subjects,
    widths: &Widths,
) -> Vec<Reasoned> {
    let admissions = without_covered(admissions, widths);
    let relation: BTreeSet<(Peer, PolicyPort)> = admissions.keys().cloned().collect();
    let mut rules: Vec<Reasoned> = Vec::new();
    for block in cover(&relation) {
        let (peers, wider) = widths.write(&block.rows, subject, subjects);
        // A rule without peers would admit everybody.
        if peers.is_empty() {
            continue;
        }
        let edges = block
            .rows
            .iter()
            .flat_map(|peer| block.columns.iter().filter_map(|port| admissions.get(&(*peer, port.clone()))));
        let edges = edges.flatten().cloned().collect();
        let rule = PolicyRule { peers, ports: port::in_ranges(&block.columns) };
        rules.push(Reasoned { rule, edges, wider });
    }
    rules.sort();
    rules
}

/// An exposed port admits nodes and addresses outside anyway.
fn without_covered(admissions: &Admissions, widths: &Widths) -> Admissions {
    let mut kept = Admissions::new();
    for ((peer, port), edges) in admissions {
        let is_exposed = admissions.contains_key(&(Peer::Exposed, port.clone()));
        let covered = is_exposed && widths.covers(*peer);
        let peer = if covered { Peer::Exposed } else { *peer };
        kept.entry((peer, port.clone())).or_default().extend(edges.iter().cloned());
    }
    kept
}
