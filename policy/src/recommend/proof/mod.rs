//! The proof: written policies against everything that was genuinely seen.
//!
//! ```text
//! policies as read back ─▶ PolicySet ─┐
//! Facts + Judgement ─▶ replay  each genuine contact, for every replica of both ends ─▶ cut
//! Inventory ─▶ census  pods that no question can tell apart ─▶ excess, reachable
//! ```
//!
//! Nothing of the recommender enters but the widths that it declares, and these excuse excess only.

mod candidate;
mod census;
mod excess;
mod narrower;
mod replay;
mod tiered;

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{EdgeKey, Facts, Inventory};
use flowfence_model::policy::Direction;
use flowfence_model::{NetworkPolicy, NodeId, PortSet, Protocol};

use super::recommendation::Declared;
use crate::judge::{Judgement, Roster};
use crate::semantics::{PolicySet, Rulebook};

pub use candidate::{Candidate, left_open};
pub use narrower::{Added, Narrower, prove_narrower};

pub(super) use census::Census;
pub(super) use replay::Genuine;

/// What a set of policies does to what was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The set by itself.
    pub alone: Outcome,
    /// The set with today's policies kept.
    pub beside: Outcome,
}

impl Proof {
    /// Whether the set by itself cuts nothing.
    pub fn holds(&self) -> bool {
        self.alone.cut.is_empty()
    }
}

/// One set of policies, measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Genuine edges, distinct by from, to, protocol and port.
    pub observed: usize,
    /// Of these, edges that every replica may use.
    pub admitted: usize,
    /// The others.
    pub cut: Vec<Cut>,
    /// What is admitted beyond, where a fenced end could have denied it.
    pub excess: Vec<Excess>,
    /// Workload pairs × declared and observed ports that today's policies let through.
    pub reachable_before: u64,
    /// The same under this set.
    pub reachable_after: u64,
}

/// A genuine edge that is not admitted, or not between all replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The edge.
    pub edge: EdgeKey,
    /// Which end denies.
    pub direction: Direction,
    /// The first pair for which it is denied, `FROM -> TO PORT/PROTOCOL`, pods and addresses.
    pub example: String,
}

/// Ports that are admitted without having been seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Excess {
    /// Who may open.
    pub from: NodeId,
    /// Who may be asked.
    pub to: NodeId,
    /// Protocol.
    pub protocol: Protocol,
    /// Ports.
    pub ports: PortSet,
    /// The policies that admit it.
    pub why: String,
}

/// Measures `policies` against every genuine contact. Pass them as read back from what was
/// written. `today` is what is in force before, and stays for [`Proof::beside`].
pub fn prove(
    facts: &Facts,
    inventory: &Inventory,
    judgement: &Judgement,
    policies: &[NetworkPolicy],
    today: &[NetworkPolicy],
    declared: &[Declared],
) -> Proof {
    let candidate = Candidate::of(policies.to_vec());
    prove_candidate(facts, inventory, judgement, &candidate, today, declared)
}

/// The same for rules of any kind.
pub fn prove_candidate(
    facts: &Facts,
    inventory: &Inventory,
    judgement: &Judgement,
    candidate: &Candidate,
    today: &[NetworkPolicy],
    declared: &[Declared],
) -> Proof {
    let roster = judgement.roster(facts, inventory);
    let genuine = Genuine::new(judgement.genuine(facts), inventory, &roster);
    let ports = port_universe(facts, judgement, &roster);
    // Cluster-wide tiers stay whatever becomes of the NetworkPolicies beside them.
    let tiers = inventory.cluster_policies();
    let before = PolicySet::compile_all(roster.cluster(), today, tiers);
    let alone = PolicySet::compile_all(roster.cluster(), &candidate.policies, &candidate.tiers);
    let both = candidate.beside(today, tiers);
    let reachable_before = Census::new(&before, &roster).reachable(&ports);
    let measure = |set: &PolicySet| {
        let census = Census::new(set, &roster);
        let cut = genuine.cut(set, &roster, &census);
        Outcome {
            observed: genuine.len(),
            admitted: genuine.len() - cut.len(),
            cut,
            excess: excess::excess(&census, &alone, &genuine, declared),
            reachable_before,
            reachable_after: census.reachable(&ports),
        }
    };
    let measured = measure(&alone);
    // Where nothing else is in force there is nothing more to measure.
    let beside = if both == *candidate {
        measured.clone()
    } else {
        measure(&PolicySet::compile_all(roster.cluster(), &both.policies, &both.tiers))
    };
    Proof { alone: measured, beside }
}

/// How many genuine edges there are, and which of them `candidate` cuts: the question of
/// [`prove`], put to policies of any kind under any plugin's reading.
pub fn cuts(
    facts: &Facts,
    inventory: &Inventory,
    judgement: &Judgement,
    candidate: &Rulebook<'_>,
) -> (usize, Vec<Cut>) {
    let roster = judgement.roster(facts, inventory);
    let genuine = Genuine::new(judgement.genuine(facts), inventory, &roster);
    let set = candidate.compile(roster.cluster());
    let census = Census::new(&set, &roster);
    (genuine.len(), genuine.cut(&set, &roster, &census))
}

/// What rules of `policies` admit between workloads and nobody genuinely used, where an end that they isolate could have
/// denied it.
pub fn unused(
    facts: &Facts,
    inventory: &Inventory,
    judgement: &Judgement,
    policies: &Rulebook<'_>,
) -> Vec<Excess> {
    let roster = judgement.roster(facts, inventory);
    let genuine = Genuine::new(judgement.genuine(facts), inventory, &roster);
    let set = policies.compile(roster.cluster());
    excess::excess(&Census::new(&set, &roster), &set, &genuine, &[])
}

/// Declared and observed ports of each workload.
type Universe = BTreeMap<NodeId, BTreeSet<(Protocol, u16)>>;

fn port_universe(facts: &Facts, judgement: &Judgement, roster: &Roster) -> Universe {
    let mut ports = Universe::new();
    for (id, pods) in roster.workloads() {
        let declared = pods.iter().flat_map(|pod| &roster.cluster().pod(*pod).ports);
        ports.entry(id.clone()).or_default().extend(declared.map(|p| (p.protocol, p.port)));
    }
    for (contact, judged) in facts.contacts.iter().zip(&judgement.contacts) {
        if let (true, Some(port)) = (judged.is_connected(), contact.port)
            && let Some(own) = ports.get_mut(&contact.to.id)
        {
            own.insert((contact.protocol, port));
        }
    }
    ports
}

#[cfg(test)]
mod tests;
