//! Policies that admit what was genuinely seen and nothing else.
//!
//! ```text
//! Facts + Judgement ─▶ scope    who is fenced, unobserved, left open
//! Inventory ─────────▶ subject  workloads as labels tell them apart (selector)
//!                      need     what each direction of each subject must admit (peer, port)
//!                      rule     few rules for that ─▶ Recommendation
//! written policies ──▶ proof    every genuine contact replayed, and what else gets through
//! ```
//!
//! The proof takes nothing from the recommender but the policies as they were read back, and the
//! widths that it declares.

mod cover;
mod dynamic;
mod evidence;
mod gather;
mod missing;
mod name;
mod namespace;
mod need;
mod network;
mod options;
mod peer;
mod port;
pub mod proof;
mod recommendation;
mod rule;
mod scope;
mod selector;
mod subject;
pub mod tighten;
mod writer;

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{EdgeKey, Facts, Inventory};
use flowfence_model::policy::Direction;
use flowfence_model::{LabelSelector, NetworkPolicy, NodeId};

use crate::judge::{Judgement, Roster, Standing as Contact};
use crate::semantics::PolicySet;

pub use dynamic::DynamicPorts;
pub use name::{cut as cut_name, file};
pub use namespace::{ForAll, Namespaced, WhyNot};
pub use network::Network;
pub use options::{DefaultDeny, Exposed, Mode, Options, ServedRange};
pub use recommendation::{Declared, Evidence, Recommendation, RecommendedPolicy, Unfenced, Why, Width};

pub(crate) use scope::{fenced, has_own_network};

use evidence::Witness;
use need::Needs;
use peer::Widths;
use scope::Standing;
use subject::{Subject, Subjects};
use writer::Writer;

/// The label by which our objects are known, and its value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "flowfence");
/// The annotation of our objects that names the workloads which they fence.
pub const WORKLOAD: &str = "flowfence.dev/workload";
/// The annotation of our objects that names outside addresses in them, as DNS answers did.
pub const FQDNS: &str = "flowfence.dev/fqdns";

/// Recommends policies for everything that was genuinely seen.
pub fn recommend(
    facts: &Facts,
    inventory: &Inventory,
    judgement: &Judgement,
    today: &[NetworkPolicy],
    options: &Options,
) -> Recommendation {
    let standings = scope::scope(facts, inventory, options);
    let subjects = Subjects::new(inventory);
    let widths = Widths::new(inventory, options);
    let mut needs = need::collect(facts, judgement, inventory, &subjects, &widths, options);
    let isolated = match options.mode {
        Mode::Replace => BTreeSet::new(),
        Mode::Add => missing::keep(&mut needs, &subjects, facts, judgement, inventory, today),
    };
    let names = name::object_names(&subjects, today, options);
    let mut answer = aside(facts, inventory, judgement, &standings);
    let witness = Witness::new(facts, judgement);
    let writer = Writer {
        subjects: &subjects,
        widths: &widths,
        admissions: &needs.admissions,
        witness: &witness,
        isolated: &isolated,
        kept: match options.mode {
            Mode::Replace => &[],
            Mode::Add => today,
        },
    };
    for (index, subject) in subjects.iter() {
        let (Some(selector), Some(name)) =
            (fence(subject, &standings, &mut answer.unfenced), names.get(&index))
        else {
            continue;
        };
        let Some((policy, wider)) = writer.policy(index, subject, selector, name, &mut answer.unfenced)
        else {
            continue;
        };
        if policy.subjects.len() > 1 {
            answer.merged.push(policy.subjects.clone());
        }
        answer.policies.push(policy);
        needs.declared.extend(wider);
    }
    answer.unfenced.sort_by(|x, y| (&x.id, x.direction).cmp(&(&y.id, y.direction)));
    answer.declared = declared(&needs, &answer);
    namespace::apply(&mut answer, &standings, today, options, &witness);
    answer.policies.sort_by_key(|policy| policy.policy.key());
    answer.supersedes = match options.mode {
        Mode::Replace => supersedes(inventory, today, &answer),
        Mode::Add => Vec::new(),
    };
    answer
}

