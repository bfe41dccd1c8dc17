//! One judgement of every contact, which graph, audit, recommend and proof share.
//!
//! ```text
//! Facts ─┬▶ verdict  what today's policies say ─┐
//!        └▶ scan     who knocks on many doors  ─┴▶ standing of each contact ─▶ withheld edges
//! ```
//!
//! Attribution leaves one question open, for it knows no policies: datagrams that went one way to
//! a running pod. Here they become a connection, or an attempt when today's policies deny them or
//! a scan sent them.

mod cluster;
mod knock;
mod prepared;
mod roster;
mod scan;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::crew::{Alone, Crew, gather};
use flowfence_graph::{Contact, EdgeKey, Facts, Inventory, Numbering, Tally};
use flowfence_model::{NetworkPolicy, NodeId, Orientation, Protocol, Timestamp};

use crate::decision::{Decision, Decisions, Ruling};
use crate::semantics::{PolicySet, Rulebook};

pub use cluster::cluster;
pub(crate) use cluster::cluster_of;
pub use prepared::Prepared;
pub use roster::Roster;
pub use scan::{SAME_PORT_RATIO, SCAN_RATIO, SCAN_TARGETS, SCATTERED_TARGETS, Scan};
pub use verdict::{EdgeVerdict, Said};

/// What a contact is in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A connection of known direction that nothing speaks against.
    Genuine,
    /// A connection that is no rule.
    Withheld(Withholding),
    /// A connection of which nobody knows who opened it; never a rule.
    Undirected,
    /// ICMP that was answered: no rule can say it.
    Inexpressible,
    /// Unanswered or refused.
    Attempt,
}

/// What keeps a connection from becoming a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withholding {
    /// A suspect opened it since its first knock; the index of its scan in [`Judgement::scans`].
    Scan(u32),
    /// A person denied it.
    Denied,
}

/// What was concluded of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedContact {
    /// What today's policies say.
    pub verdict: EdgeVerdict,
    /// What it is.
    pub standing: Standing,
    /// The scan that it is an attempt of, in [`Judgement::scans`].
    pub scan: Option<u32>,
    /// Whether datagrams that went one way are attempts: today's policies deny them, or a scan sent them.
    pub one_way_failed: bool,
}

impl JudgedContact {
    /// The counts of its contact with one-way datagrams decided: `one_way` holds those that are connections,
    /// the others moved to `unanswered`.
    pub fn tally(&self, contact: &Contact) -> Tally {
        let mut tally = contact.tally.clone();
        if self.one_way_failed {
            tally.unanswered += tally.one_way;
            tally.one_way = 0;
        }
        tally
    }

    /// How many connections its contact has, with datagrams that went one way.
    pub fn connections(&self, contact: &Contact) -> u64 {
        contact.tally.connections + if self.one_way_failed { 0 } else { contact.tally.one_way }
    }

    /// Whether it is a connection of any kind.
    pub fn is_connected(&self) -> bool {
        self.standing != Standing::Attempt
    }
}

/// An edge that a scan, or a person, keeps from becoming a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// The edge.
    pub edge: EdgeKey,
    /// The finding; naming it or the edge accepts the edge, unless a person denied it.
    pub finding: String,
    /// Whether a person denied it.
    pub denied: bool,
    /// One sentence for people.
    pub why: String,
}

/// The judgement of all contacts.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// Beside [`Facts::contacts`], in the same order.
    pub contacts: Vec<JudgedContact>,
    /// Scans, by source.
    pub scans: Vec<Scan>,
    /// Edges that are no rule until somebody accepts them, or because somebody denied them, sorted.
    pub withheld: Vec<Withheld>,
    /// What became of each decision.
    pub rulings: Vec<Ruling>,
}

impl Judgement {
    /// Workloads with a scan that nobody accepted, sorted.
    pub fn suspects(&self) -> Vec<NodeId> {
        let scans = self.scans.iter().filter(|scan| !scan.accepted && scan.source.is_workload());
        scans.map(|scan| scan.source.clone()).collect()
    }

