//! What detectors look at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use fixedbitset::FixedBitSet;
use flowfence_graph::{Contact, EdgeKey, Facts, Inventory, Tally};
use flowfence_model::policy::Direction;
use flowfence_model::{NodeId, Orientation, Protocol, Remarks};

use super::finding::Finding;
use super::settings::Settings;
use super::workloads::Workloads;
use crate::judge::{EdgeVerdict, JudgedContact, Judgement, Roster, Standing};
use crate::semantics::{PodIndex, PolicySet, RuleId};

/// Facts, their judgement and today's policies.
pub struct Scene<'a> {
    /// Who talked to whom.
    pub facts: &'a Facts,
    /// The cluster.
    pub inventory: &'a Inventory,
    /// What was concluded of each contact.
    pub judgement: &'a Judgement,
    /// Today's policies over the pods of all moments.
    pub policies: &'a PolicySet,
    /// The way from names to these pods.
    pub roster: &'a Roster,
    /// What was remarked on the spelling of today's policies.
    pub remarks: &'a Remarks,
    /// What people say of the cluster beside its objects.
    pub settings: &'a Settings,
    /// The contacts by edge, folded once.
    pub(super) edges: OnceLock<Vec<(&'a EdgeKey, Seen<'a>)>>,
    /// Who used each rule, found once.
    pub(super) users: OnceLock<BTreeMap<RuleId, Users<'a>>>,
}

/// A detector: a row of the table.
pub struct Detector {
    /// Stable id, kebab-case; never changes.
    pub id: &'static str,
    /// The level that most of its findings have.
    pub level: super::finding::Level,
    /// What it looks for.
    pub title: &'static str,
    /// What a finding means.
    pub meaning: &'static str,
    /// How a finding can be wrong.
    pub doubt: &'static str,
    /// What to do about one, in general.
    pub fix: &'static str,
    /// What becomes of its findings when somebody writes a baseline and says nothing of them.
    pub unasked: Unasked,
    /// How to be told no more of it.
    pub silence: &'static str,
    /// A small world in which it finds something, a line each: what happens in it for those that
    /// need traffic, policies for the others. The page of detectors shows it, and a test runs it.
    pub found: &'static [&'static str],
    /// The nearest world in which it finds nothing.
    pub not_found: &'static [&'static str],
    /// Looks for it.
    pub find: fn(&Scene<'_>) -> Vec<Finding>,
}

/// What a new baseline makes of findings that nobody spoke of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// It is written: a state of things that may stay for a while.
    Kept,
    /// It is not, for it is about decisions or the baseline itself; its edges may be.
    Told,
    /// Neither it nor any edge that it speaks of is: it may be an attacker's work.
    Suspect,
}

/// A contact with what was concluded of it.
pub(super) type Judged<'a> = (&'a Contact, &'a JudgedContact);

/// All contacts of one edge.
#[derive(Clone, Debug)]
pub(super) struct Seen<'a> {
    /// Counts, with one-way datagrams decided.
    pub tally: Tally,
    /// What today's policies say at worst.
    pub verdict: EdgeVerdict,
    /// The contacts by their indices.
    indices: &'a [u32],
    facts: &'a Facts,
    judgement: &'a Judgement,
}

impl<'a> Seen<'a> {
    /// The contacts, in order.
    pub fn contacts(&self) -> impl Iterator<Item = Judged<'a>> + use<'a> {
        let (facts, judgement) = (self.facts, self.judgement);
        let judged = move |i: usize| Some((facts.contacts.get(i)?, judgement.contacts.get(i)?));
        self.indices.iter().filter_map(move |i| judged(*i as usize))
    }
}

impl<'a> Scene<'a> {
    /// Contacts with their judgement.
    pub(super) fn judged(&self) -> impl Iterator<Item = (&Contact, &JudgedContact)> {
        self.facts.contacts.iter().zip(&self.judgement.contacts)
    }

    /// Edges that a workload opened or answered and that carried a connection of known direction,
    /// in order; those that only the pod's own node opened are left out.
    pub(super) fn connected(&self) -> impl Iterator<Item = (&EdgeKey, &Seen<'a>)> {
        self.edges().filter(|(edge, seen)| {
            edge.protocol != Protocol::Icmp
                && (edge.from.is_workload() || edge.to.is_workload())
                && seen.tally.is_connected()
                && seen.contacts().any(|(contact, judged)| {
                    judged.is_connected()
                        && contact.orientation != Orientation::Unknown
                        && !contact.own_node
                        && !contact.is_loopback()
                })
        })
    }

