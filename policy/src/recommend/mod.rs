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

mod name;
mod namespace;
mod need;
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

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{EdgeKey, Facts, Inventory};
use flowfence_model::policy::Direction;
use flowfence_model::{LabelSelector, NetworkPolicy, NodeId, PolicyRule};

use crate::judge::{Judgement, Roster, Standing as Contact};
use crate::semantics::PolicySet;

pub use name::file;
pub use namespace::{ForAll, Namespaced, WhyNot};
pub use options::{DefaultDeny, Exposed, Options};
pub use recommendation::{Declared, Evidence, Recommendation, RecommendedPolicy, Unfenced, Why, Width};

use need::{Admissions, Needs};
use peer::{Peer, Widths};
use scope::Standing;
use subject::{Subject, Subjects};

/// The label by which our objects are known, and its value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "flowfence");

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
    let widths = Widths::new(inventory);
    let needs = need::collect(facts, judgement, inventory, &subjects, &widths, options);
    let names = name::object_names(&subjects, today, options);
    let mut answer = Recommendation {
        suspects: judgement.suspects(),
        withheld: judgement.withheld.clone(),
        inexpressible: edges_of(Contact::Inexpressible, facts, judgement),
        undirected: edges_of(Contact::Undirected, facts, judgement),
        ..Recommendation::default()
    };
    let unobserved = standings.iter().filter(|(_, standing)| **standing == Standing::Unobserved);
    answer.unobserved = unobserved.map(|(id, _)| id.clone()).collect();
    for (index, subject) in subjects.iter() {
        let (Some(selector), Some(name)) =
            (fence(subject, &standings, &mut answer.unfenced), names.get(&index))
        else {
            continue;
        };
        let writer = Writer { subjects: &subjects, widths: &widths, needs: &needs, options };
        if let Some(policy) = writer.policy(index, subject, selector, name, &mut answer.unfenced) {
            if policy.subjects.len() > 1 {
                answer.merged.push(policy.subjects.clone());
            }
            answer.policies.push(policy);
        }
    }
    answer.unfenced.sort_by(|x, y| (&x.id, x.direction).cmp(&(&y.id, y.direction)));
    answer.declared = declared(&needs, &answer);
    namespace::apply(&mut answer, &standings, today, options);
    answer.policies.sort_by_key(|policy| policy.policy.key());
    answer.supersedes = supersedes(inventory, today, &answer);
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

struct Writer<'a> {
    subjects: &'a Subjects,
    widths: &'a Widths,
    needs: &'a Needs,
    options: &'a Options,
}

impl Writer<'_> {
    /// The policy of one subject; `None` when a peer without labels keeps both directions open.
    fn policy(
        &self,
        index: usize,
        subject: &Subject,
        selector: &LabelSelector,
        name: &str,
        unfenced: &mut Vec<Unfenced>,
    ) -> Option<RecommendedPolicy> {
        let mut evidence = Vec::new();
        let mut lists: BTreeMap<Direction, Vec<PolicyRule>> = BTreeMap::new();
        for direction in Direction::BOTH {
            let none = Admissions::new();
            let admissions = self.needs.admissions.get(&(index, direction)).unwrap_or(&none);
            if let Some(peer) = self.peer_without_label(admissions) {
                let why = Why::PeerWithoutLabel(peer.clone());
                let rows = subject.members.iter();
                unfenced.extend(rows.map(|id| Unfenced { id: id.clone(), direction, why: why.clone() }));
                continue;
            }
            let rules = rule::rules(admissions, subject, self.subjects, self.widths, self.options.exposed);
            let list = lists.entry(direction).or_default();
            for (rule, (object, edges)) in rules.into_iter().enumerate() {
                list.push(object);
                evidence.push(Evidence { direction, rule, edges: edges.into_iter().collect() });
            }
        }
        if lists.is_empty() {
            return None;
        }
        let policy = NetworkPolicy {
            namespace: subject.namespace.clone(),
            name: name.to_owned(),
            pod_selector: selector.clone(),
            ingress: lists.remove(&Direction::Ingress),
            egress: lists.remove(&Direction::Egress),
        };
        Some(RecommendedPolicy {
            subjects: subject.members.clone(),
            file: file(&subject.namespace, name),
            policy,
            labels: BTreeMap::from([(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned())]),
            evidence,
        })
    }

    fn peer_without_label(&self, admissions: &Admissions) -> Option<&NodeId> {
        admissions.keys().find_map(|(peer, _)| match peer {
            Peer::Pods(index) => {
                let subject = self.subjects.get(*index)?;
                if subject.selector.is_none() { subject.members.first() } else { None }
            }
            Peer::Nodes | Peer::ApiServer | Peer::Exposed | Peer::Address(_) => None,
        })
    }
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