    /// The judgement of a contact by its index.
    pub fn of(&self, contact: usize) -> Option<&JudgedContact> {
        self.contacts.get(contact)
    }

    /// A scan by its index.
    pub fn scan(&self, index: u32) -> Option<&Scan> {
        self.scans.get(index as usize)
    }

    /// Contacts with this standing.
    pub fn genuine<'a>(&'a self, facts: &'a Facts) -> impl Iterator<Item = &'a Contact> {
        let both = facts.contacts.iter().zip(&self.contacts);
        both.filter(|(_, judged)| judged.standing == Standing::Genuine).map(|(contact, _)| contact)
    }

    /// Every pod, with the replica that a connection through a service back to its own workload may
    /// reach next.
    pub fn roster(&self, facts: &Facts, inventory: &Inventory) -> Roster {
        let hairpins = self.genuine(facts).filter(|contact| contact.hairpin);
        Roster::with_siblings(inventory, &hairpins.map(|contact| contact.to.id.clone()).collect())
    }
}

/// Judges every contact. `decisions` are about edges and findings that a person took
/// responsibility for, or denied.
pub fn judge(
    facts: &Facts,
    inventory: &Inventory,
    today: &[NetworkPolicy],
    decisions: &Decisions,
) -> Judgement {
    let tiers = inventory.cluster_policies();
    judge_by(facts, inventory, &Rulebook { policies: today, tiers, plugin: None }, decisions)
}

/// Likewise, by other cluster-wide policies than the inventory's, or as one plugin reads them.
pub fn judge_by(
    facts: &Facts,
    inventory: &Inventory,
    today: &Rulebook<'_>,
    decisions: &Decisions,
) -> Judgement {
    judge_prepared(facts, inventory, &Prepared::new(inventory, today), decisions, &Alone)
}

/// Likewise, by policies that were compiled already.
pub fn judge_prepared(
    facts: &Facts,
    inventory: &Inventory,
    today: &Prepared,
    decisions: &Decisions,
    crew: &dyn Crew,
) -> Judgement {
    let verdicts = verdicts(&facts.contacts, today, crew);
    let mut scans = scan::find(&facts.contacts, &verdicts, inventory);
    for scan in &mut scans {
        scan.accepted = decisions.accepts_finding(&scan.id());
    }
    let by_source: BTreeMap<&NodeId, (u32, &Scan)> =
        (0..).zip(&scans).map(|(number, scan)| (&scan.source, (number, scan))).collect();
    let numbering = facts.numbering();
    let first_seen = first_seen(&facts.contacts, numbering);
    let mut sides: Vec<Side> = Vec::with_capacity(first_seen.len());
    for (edge, first) in numbering.keys().iter().zip(&first_seen) {
        let scan = by_source.get(&edge.from).filter(|(_, scan)| *first >= scan.first_knock);
        let open = scan.filter(|(_, scan)| !scan.accepted).map(|(number, _)| *number);
        let scan = scan.map(|(number, _)| *number);
        let trusted = decisions.accepts_edge(edge) || matches!(edge.from, NodeId::Node(_));
        let is_denied = decisions.denial(edge).is_some();
        sides.push(Side { scan, open: open.filter(|_| !trusted), is_denied });
    }
    let mut judgement = Judgement::default();
    judgement.contacts.reserve_exact(facts.contacts.len());
    let mut withheld: BTreeMap<EdgeKey, Withholding> = BTreeMap::new();
    for ((contact, verdict), edge) in facts.contacts.iter().zip(&verdicts).zip(numbering.numbers()) {
        let side = sides.get(edge).copied().unwrap_or_default();
        let judged = conclude(contact, *verdict, side);
        if let (Standing::Withheld(withholding), Some(edge)) = (judged.standing, numbering.keys().get(edge)) {
            withheld.insert(edge.clone(), withholding);
        }
        judgement.contacts.push(judged);
    }
    for (edge, withholding) in withheld {
        let (finding, why, denied) = match withholding {
            Withholding::Scan(index) => {
                let Some(scan) = scans.get(index as usize) else { continue };
                (scan.id(), format!("first seen after {} began to scan", scan.source), false)
            }
            Withholding::Denied => {
                let Some(decision) = decisions.denial(&edge) else { continue };
                (format!("denied:{edge}"), denial(decision), true)
            }
        };
        judgement.withheld.push(Withheld { edge, finding, denied, why });
    }
    let edges: BTreeSet<&EdgeKey> = numbering.keys().iter().collect();
    judgement.rulings = decisions.rulings(&edges, &scans.iter().map(Scan::id).collect());
    judgement.scans = scans;
    judgement
}