    /// What DNS answers called an end; nothing for ends inside.
    pub(super) fn names(&self, id: &NodeId) -> Vec<&str> {
        id.external().into_iter().flat_map(|address| self.facts.names.of(address)).collect()
    }

    /// Edges between workloads, in order.
    pub(super) fn edges(&self) -> impl Iterator<Item = (&EdgeKey, &Seen<'a>)> {
        self.edges.get_or_init(|| self.fold()).iter().map(|(edge, seen)| (*edge, seen))
    }

    fn fold(&self) -> Vec<(&'a EdgeKey, Seen<'a>)> {
        let (facts, judgement) = (self.facts, self.judgement);
        let numbering = facts.numbering();
        let seen = |indices| Seen {
            tally: Tally::empty(),
            verdict: EdgeVerdict::default(),
            indices,
            facts,
            judgement,
        };
        let mut edges: Vec<(&EdgeKey, Seen<'a>)> =
            numbering.keys().iter().zip(numbering.contacts().map(seen)).collect();
        let judged = facts.contacts.iter().zip(&judgement.contacts);
        for ((contact, judged), edge) in judged.zip(numbering.numbers()) {
            let Some((_, seen)) = edges.get_mut(edge) else { continue };
            seen.tally.merge(&judged.tally(contact));
            seen.verdict = seen.verdict.worst(judged.verdict);
        }
        // Policies alone are judged without contacts.
        edges.retain(|(_, seen)| seen.contacts().next().is_some());
        edges
    }

    /// Who used each rule: the other end's workloads or addresses, and whether a scan had begun.
    pub(super) fn users(&self) -> &BTreeMap<RuleId, Users<'a>> {
        self.users.get_or_init(|| self.find_users())
    }

    fn find_users(&self) -> BTreeMap<RuleId, Users<'a>> {
        let mut users: BTreeMap<RuleId, Users<'a>> = BTreeMap::new();
        if self.rules().is_empty() {
            return users;
        }
        for (contact, judged) in self.facts.contacts.iter().zip(&self.judgement.contacts) {
            let withheld = match judged.standing {
                Standing::Genuine | Standing::Undirected => false,
                Standing::Withheld(_) => true,
                Standing::Inexpressible | Standing::Attempt => continue,
            };
            let connection = self.roster.connection(contact);
            for direction in Direction::BOTH {
                let peer = match direction {
                    Direction::Egress => &contact.to.id,
                    Direction::Ingress => &contact.from.id,
                };
                for rule in self.policies.admitted_by(&connection, direction) {
                    let users = users.entry(rule).or_default();
                    let list = if withheld { &mut users.suspicious } else { &mut users.genuine };
                    list.insert(peer);
                }
            }
        }
        users
    }

    /// Every rule of today's policies.
    pub(super) fn rules(&self) -> Vec<RuleId> {
        let mut rules = Vec::new();
        for (policy, object) in self.policies.policies().iter().enumerate() {
            for direction in Direction::BOTH {
                let count = object.rules(direction).map_or(0, <[_]>::len);
                rules.extend((0..count).map(|rule| RuleId { policy, direction, rule }));
            }
        }
        rules
    }

    /// `NAMESPACE/NAME` of a rule's policy, and `egress[0]`.
    pub(super) fn rule_name(&self, rule: RuleId) -> (String, String) {
        let policy = self.policies.policies().get(rule.policy);
        let key = policy.map(flowfence_model::NetworkPolicy::key).unwrap_or_default();
        (key, format!("{}[{}]", rule.direction, rule.rule))
    }

    /// The workloads of pods.
    pub(super) fn workloads(&self, pods: impl Iterator<Item = PodIndex>) -> Workloads<'a> {
        let mut members = FixedBitSet::with_capacity(self.roster.count());
        pods.filter_map(|pod| self.roster.number_of(pod)).for_each(|number| members.insert(number));
        Workloads::new(self.roster, members)
    }
}

/// Who used a rule.
#[derive(Clone, Debug, Default)]
pub(super) struct Users<'a> {
    /// By genuine connections.
    pub genuine: BTreeSet<&'a NodeId>,
    /// By connections that are withheld.
    pub suspicious: BTreeSet<&'a NodeId>,
}
