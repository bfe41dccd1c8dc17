//! What was reviewed before: edges that are known, and findings that are.
//!
//! To know an edge is less than to trust it. What is in a baseline is not told as new; whether it
//! is genuine, withheld or denied is judged as ever, so a baseline opens nothing.

use std::collections::BTreeSet;

use flowfence_graph::EdgeKey;
use flowfence_model::NodeId;
use jiff::civil::Date;

use crate::decision::{Decision, Subject};

/// A baseline as it holds on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    edges: BTreeSet<EdgeKey>,
    findings: BTreeSet<String>,
    workloads: BTreeSet<NodeId>,
    leavers: BTreeSet<NodeId>,
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
                Subject::Edge(edge) => drop(baseline.edges.insert(edge.clone())),
                Subject::Finding(id) => drop(baseline.findings.insert(id.clone())),
            }
        }
        for edge in &baseline.edges {
            baseline
                .workloads
                .extend([&edge.from, &edge.to].into_iter().filter(|id| id.is_workload()).cloned());
            if edge.to.external().is_some() {
                baseline.leavers.insert(edge.from.clone());
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
        self.edges.contains(edge)
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

    /// The reviewed edges of one opener.
    pub fn edges_of<'a>(&'a self, from: &'a NodeId) -> impl Iterator<Item = &'a EdgeKey> {
        self.edges.iter().filter(move |edge| edge.from == *from)
    }

    /// Entries whose last day is over, by what they are about.
    pub fn expired(&self) -> &[Decision] {
        &self.expired
    }
}

#[cfg(test)]
mod tests {
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
}
