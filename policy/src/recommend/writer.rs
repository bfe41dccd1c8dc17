//! One policy from what its subject needs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_graph::EdgeKey;
use flowfence_model::policy::Direction;
use flowfence_model::{LabelSelector, NetworkPolicy, NodeId, PolicyPort, PolicyRule, PortName};
use ipnet::IpNet;

use super::evidence::Witness;
use super::need::Admissions;
use super::peer::{Peer, Widths};
use super::recommendation::{Declared, Evidence, RecommendedPolicy, Unfenced, Why, Width};
use super::rule::{self, Reasoned};
use super::subject::{Subject, Subjects};
use super::{FQDNS, MANAGED_BY, WORKLOAD, name};

/// Addresses that the annotation of names lists at most; annotations are limited in all (256 KiB).
const NAMED_ADDRESSES: usize = 64;

/// What every policy is written from.
pub(super) struct Writer<'a> {
    pub subjects: &'a Subjects,
    pub widths: &'a Widths,
    pub admissions: &'a BTreeMap<(usize, Direction), Admissions>,
    pub witness: &'a Witness<'a>,
    /// Directions that policies of today isolate, of which only what is missing is written.
    pub isolated: &'a BTreeSet<(usize, Direction)>,
    /// Policies of today whose rules stay in objects of the same name.
    pub kept: &'a [NetworkPolicy],
}

impl Writer<'_> {
    /// The policy of one subject and the blocks in it that were widened; `None` when a peer without
    /// labels keeps both directions open, or nothing is missing.
    pub(super) fn policy(
        &self,
        index: usize,
        subject: &Subject,
        selector: &LabelSelector,
        name: &str,
        unfenced: &mut Vec<Unfenced>,
    ) -> Option<(RecommendedPolicy, Vec<Declared>)> {
        let base = self.kept.iter().find(|p| p.namespace == subject.namespace && p.name == name);
        let mut evidence = Vec::new();
        let mut wider = Vec::new();
        let mut lists: BTreeMap<Direction, Vec<PolicyRule>> = BTreeMap::new();
        let mut is_new = false;
        for direction in Direction::BOTH {
            let none = Admissions::new();
            let admissions = self.admissions.get(&(index, direction)).unwrap_or(&none);
            if let Some(peer) = self.peer_without_label(admissions) {
                let why = Why::PeerWithoutLabel(peer.clone());
                let rows = subject.members.iter();
                unfenced.extend(rows.map(|id| Unfenced { id: id.clone(), direction, why: why.clone() }));
                continue;
            }
            let rules = rule::rules(admissions, subject, self.subjects, self.widths);
            let before = base.and_then(|policy| policy.rules(direction));
            let is_missing = !rules.is_empty() || !self.isolated.contains(&(index, direction));
            is_new |= is_missing;
            if !is_missing && before.is_none() {
                continue;
            }
            let list = lists.entry(direction).or_default();
            list.extend_from_slice(before.unwrap_or_default());
            for Reasoned { rule, edges, wider: blocks } in rules {
                wider.extend(blocks.into_iter().flat_map(|cidr| widened(subject, direction, cidr, &rule)));
                evidence.push(self.witness.evidence(direction, list.len(), edges.into_iter().collect()));
                list.push(rule);
            }
        }
        if !is_new {
            return None;
        }
        let policy = NetworkPolicy {
            namespace: subject.namespace.clone(),
            name: name.to_owned(),
            pod_selector: selector.clone(),
            ingress: lists.remove(&Direction::Ingress),
            egress: lists.remove(&Direction::Egress),
        };
        let recommended = RecommendedPolicy {
            subjects: subject.members.clone(),
            file: name::file(&subject.namespace, name),
            policy,
            labels: BTreeMap::from([(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned())]),
            annotations: self.annotations(subject, &evidence),
            evidence,
        };
        Some((recommended, wider))
    }

    /// What outlives the file in the cluster: whom it fences, and what outside addresses are called.
    /// No counts and no times: equal traffic gives equal bytes.
    fn annotations(&self, subject: &Subject, evidence: &[Evidence]) -> BTreeMap<String, String> {
        let members: Vec<String> = subject.members.iter().map(NodeId::to_string).collect();
        let mut annotations = BTreeMap::from([(WORKLOAD.to_owned(), members.join(", "))]);
        let ends = evidence.iter().flat_map(|e| &e.edges).flat_map(|EdgeKey { from, to, .. }| [from, to]);
        let addresses: BTreeSet<IpAddr> = ends.filter_map(NodeId::external).collect();
        let is_plain = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        let named: Vec<String> = addresses
            .into_iter()
            .filter_map(|ip| {
                let names: Vec<&str> = self.witness.names.of(ip).filter(is_plain).collect();
                (!names.is_empty()).then(|| format!("{ip} {}", names.join(" ")))
            })
            .collect();
        if !named.is_empty() {
            let more = named.len().saturating_sub(NAMED_ADDRESSES);
            let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
            let shown: Vec<String> = named.into_iter().take(NAMED_ADDRESSES).collect();
            annotations.insert(FQDNS.to_owned(), format!("{}{rest}", shown.join("; ")));
        }
        annotations
    }

    fn peer_without_label(&self, admissions: &Admissions) -> Option<&NodeId> {
        admissions.keys().find_map(|(peer, _)| match peer {
            Peer::Pods(index) => {
                let subject = self.subjects.get(*index)?;
                if subject.selector.is_none() { subject.members.first() } else { None }
            }
            Peer::Nodes | Peer::ApiServer | Peer::Exposed | Peer::Address(_) | Peer::Network(_) => None,
        })
    }
}

/// A block of a rule that was widened, as every member of the subject declares it for every port.
fn widened(subject: &Subject, direction: Direction, cidr: IpNet, rule: &PolicyRule) -> Vec<Declared> {
    let of_port = |port: &PolicyPort| {
        let number = port.port.as_ref().map(PortName::to_string).unwrap_or_default();
        let protocol = port.protocol;
        let declared = subject.members.iter().map(move |id| Declared {
            kind: Width::Widened,
            subject: id.clone(),
            direction,
            peer: None,
            protocol,
            port: number.clone(),
            network: Some(cidr.to_string()),
        });
        declared.collect::<Vec<Declared>>()
    };
    rule.ports.iter().flat_map(of_port).collect()
}
