//! What was reviewed before: edges that are known, and findings that are.
//!
//! To know an edge is less than to trust it. What is in a baseline is not told as new; whether it
//! is genuine, withheld or denied is judged as ever, so a baseline opens nothing.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{EdgeKey, Facts};
use flowfence_model::{NodeId, Protocol};
use jiff::civil::Date;

use super::finding::Finding;
use super::first_egress::is_private;
use super::scene::Unasked;
use crate::decision::{Decision, Subject};
use crate::judge::{Judgement, Standing};

/// A baseline as it holds on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// By who opened.
    edges: BTreeMap<NodeId, BTreeSet<EdgeKey>>,
    findings: BTreeSet<String>,
    workloads: BTreeSet<NodeId>,
    leavers: BTreeSet<NodeId>,
    /// How many public addresses come to each port.
    doors: BTreeMap<(NodeId, Protocol, Option<u16>), usize>,
    expired: Vec<Decision>,
}

impl Baseline {
    /// From its entries. The last day of an entry still counts. What ended is known no longer,
    /// unless another entry about the same thing goes on.
    pub fn new(entries: Vec<Decision>, today: Date) -> Self {
        let (valid, ended): (Vec<Decision>, Vec<Decision>) =
            entries.into_iter().partition(|entry| entry.until.is_none_or(|until| until >= today));
        let mut baseline = Baseline::default();
        for entry in &valid {
            match &entry.subject {
                Subject::Edge(edge) => {
                    baseline.edges.entry(edge.from.clone()).or_default().insert(edge.clone());
                }
                Subject::Finding(id) => drop(baseline.findings.insert(id.clone())),
            }
        }
        for edge in baseline.edges.values().flatten() {
            baseline
                .workloads
                .extend([&edge.from, &edge.to].into_iter().filter(|id| id.is_workload()).cloned());
            if edge.to.external().is_some() {
                baseline.leavers.insert(edge.from.clone());
            }
            if is_public(&edge.from) {
                *baseline.doors.entry((edge.to.clone(), edge.protocol, edge.port)).or_default() += 1;
            }
        }
        let held: BTreeSet<&Subject> = valid.iter().map(|entry| &entry.subject).collect();
        let mut told = BTreeSet::new();
        for entry in ended {
            if !held.contains(&entry.subject) && told.insert(entry.subject.clone()) {
                baseline.expired.push(entry);
            }
        }
        baseline.expired.sort_by(|x, y| x.subject.cmp(&y.subject));
        baseline
    }

    /// Whether an edge was reviewed.
    pub fn knows_edge(&self, edge: &EdgeKey) -> bool {
        self.edges.get(&edge.from).is_some_and(|edges| edges.contains(edge))
    }

    /// Whether a finding was reviewed.
    pub fn knows_finding(&self, id: &str) -> bool {
        self.findings.contains(id)
    }

    /// Whether any edge of a workload was reviewed.
    pub fn knows_workload(&self, id: &NodeId) -> bool {
        self.workloads.contains(id)
    }

    /// Whether it was known that a workload leaves the cluster.
    pub fn leaves(&self, id: &NodeId) -> bool {
        self.leavers.contains(id)
    }

    /// How many public addresses were reviewed at the end and the port of an edge.
    pub(super) fn public_clients(&self, edge: &EdgeKey) -> usize {
        self.doors.get(&(edge.to.clone(), edge.protocol, edge.port)).copied().unwrap_or(0)
    }

    /// The reviewed edges of one opener.
    pub fn edges_of(&self, from: &NodeId) -> impl Iterator<Item = &EdgeKey> {
        self.edges.get(from).into_iter().flatten()
    }

    /// Entries whose last day is over, by what they are about.
    pub fn expired(&self) -> &[Decision] {
        &self.expired
    }
}

/// Whether it is an address outside that is no network's of one's own.
pub(super) fn is_public(id: &NodeId) -> bool {
    id.external().is_some_and(|address| !is_private(address))
}

/// What a new baseline would hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Edges and findings that a person may review, sorted.
    pub entries: BTreeSet<Subject>,
    /// Edges that carried connections and are left out, for a finding speaks of them.
    pub left_out: BTreeSet<EdgeKey>,
}

/// What may be reviewed: genuine edges of workloads, and findings that are a state of things.
///
/// A baseline must not learn an attack. So nothing is in it that is only an attempt, is withheld or
/// denied, comes from a workload that scans, or that a finding which may be an attacker's work
/// speaks of: `findings` are those that nobody accepted.
pub fn draft(facts: &Facts, judgement: &Judgement, findings: &[Finding]) -> Draft {
    let unasked = |finding: &Finding| {
        let detector = super::detectors().find(|detector| detector.id == finding.rule);
        detector.map_or(Unasked::Suspect, |detector| detector.unasked)
    };
    let suspicious: BTreeSet<&EdgeKey> = findings
        .iter()
        .filter(|finding| unasked(finding) == Unasked::Suspect)
        .flat_map(|finding| &finding.edges)
        .collect();
    let suspects: BTreeSet<NodeId> = judgement.suspects().into_iter().collect();
    let mut draft = Draft::default();
    for (contact, judged) in facts.contacts.iter().zip(&judgement.contacts) {
        let of_workload = contact.from.id.is_workload() || contact.to.id.is_workload();
        let known = ![&contact.from.id, &contact.to.id].iter().any(|id| matches!(id, NodeId::Unknown(_)));
        if !of_workload || !known || contact.own_node || contact.is_loopback() {
            continue;
        }
        let edge = EdgeKey::of(contact);
        match judged.standing {
            Standing::Genuine if !suspicious.contains(&edge) && !suspects.contains(&edge.from) => {
                draft.entries.insert(Subject::Edge(edge));
            }
            Standing::Genuine | Standing::Withheld(_) => drop(draft.left_out.insert(edge)),
            Standing::Undirected | Standing::Inexpressible | Standing::Attempt => {}
        }
    }
    // One contact of an edge that is not genuine is enough.
    for edge in &draft.left_out {
        draft.entries.remove(&Subject::Edge(edge.clone()));
    }
    let kept = findings.iter().filter(|finding| unasked(finding) == Unasked::Kept);
    draft.entries.extend(kept.map(|finding| Subject::Finding(finding.id.clone())));
    draft
}

