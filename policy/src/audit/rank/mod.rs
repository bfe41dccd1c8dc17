//! Which finding to look at first, and who should look.
//!
//! ```text
//! finding ─▶ subjects ─┬▶ exposure, privilege, blast radius   of the workload for which they are the most
//!                      ├▶ environment                         of the namespaces
//!                      └▶ confidence                          of the edges
//!                                └─▶ Rank, whose total is one formula (score.rs)
//! ```
//!
//! What is asked of a workload is asked once, however many findings name it.

mod blast;
mod confidence;
mod environment;
mod exposure;
mod privilege;
mod score;
mod subject;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use flowfence_graph::{Facts, Inventory};
use flowfence_model::{NetworkPolicy, NodeId};

use super::finding::Finding;
use super::owner;
use super::settings::Settings;
use crate::judge::{Judgement, Roster};
use crate::semantics::PolicySet;

pub use score::{Part, Rank, Spread};

use blast::Blasts;
use confidence::Sights;
use exposure::Exposures;
use subject::Subjects;

/// What findings are ranked by.
pub struct Context<'a> {
    /// Who talked to whom.
    pub facts: &'a Facts,
    /// The cluster.
    pub inventory: &'a Inventory,
    /// What was concluded of each contact.
    pub judgement: &'a Judgement,
    /// Today's policies.
    pub today: &'a [NetworkPolicy],
    /// What people say of the cluster.
    pub settings: &'a Settings,
    /// The share of packets and flows that were lost, 0 to 1.
    pub loss: f64,
}

/// What counts for one workload, or the most of several.
#[derive(Clone, Debug, Default)]
struct Standing {
    exposure: Part,
    privilege: Part,
    blast_radius: Part,
    spread: Option<(Spread, Spread)>,
}

/// Gives every finding its rank, and its owner where objects name one.
pub fn rank(findings: &mut [Finding], context: &Context<'_>) {
    let roster = Roster::new(context.inventory);
    let tiers = context.inventory.cluster_policies();
    let set = PolicySet::compile_all(roster.cluster(), context.today, tiers);
    let sights = Sights::new(context.facts, findings, context.loss);
    let mut ranker = Ranker {
        context,
        subjects: Subjects::new(&set, &roster),
        exposures: Exposures::new(context.facts, context.inventory, context.judgement),
        blasts: Blasts::new(context.facts, context.inventory, context.judgement, &roster, &set),
        of_workloads: BTreeMap::new(),
        of_policies: BTreeMap::new(),
    };
    for finding in findings {
        let acting = Subjects::of(finding);
        let standing = ranker.standing(finding, &acting);
        let mut homes: BTreeSet<&str> = acting.iter().filter_map(NodeId::namespace).collect();
        if homes.is_empty() {
            let policy = finding.policy.as_deref().and_then(|key| key.split_once('/'));
            homes.extend(policy.map(|(namespace, _)| namespace).filter(|ns| is_namespace(context, ns)));
        }
        let others = finding.to.iter().filter_map(NodeId::namespace).collect();
        let environment = environment::of(context.inventory, context.settings, &homes, &others);
        finding.owner = owner::of(context.inventory, context.settings, &acting, &homes);
        finding.rank = Some(Rank {
            exposure: standing.exposure.clone(),
            privilege: standing.privilege.clone(),
            blast_radius: standing.blast_radius.clone(),
            spread: standing.spread,
            environment,
            confidence: sights.of(finding),
        });
    }
}

/// The key of a cluster-wide policy begins with its kind.
fn is_namespace(context: &Context<'_>, name: &str) -> bool {
    context.inventory.namespaces().contains_key(name)
        || context.today.iter().any(|policy| policy.namespace == name)
}

struct Ranker<'a> {
    context: &'a Context<'a>,
    subjects: Subjects<'a>,
    exposures: Exposures<'a>,
    blasts: Blasts<'a>,
    of_workloads: BTreeMap<NodeId, Rc<Standing>>,
    of_policies: BTreeMap<String, Rc<Standing>>,
}

impl Ranker<'_> {
    fn standing(&mut self, finding: &Finding, acting: &BTreeSet<NodeId>) -> Rc<Standing> {
        let Some(policy) = finding.policy.as_deref().filter(|_| acting.is_empty()) else {
            return self.most(acting);
        };
        if let Some(known) = self.of_policies.get(policy) {
            return known.clone();
        }
        let standing = self.most(&self.subjects.selected(policy));
        self.of_policies.insert(policy.to_owned(), standing.clone());
        standing
    }

    /// The most of each part among workloads: they fail together, or one of them.
    fn most(&mut self, workloads: &BTreeSet<NodeId>) -> Rc<Standing> {
        let mut most: Option<Rc<Standing>> = None;
        for id in workloads {
            let next = self.of_workload(id);
            most = Some(match most {
                None => next,
                Some(known) => Rc::new(known.or_more(&next)),
            });
        }
        most.unwrap_or_default()
    }

    fn of_workload(&mut self, id: &NodeId) -> Rc<Standing> {
        if let Some(known) = self.of_workloads.get(id) {
            return known.clone();
        }
        let workload = self.context.inventory.workload(id);
        let uses_node = workload.is_some_and(|workload| workload.host_network);
        let (blast_radius, spread) = self.blasts.of(id, uses_node);
        let standing = Rc::new(Standing {
            exposure: self.exposures.of(id, workload.map_or(&[], |workload| &workload.label_sets)),
            privilege: workload.map(privilege::of).unwrap_or_default(),
            blast_radius,
            spread,
        });
        self.of_workloads.insert(id.clone(), standing.clone());
        standing
    }
}

impl Standing {
    fn or_more(&self, other: &Standing) -> Standing {
        let more = |one: &Part, two: &Part| if two.value > one.value { two.clone() } else { one.clone() };
        let spread =
            if other.blast_radius.value > self.blast_radius.value { other.spread } else { self.spread };
        Standing {
            exposure: more(&self.exposure, &other.exposure),
            privilege: more(&self.privilege, &other.privilege),
            blast_radius: more(&self.blast_radius, &other.blast_radius),
            spread: spread.or(other.spread),
        }
    }
}

/// Sorts findings by level, then by rank, then as they were.
pub fn sort(findings: &mut [Finding]) {
    let total = |finding: &Finding| finding.rank.as_ref().map_or(0, Rank::total);
    findings.sort_by_cached_key(|finding| (finding.level, std::cmp::Reverse(total(finding))));
}

#[cfg(test)]
mod tests;
