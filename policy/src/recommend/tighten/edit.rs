//! What was narrowed, part by part, with what was seen of it.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::policy::Direction;
use flowfence_model::{NodeId, PolicyPort, PolicyRule};

use super::answer::{Edit, Origin, Seen, Tightened, What};
use super::field::Field;
use super::want::Wants;
use crate::semantics::{Connection, PolicySet, RuleId};

/// Compares today's policies with the narrowed ones.
pub(super) struct Comparison<'a> {
    field: &'a Field<'a>,
    today: &'a PolicySet,
    narrowed: &'a PolicySet,
    wants: &'a Wants,
    /// Workloads of which anything was seen.
    observed: BTreeSet<&'a NodeId>,
    /// The wants that each rule of today admits, by their place.
    used: BTreeMap<RuleId, Vec<(&'a Connection, &'a BTreeSet<usize>)>>,
    /// Withheld connections that it admits.
    withheld: BTreeMap<RuleId, Vec<&'a Connection>>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(
        field: &'a Field<'a>,
        (today, narrowed): (&'a PolicySet, &'a PolicySet),
        wants: &'a Wants,
        observed: BTreeSet<&'a NodeId>,
    ) -> Self {
        let mut used: BTreeMap<RuleId, Vec<(&Connection, &BTreeSet<usize>)>> = BTreeMap::new();
        for ((direction, connection), edges) in &wants.all {
            for rule in today.admitted_by(connection, *direction) {
                used.entry(rule).or_default().push((connection, edges));
            }
        }
        let mut withheld: BTreeMap<RuleId, Vec<&Connection>> = BTreeMap::new();
        for connection in &wants.withheld {
            for direction in Direction::BOTH {
                for rule in today.admitted_by(connection, direction) {
                    withheld.entry(rule).or_default().push(connection);
                }
            }
        }
        Comparison { field, today, narrowed, wants, observed, used, withheld }
    }

    /// The edits of one policy, by its place.
    pub(super) fn edits(&self, policy: usize, sheet: &Tightened) -> Vec<Edit> {
        let mut edits = Vec::new();
        for direction in Direction::BOTH {
            let was = self.today.policies()[policy].rules(direction).unwrap_or_default();
            let now = sheet.policy.rules(direction).unwrap_or_default();
            for (rule, written) in was.iter().enumerate() {
                let id = RuleId { policy, direction, rule };
                let both = now.iter().zip(sheet.origins(direction));
                let left: Vec<(&PolicyRule, &Origin)> = both.filter(|(_, o)| o.rule == rule).collect();
                if !matches!(left.as_slice(), [(only, _)] if *only == written) {
                    self.rule(id, written, &left, &mut edits);
                }
            }
        }
        edits
    }

    fn rule(&self, id: RuleId, written: &PolicyRule, left: &[(&PolicyRule, &Origin)], edits: &mut Vec<Edit>) {
        let mut push = |what: What, why: String, evidence: Seen| {
            let policy = self.today.policies()[id.policy].key();
            edits.push(Edit { policy, direction: id.direction, rule: id.rule, what, why, evidence });
        };
        if left.is_empty() {
            let (why, evidence) = (self.why_removed(id), self.seen_of_rule(id, written));
            return push(What::RuleRemoved(written.clone()), why, evidence);
        }
        self.peers(id, written, left, &mut push);
        self.ports(id, written, left, &mut push);
        if left.len() > 1 {
            let rules = left.iter().map(|(rule, _)| (*rule).clone()).collect();
            let why = "its peers did not use the same ports".to_owned();
            push(What::RuleSplit(rules), why, self.seen_of_rule(id, written));
        }
    }

    fn peers(
        &self,
        id: RuleId,
        written: &PolicyRule,
        left: &[(&PolicyRule, &Origin)],
        push: &mut impl FnMut(What, String, Seen),
    ) {
        let home = self.today.policies()[id.policy].namespace.as_str();
        let standing = |at: usize| {
            let all = left.iter().flat_map(|(rule, origin)| rule.peers.iter().zip(&origin.peers));
            distinct(all.filter(|(_, of)| **of == at).map(|(peer, _)| peer.clone()))
        };
        if written.peers.is_empty() {
            let now = standing(0);
            if !now.is_empty() {
                let evidence = self.seen(id, &self.field.everybody(), |_| true);
                let why = format!("it admitted everybody, and {}", evidence.came_of());
                push(What::PeersListed(now), why, evidence);
            }
            return;
        }
        for (at, peer) in written.peers.iter().enumerate() {
            let now = standing(at);
            if now == [peer.clone()] {
                continue;
            }
            let admitted = self.field.workloads_of(peer, home);
            let evidence = self.seen(id, &admitted, |c| self.today.peer_matches(id, at, c));
            if now.is_empty() {
                let came = evidence.came.is_empty() && evidence.edges.is_empty();
                let why = if came { "nobody came through it" } else { "narrower peers admit who came" };
                push(What::PeerRemoved(peer.clone()), why.to_owned(), evidence);
            } else {
                let why = evidence.came_of();
                push(What::PeerReplaced { was: peer.clone(), now }, why, evidence);
            }
        }
    }

    fn ports(
        &self,
        id: RuleId,
        written: &PolicyRule,
        left: &[(&PolicyRule, &Origin)],
        push: &mut impl FnMut(What, String, Seen),
    ) {
        let standing = |at: usize| {
            let all = left.iter().flat_map(|(rule, origin)| rule.ports.iter().zip(&origin.ports));
            distinct(all.filter(|(_, of)| **of == at).map(|(port, _)| port.clone()))
        };
        if written.ports.is_empty() {
            let evidence = self.seen(id, &BTreeSet::new(), |_| true);
            let why = format!("it admitted every port, and {}", evidence.used_ports());
            return push(What::PortsListed(standing(0)), why, evidence);
        }
        for (at, port) in written.ports.iter().enumerate() {
            let now: Vec<PolicyPort> = standing(at);
            if now == [port.clone()] {
                continue;
            }
            let evidence = self.seen(id, &BTreeSet::new(), |c| self.today.port_matches(id, at, c));
            if now.is_empty() {
                let unused = evidence.ports.is_empty();
                let why = if unused { "nobody used it" } else { "narrower ports admit what was used" };
                push(What::PortRemoved(port.clone()), why.to_owned(), evidence);
            } else {
                let why = format!("of its ports {}", evidence.used_ports());
                push(What::PortReplaced { was: port.clone(), now }, why, evidence);
            }
        }
    }

    /// Nobody used it, or narrower rules carry what it admitted.
    fn why_removed(&self, id: RuleId) -> String {
        let Some(used) = self.used.get(&id) else { return "nobody used it".to_owned() };
        let carriers: BTreeSet<String> = used
            .iter()
            .flat_map(|(connection, _)| self.narrowed.admitted_by(connection, id.direction))
            .filter_map(|rule| {
                Some(format!(
                    "{} {}[{}]",
                    self.narrowed.policies().get(rule.policy)?.key(),
                    rule.direction,
                    rule.rule
                ))
            })
            .collect();
        let shown: Vec<String> = carriers.iter().take(3).cloned().collect();
        let more = if carriers.len() > 3 { " and others" } else { "" };
        format!("narrower rules carry what used it: {}{more}", shown.join(", "))
    }

    fn seen_of_rule(&self, id: RuleId, written: &PolicyRule) -> Seen {
        let home = self.today.policies()[id.policy].namespace.as_str();
        let admitted = if written.peers.is_empty() {
            self.field.everybody()
        } else {
            written.peers.iter().flat_map(|peer| self.field.workloads_of(peer, home)).collect()
        };
        self.seen(id, &admitted, |_| true)
    }

    /// What was seen of a part of a rule that admits these workloads.
    fn seen(&self, id: RuleId, admitted: &BTreeSet<NodeId>, is_part: impl Fn(&Connection) -> bool) -> Seen {
        let other = |connection: &Connection| {
            let party = match id.direction {
                Direction::Egress => connection.to,
                Direction::Ingress => connection.from,
            };
            self.field.pod(party).and_then(|pod| self.field.roster.workload_of(pod)).cloned()
        };
        let mut seen = Seen::default();
        let used = self.used.get(&id).into_iter().flatten();
        for (connection, edges) in used.filter(|(connection, _)| is_part(connection)) {
            seen.came.extend(other(connection));
            seen.ports.insert(format!("{}/{}", connection.port, connection.protocol));
            seen.edges.extend(edges.iter().filter_map(|edge| self.wants.edges.get(*edge)).cloned());
        }
        let withheld = self.withheld.get(&id).into_iter().flatten();
        let suspicious: BTreeSet<NodeId> =
            withheld.filter(|connection| is_part(connection)).filter_map(|c| other(c)).collect();
        seen.never = admitted.difference(&seen.came).cloned().collect();
        seen.suspicious = seen.never.intersection(&suspicious).cloned().collect();
        seen.unobserved = seen.never.iter().filter(|id| !self.observed.contains(id)).cloned().collect();
        seen
    }
}

impl Seen {
    /// How many ports were used.
    fn used_ports(&self) -> String {
        match self.ports.len() {
            1 => "1 was used".to_owned(),
            count => format!("{count} were used"),
        }
    }

    /// Of how many that are admitted how many came.
    fn came_of(&self) -> String {
        let admitted = self.came.union(&self.never).count();
        let suspects = match self.suspicious.len() {
            0 => String::new(),
            n => format!(" ({n} of the others after it had begun to scan)"),
        };
        format!("of {admitted} workloads that it admits {} came{suspects}", self.came.len())
    }
}

fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for item in all {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}