/// Who denied an edge and why.
fn denial(decision: &Decision) -> String {
    let until = decision.until.map_or_else(String::new, |until| format!(" (until {until})"));
    format!("{} denied it: {}{until}", decision.by, decision.reason)
}

/// Contacts that are judged in one piece.
const PIECE: usize = 4096;

fn verdicts(contacts: &[Contact], today: &Prepared, crew: &dyn Crew) -> Vec<EdgeVerdict> {
    let pieces: Vec<&[Contact]> = contacts.chunks(PIECE).collect();
    let judge = |piece: usize| -> Vec<EdgeVerdict> {
        let contacts = pieces.get(piece).copied().unwrap_or_default();
        contacts.iter().map(|contact| verdict(contact, &today.roster, &today.policies)).collect()
    };
    let mut verdicts = Vec::with_capacity(contacts.len());
    gather(crew, pieces.len(), judge).for_each(|piece| verdicts.extend(piece));
    verdicts
}

fn verdict(contact: &Contact, roster: &Roster, policies: &PolicySet) -> EdgeVerdict {
    let connection = roster.connection(contact);
    EdgeVerdict::of(&connection, &policies.decide(&connection), &contact.from.id, &contact.to.id)
}

/// What holds for all contacts of an edge.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    /// The scan in whose time it was first seen.
    scan: Option<u32>,
    /// The same, when it withholds.
    open: Option<u32>,
    /// By a person, whose word counts more than any finding.
    is_denied: bool,
}

fn conclude(contact: &Contact, verdict: EdgeVerdict, Side { scan, open, is_denied }: Side) -> JudgedContact {
    let one_way_failed = verdict.is_denied() || open.is_some();
    let one_way = if one_way_failed { 0 } else { contact.tally.one_way };
    let is_connected = contact.tally.connections + one_way > 0;
    let standing = match (is_connected, contact.protocol, contact.orientation, open) {
        (false, ..) => Standing::Attempt,
        (true, Protocol::Icmp, ..) => Standing::Inexpressible,
        (true, _, Orientation::Unknown, _) => Standing::Undirected,
        (true, ..) if is_denied => Standing::Withheld(Withholding::Denied),
        (true, _, _, Some(scan)) => Standing::Withheld(Withholding::Scan(scan)),
        (true, ..) => Standing::Genuine,
    };
    let scan = scan.filter(|_| standing == Standing::Attempt);
    JudgedContact { verdict, standing, scan, one_way_failed }
}

/// When each edge was first seen to carry a connection, or at all.
fn first_seen(contacts: &[Contact], numbering: &Numbering) -> Vec<Timestamp> {
    let mut seen = vec![(true, Timestamp::MAX); numbering.keys().len()];
    for (contact, edge) in contacts.iter().zip(numbering.numbers()) {
        let sight = (!contact.tally.is_connected(), contact.tally.first);
        if let Some(known) = seen.get_mut(edge) {
            *known = (*known).min(sight);
        }
    }
    seen.into_iter().map(|(_, first)| first).collect()
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
