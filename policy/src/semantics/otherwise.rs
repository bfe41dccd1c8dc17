//! For a person who asks why: what another answer to an open question would lead to, and which
//! entries of a rule a connection meets.

use flowfence_model::policy::Direction;
use flowfence_model::tier::{Tier, TierRule};

use super::compile::Compiler;
use super::connection::Connection;
use super::decision::{Decision, Entries, RuleId, TierRuling};
use super::plugin::Plugin;
use super::reading::Reading;
use super::set::PolicySet;
use super::unspecified::Unspecified;

impl PolicySet {
    /// Whether the connection is allowed as one plugin documents it. What it leaves open is
    /// answered as the text of the API does.
    pub fn allows_with(&self, connection: &Connection, plugin: Plugin) -> bool {
        self.allows_by(connection, Reading::of(Some(plugin)))
    }

    /// Whether the connection is allowed where one open question gets its other answer. `None`
    /// where that depends on more than policies: on the pods behind a service's address.
    pub fn allows_otherwise(
        &self,
        connection: &Connection,
        decision: &Decision,
        reason: Unspecified,
    ) -> Option<bool> {
        let turned = |direction, turns| decision.direction(direction).allowed != turns;
        match reason {
            Unspecified::ServiceAddress | Unspecified::ServiceAddressInBlock => None,
            // Told only where a node's address is judged otherwise, on its way in.
            Unspecified::SnatSource => Some(decision.egress.allowed && turned(Direction::Ingress, true)),
            Unspecified::EqualPriority => Some(Direction::BOTH.into_iter().all(|direction| {
                let verdict = decision.direction(direction);
                let (subject, question) = self.question(connection, direction);
                let rivals =
                    subject.pod.is_some_and(|pod| self.has_equal_rivals(pod, &question, direction, verdict));
                turned(direction, rivals)
            })),
            reason => Some(self.allows_by(connection, self.reading.flipped(reason))),
        }
    }

    fn allows_by(&self, connection: &Connection, reading: Reading) -> bool {
        Direction::BOTH.into_iter().all(|direction| self.allows_as(connection, direction, reading))
    }

    /// The entries of one rule that match the connection, whether it admits it or not.
    pub fn matching(&self, rule: RuleId, connection: &Connection) -> Option<Entries> {
        let object = self.rule(rule)?;
        let peers = (0..object.peers.len()).filter(|at| self.peer_matches(rule, *at, connection));
        let ports = (0..object.ports.len()).filter(|at| self.port_matches(rule, *at, connection));
        Some(Entries { peers: peers.collect(), ports: ports.collect() })
    }

    /// The entries of a rule of a cluster-wide policy that match the connection.
    pub fn tier_matching(&self, ruling: &TierRuling, connection: &Connection) -> Option<Entries> {
        let policy = self.cluster_policies().get(ruling.policy)?;
        let rule = policy.rules(ruling.direction).get(ruling.rule)?;
        let loose = self.tiers.programs.get(ruling.policy)?.regions(ruling.direction).get(ruling.rule)?;
        let (_, question) = self.question(connection, ruling.direction);
        let mut compiler = Compiler::new(&self.index);
        let mut alone = |rule: TierRule| compiler.tier_region(&rule, loose.has_loose_names);
        let peers = (0..rule.peers.len()).filter(|at| {
            let only = TierRule { peers: vec![rule.peers[*at].clone()], ports: Vec::new(), ..rule.clone() };
            alone(only).has_peer(&question)
        });
        let peers = peers.collect();
        let ports = (0..rule.ports.len()).filter(|at| {
            let only = TierRule { peers: Vec::new(), ports: vec![rule.ports[*at].clone()], ..rule.clone() };
            alone(only).has_port(&question)
        });
        Some(Entries { peers, ports: ports.collect() })
    }

    /// The policies that select the end of a direction without a word on that direction.
    pub fn selected_otherwise(&self, connection: &Connection, direction: Direction) -> Vec<usize> {
        let (subject, _) = self.question(connection, direction);
        let Some(pod) = subject.pod.filter(|pod| !self.cluster().pod(*pod).host_network) else {
            return Vec::new();
        };
        let own = self.selecting(pod, direction);
        let other = match direction {
            Direction::Egress => Direction::Ingress,
            Direction::Ingress => Direction::Egress,
        };
        let others = self.selecting(pod, other).iter().filter(|at| !own.contains(at));
        others.map(|at| *at as usize).collect()
    }

    /// The cluster-wide policies with rules of a direction that select its end, strongest first.
    pub fn tiers_of(&self, connection: &Connection, direction: Direction) -> Vec<usize> {
        let (subject, _) = self.question(connection, direction);
        let Some(pod) = subject.pod else { return Vec::new() };
        let both = Tier::BOTH.into_iter().flat_map(|tier| self.tiers.selecting(tier, pod));
        let speaks = |at: &usize| !self.tiers.programs[*at].regions(direction).is_empty();
        both.map(|at| *at as usize).filter(speaks).collect()
    }
}