/// What is said beside the policies.
fn aside(
    facts: &Facts,
    inventory: &Inventory,
    judgement: &Judgement,
    standings: &BTreeMap<NodeId, Standing>,
) -> Recommendation {
    let mut answer = Recommendation {
        suspects: judgement.suspects(),
        withheld: judgement.withheld.clone(),
        inexpressible: edges_of(Contact::Inexpressible, facts, judgement),
        undirected: edges_of(Contact::Undirected, facts, judgement),
        dynamic_ports: dynamic::find(facts, judgement, inventory),
        ..Recommendation::default()
    };
    let unobserved = standings.iter().filter(|(_, standing)| **standing == Standing::Unobserved);
    answer.unobserved = unobserved.map(|(id, _)| id.clone()).collect();
    answer
}

/// The selector of a subject that is to be fenced; else what is said of each member that had traffic.
fn fence<'s>(
    subject: &'s Subject,
    standings: &BTreeMap<NodeId, Standing>,
    unfenced: &mut Vec<Unfenced>,
) -> Option<&'s LabelSelector> {
    let standing = |id: &NodeId| standings.get(id).cloned().unwrap_or(Standing::Elsewhere);
    let open = subject.members.iter().find(|id| standing(id) != Standing::Fenced);
    let mut say = |id: &NodeId, why: &Why| {
        for direction in Direction::BOTH {
            unfenced.push(Unfenced { id: id.clone(), direction, why: why.clone() });
        }
    };
    for id in &subject.members {
        match (standing(id), open, &subject.selector) {
            (Standing::Open(why), ..) => say(id, &why),
            (Standing::Fenced, Some(other), _) => say(id, &Why::Indistinct(other.clone())),
            (Standing::Fenced, None, None) => say(id, &Why::NoStableLabel),
            (Standing::Fenced, None, Some(_)) | (Standing::Elsewhere | Standing::Unobserved, ..) => {}
        }
    }
    if open.is_none() { subject.selector.as_ref() } else { None }
}

/// Widths of the policies that were written; what an exposed port covers needs no word of its own.
fn declared(needs: &Needs, answer: &Recommendation) -> Vec<Declared> {
    let isolated: BTreeSet<(&NodeId, Direction)> = answer
        .policies
        .iter()
        .flat_map(|policy| policy.subjects.iter().map(move |id| (id, &policy.policy)))
        .flat_map(|(id, policy)| {
            let isolates = Direction::BOTH.into_iter().filter(|d| policy.rules(*d).is_some());
            isolates.map(move |direction| (id, direction))
        })
        .collect();
    let is_covered = |width: &Declared| {
        matches!(width.kind, Width::Nodes | Width::External)
            && width.direction == Direction::Ingress
            && needs.declared.contains(&Declared { kind: Width::Exposed, peer: None, ..width.clone() })
    };
    needs
        .declared
        .iter()
        .filter(|width| isolated.contains(&(&width.subject, width.direction)) && !is_covered(width))
        .cloned()
        .collect()
}

fn supersedes(inventory: &Inventory, today: &[NetworkPolicy], answer: &Recommendation) -> Vec<String> {
    let roster = Roster::new(inventory);
    let policies = PolicySet::compile(roster.cluster(), today);
    let fenced = answer.fenced();
    let written: BTreeSet<String> = answer.policies.iter().map(|policy| policy.policy.key()).collect();
    let mut keys: Vec<String> = Vec::new();
    for (index, policy) in today.iter().enumerate() {
        let touches = policies
            .selected(index)
            .filter_map(|pod| roster.workload_of(pod))
            .any(|workload| fenced.contains(workload));
        if touches && !written.contains(&policy.key()) {
            keys.push(policy.key());
        }
    }
    keys.sort();
    keys
}

/// Edges of workloads that have a standing for which there are no rules.
fn edges_of(standing: Contact, facts: &Facts, judgement: &Judgement) -> Vec<EdgeKey> {
    let both = facts.contacts.iter().zip(&judgement.contacts);
    let edges: BTreeSet<EdgeKey> = both
        .filter(|(_, judged)| judged.standing == standing)
        .map(|(contact, _)| contact)
        .filter(|contact| !contact.own_node && !contact.is_loopback())
        .filter(|contact| contact.from.id.is_workload() || contact.to.id.is_workload())
        .map(EdgeKey::of)
        .collect();
    edges.into_iter().collect()
}

#[cfg(test)]
mod tests;
