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
use std::sync::OnceLock;

use flowfence_graph::crew::{Crew, gather};
use flowfence_graph::{Facts, Inventory};
use flowfence_model::NodeId;

use super::finding::Finding;
use super::owner::{self, Owner};
use super::settings::Settings;
use crate::judge::{Judgement, Prepared};
use crate::recommend::{Options, fenced};

pub use score::{Part, Rank, Spread, Why};

use blast::{Blasts, Reach};
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
    pub today: &'a Prepared,
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

/// Findings that are ranked in one piece. Workloads of many findings are asked of once a piece.
const PIECE: usize = 2048;

/// Gives every finding its rank, and its owner where objects name one.
pub fn rank(findings: &mut [Finding], context: &Context<'_>, crew: &dyn Crew) {
    let grounds = Grounds::new(context, crew);
    let pieces: Vec<&[Finding]> = findings.chunks(PIECE).collect();
    let rank = |piece: usize| {
        let mut ranker =
            Ranker { grounds: &grounds, of_workloads: BTreeMap::new(), of_policies: BTreeMap::new() };
        let findings = pieces.get(piece).copied().unwrap_or_default();
        findings.iter().map(|finding| ranker.rank(finding)).collect::<Vec<_>>()
    };
    let ranks: Vec<(Rank, Option<Owner>)> = gather(crew, pieces.len(), rank).flatten().collect();
    for (finding, (rank, owner)) in findings.iter_mut().zip(ranks) {
        finding.owner = owner;
        finding.rank = Some(Box::new(rank));
    }
}

/// What all findings are ranked by.
struct Grounds<'a> {
    context: &'a Context<'a>,
    subjects: Subjects<'a>,
    sights: Sights<'a>,
    exposures: Exposures<'a>,
    blasts: Blasts<'a>,
}

impl<'a> Grounds<'a> {
    fn new(context: &'a Context<'a>, crew: &dyn Crew) -> Self {
        let Context { facts, inventory, judgement, today, .. } = *context;
        let (sights, exposures) = (OnceLock::new(), OnceLock::new());
        let (reach, fences) = (OnceLock::new(), OnceLock::new());
        let new_sights = || Sights::new(facts, context.loss);
        let new_exposures = || Exposures::new(facts, inventory, judgement);
        let new_reach = || Reach::new(facts, inventory, judgement, &today.roster, &today.policies);
        let new_fences = || fenced(facts, inventory, &Options::default());
        crew.each(4, &|part| match part {
            0 => drop(reach.set(new_reach())),
            1 => drop(fences.set(new_fences())),
            2 => drop(sights.set(new_sights())),
            _ => drop(exposures.set(new_exposures())),
        });
        let reach = reach.into_inner().unwrap_or_else(new_reach);
        let fences = fences.into_inner().unwrap_or_else(new_fences);
        Grounds {
            context,
            subjects: Subjects::new(&today.policies, &today.roster),
            sights: sights.into_inner().unwrap_or_else(new_sights),
            exposures: exposures.into_inner().unwrap_or_else(new_exposures),
            blasts: Blasts::new(reach, fences),
        }
    }
}

/// The key of a cluster-wide policy begins with its kind.
fn is_namespace(context: &Context<'_>, name: &str) -> bool {
    context.inventory.namespaces().contains_key(name)
        || context.today.policies.policies().iter().any(|policy| policy.namespace == name)
}

/// Ranks findings one after another, and remembers what it asked.
struct Ranker<'a> {
    grounds: &'a Grounds<'a>,
    of_workloads: BTreeMap<NodeId, Rc<Standing>>,
    of_policies: BTreeMap<String, Rc<Standing>>,
}

impl Ranker<'_> {
    fn rank(&mut self, finding: &Finding) -> (Rank, Option<Owner>) {
        let context = self.grounds.context;
        let acting = Subjects::of(finding);
        let standing = self.standing(finding, &acting);
        let mut homes: BTreeSet<&str> = acting.iter().filter_map(NodeId::namespace).collect();
        if homes.is_empty() {
            let policy = finding.policy.as_deref().and_then(|key| key.split_once('/'));
            homes.extend(policy.map(|(namespace, _)| namespace).filter(|ns| is_namespace(context, ns)));
        }
        let others = finding.to.iter().filter_map(NodeId::namespace).collect();
        let environment = environment::of(context.inventory, context.settings, &homes, &others);
        let rank = Rank {
            exposure: standing.exposure.clone(),
            privilege: standing.privilege.clone(),
            blast_radius: standing.blast_radius.clone(),
            spread: standing.spread,
            environment,
            confidence: self.grounds.sights.of(finding),
        };
        (rank, owner::of(context.inventory, context.settings, &acting, &homes))
    }

    fn standing(&mut self, finding: &Finding, acting: &BTreeSet<NodeId>) -> Rc<Standing> {
        let Some(policy) = finding.policy.as_deref().filter(|_| acting.is_empty()) else {
            return self.most(acting);
        };
        if let Some(known) = self.of_policies.get(policy) {
            return known.clone();
        }
        let standing = self.most(&self.grounds.subjects.selected(policy));
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
        let workload = self.grounds.context.inventory.workload(id);
        let uses_node = workload.is_some_and(|workload| workload.host_network);
        let (blast_radius, spread) = self.grounds.blasts.of(id, uses_node);
        let standing = Rc::new(Standing {
            exposure: self.grounds.exposures.of(id, workload.map_or(&[], |workload| &workload.label_sets)),
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
    let total = |finding: &Finding| finding.rank.as_ref().map_or(0, |rank| rank.total());
    findings.sort_by_cached_key(|finding| (finding.level, std::cmp::Reverse(total(finding))));
}

#[cfg(test)]
mod tests;
