//! Parts of a rule: what one language says in one rule takes several in another.

use std::collections::BTreeSet;

use flowfence_graph::EdgeKey;
use flowfence_model::policy::Direction;
use flowfence_model::{NodeId, PolicyPeer, PolicyPort, PolicyRule, PortName};
use flowfence_policy::recommend::Evidence;

use super::scene::Scene;
use super::sheet::{Reason, Sheet};

/// Some peers and ports of a rule. Empty lists mean any, as in the rule.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The rule's place in its list.
    pub rule: usize,
    /// Peers, all of one kind where the language asks for it.
    pub peers: Vec<PolicyPeer>,
    /// Ports.
    pub ports: Vec<PolicyPort>,
}

impl Part {
    /// The whole of a rule.
    pub(super) fn whole(at: usize, rule: &PolicyRule) -> Self {
        Part { rule: at, peers: rule.peers.clone(), ports: rule.ports.clone() }
    }

    /// The edges that need it: those of the rule whose other end is among its peers, on its ports
    /// if any is. A part that was added for its own sake (DNS over the other protocol) has the
    /// edges of its peers; no part has none while its rule has some.
    pub(super) fn evidence(
        &self,
        direction: Direction,
        sheet: &Sheet<'_>,
        scene: &Scene<'_>,
    ) -> Option<Evidence> {
        let mut known = sheet.evidence.iter();
        let all = known.find(|e| e.direction == direction && e.rule == self.rule)?;
        let namespace = &sheet.manifest.policy.namespace;
        let of_peers: Vec<&EdgeKey> = all
            .edges
            .iter()
            .filter(|edge| self.has_peer(other_end(edge, direction), namespace, scene))
            .collect();
        let of_ports: Vec<&EdgeKey> = of_peers.iter().copied().filter(|edge| self.has_port(edge)).collect();
        let chosen = [of_ports, of_peers].into_iter().find(|edges| !edges.is_empty());
        let edges = chosen.map_or_else(|| all.edges.clone(), |edges| edges.into_iter().cloned().collect());
        Some(Evidence { edges, ..all.clone() })
    }

    fn has_peer(&self, id: &NodeId, namespace: &str, scene: &Scene<'_>) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|peer| scene.admits(peer, id, namespace))
    }

    fn has_port(&self, edge: &EdgeKey) -> bool {
        self.ports.is_empty()
            || self.ports.iter().any(|port| {
                port.protocol == edge.protocol
                    && match (&port.port, edge.port) {
                        (None | Some(PortName::Name(_)), _) => true,
                        (Some(PortName::Range(range)), Some(number)) => range.contains(number),
                        (Some(PortName::Range(_)), None) => false,
                    }
            })
    }
}

fn other_end(edge: &EdgeKey, direction: Direction) -> &NodeId {
    match direction {
        Direction::Egress => &edge.to,
        Direction::Ingress => &edge.from,
    }
}

/// Collects the comments and reasons of an object's rules while they are written.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    sheet: &'a Sheet<'a>,
    scene: &'a Scene<'a>,
    pub(super) reasons: Vec<Reason>,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(sheet: &'a Sheet<'a>, scene: &'a Scene<'a>) -> Self {
        Ledger { sheet, scene, reasons: Vec::new() }
    }

    /// Notes why the rule at `at` of `object` is there, and gives its comment. The comment of a
    /// rule that stayed whole is the one that it came with.
    pub(super) fn enter(&mut self, object: &str, direction: Direction, at: usize, part: &Part) -> String {
        let given = self.sheet.manifest.comments.get(&(direction, part.rule));
        let Some(evidence) = part.evidence(direction, self.sheet, self.scene) else {
            return given.cloned().unwrap_or_default();
        };
        let is_whole = self.sheet.evidence.contains(&evidence);
        let comment = match given {
            Some(given) if is_whole => given.clone(),
            _ => (self.sheet.comment)(&evidence),
        };
        let evidence = Evidence { rule: at, ..evidence };
        self.reasons.push(Reason { object: object.to_owned(), evidence });
        comment
    }
}

/// Ports by protocol, in the order of protocols; one empty entry when there are none.
pub(super) fn by_protocol(ports: &[PolicyPort]) -> Vec<Vec<PolicyPort>> {
    if ports.is_empty() {
        return vec![Vec::new()];
    }
    let protocols: BTreeSet<_> = ports.iter().map(|port| port.protocol).collect();
    let of = |protocol| ports.iter().filter(|port| port.protocol == protocol).cloned().collect();
    protocols.into_iter().map(of).collect()
}