#[cfg(test)]
mod tests {
    use flowfence_graph::crew::Alone;

    use super::super::audit;
    use super::*;
    use crate::decision::Choice;
    use crate::judge::testing::decided;

    const EDGE: &str = "shop/Deployment/web -> external/203.0.113.9/32 443/TCP";

    fn on(day: &str, entries: &[(&str, Option<&str>)]) -> Baseline {
        let entries = entries.iter().map(|(subject, until)| decided(Choice::Accept, subject, *until));
        Baseline::new(entries.collect(), day.parse().unwrap())
    }

    #[test]
    fn an_entry_is_known_through_its_last_day_and_told_after_it() {
        let edge: EdgeKey = EDGE.parse().unwrap();
        let entries = [(EDGE, Some("2027-01-31"))];
        let last = on("2027-01-31", &entries);
        assert!(last.knows_edge(&edge) && last.leaves(&edge.from) && last.expired().is_empty());
        let after = on("2027-02-01", &entries);
        assert!(!after.knows_edge(&edge) && !after.leaves(&edge.from));
        assert_eq!(after.expired().len(), 1);
    }

    #[test]
    fn what_was_renewed_did_not_expire_and_twice_expired_is_told_once() {
        let ended = (EDGE, Some("2026-01-31"));
        assert_eq!(on("2026-06-01", &[ended, ended]).expired().len(), 1);
        assert!(on("2026-06-01", &[ended, (EDGE, None)]).expired().is_empty());
    }

    #[test]
    fn a_workload_is_known_from_either_side_of_an_edge() {
        let baseline = on("2026-06-01", &[("shop/Deployment/web -> shop/Deployment/db 5432/TCP", None)]);
        assert!(baseline.knows_workload(&"shop/Deployment/db".parse().unwrap()));
        assert!(!baseline.knows_workload(&"shop/Deployment/cart".parse().unwrap()));
        assert!(!baseline.leaves(&"shop/Deployment/web".parse().unwrap()));
    }

    fn drafted(lines: &[&str]) -> (Vec<String>, Vec<String>) {
        let world = super::super::example::world(lines);
        let seen = world.seen();
        let all =
            audit(&seen.facts, &seen.inventory, &seen.judgement, &seen.prepared, &world.settings, &Alone);
        let draft = draft(&seen.facts, &seen.judgement, &all);
        let text = |subject: &Subject| match subject {
            Subject::Edge(edge) => Some(edge.to_string()),
            Subject::Finding(_) => None,
        };
        let left_out = draft.left_out.iter().map(ToString::to_string);
        (draft.entries.iter().filter_map(text).collect(), left_out.collect())
    }

    const WORK: &str = "shop/web-0 -> shop/api-0 8080/TCP";
    const SAID: &str = "shop/Deployment/web -> shop/Deployment/api 8080/TCP";

    #[test]
    fn what_is_genuine_is_drafted_and_attempts_are_not() {
        let lines = [WORK, "shop/web-0 -> shop/db-0 5432/TCP refused", "node1 -> node2 9100/TCP"];
        assert_eq!(drafted(&lines), (vec![SAID.to_owned()], Vec::new()));
    }

    #[test]
    fn a_draft_learns_nothing_of_a_scan_and_nothing_that_a_finding_speaks_of() {
        let lines = [
            WORK,
            "shop/api-0 -> shop/db-0 5432/TCP",
            "shop/api-0 -> shop/db-0 21-40/TCP refused from 3 to 4",
            "shop/api-0 -> ops/scraper-0 80/TCP from 5 to 6",
            "name 203.0.113.9 pool.supportxmr.com",
            "shop/db-0 -> 203.0.113.9 443/TCP",
            "shop/web-1 -> 169.254.169.254 80/TCP",
        ];
        let (entries, left_out) = drafted(&lines);
        assert_eq!(entries, [SAID]);
        // What the scanner did before it scanned is left out with the rest.
        assert_eq!(left_out.len(), 4, "{left_out:?}");
    }

    #[test]
    fn an_edge_that_one_pod_uses_and_a_finding_names_is_left_out_whole() {
        let lines = [
            "name 203.0.113.9 pool.supportxmr.com",
            "shop/web-0 -> 203.0.113.9 443/TCP",
            "shop/web-1 -> 203.0.113.9 443/TCP",
        ];
        assert_eq!(drafted(&lines).0, [""; 0]);
    }
}
