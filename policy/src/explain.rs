//! Why a connection is allowed or denied: per direction, which policies select the end, which
//! rule admits, how near the others come, and what would have to change.

use flowfence_model::policy::Direction;
use flowfence_model::tier::Action;

use crate::semantics::{Connection, Decision, Exemption, PolicySet, RuleId, TierRuling, Verdict};

/// The whole story of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The verdicts.
    pub decision: Decision,
    /// What the source's policies say.
    pub egress: Story,
    /// What the destination's policies say.
    pub ingress: Story,
}

/// One direction of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Which.
    pub direction: Direction,
    /// What decided it.
    pub reason: Reason,
    /// What cluster-wide policies ruled, in the order of their tiers.
    pub tiers: Vec<TierRuling>,
    /// The policies that isolate this end, with each of their rules.
    pub policies: Vec<PolicyStory>,
}

/// What decided a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// This end is no pod that policies select: an address outside, a node, a host-network pod.
    NoPod,
    /// A rule of a cluster-wide policy accepts or denies it.
    Tier(TierRuling),
    /// No policy isolates the pod in this direction.
    NotIsolated,
    /// No policy can forbid it.
    Exempt(Exemption),
    /// A rule admits it.
    Admitted,
    /// It is isolated and no rule admits it.
    Denied,
}

/// A policy that isolates the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyStory {
    /// Index into [`PolicySet::policies`].
    pub policy: usize,
    /// Its rules of the direction, in order.
    pub rules: Vec<RuleStory>,
}

/// How one rule meets the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleStory {
    /// The rule.
    pub rule: RuleId,
    /// Whether its peers hold the other end.
    pub peer: bool,
    /// Whether its ports hold the port.
    pub port: bool,
}

impl RuleStory {
    /// Whether it admits the connection.
    pub fn admits(&self) -> bool {
        self.peer && self.port
    }
}

/// Tells the story of a connection.
pub fn explain(policies: &PolicySet, connection: &Connection) -> Explanation {
    let decision = policies.decide(connection);
    let egress = story(policies, connection, &decision, Direction::Egress);
    let ingress = story(policies, connection, &decision, Direction::Ingress);
    Explanation { decision, egress, ingress }
}

fn story(policies: &PolicySet, connection: &Connection, decision: &Decision, direction: Direction) -> Story {
    let verdict = decision.direction(direction);
    let subject = match direction {
        Direction::Egress => connection.from.pod,
        Direction::Ingress => connection.to.pod,
    };
    let is_pod = subject.is_some_and(|pod| !policies.cluster().pod(pod).host_network);
    let reason = if is_pod { reason(verdict) } else { Reason::NoPod };
    let told = verdict.isolated_by.iter().map(|policy| PolicyStory {
        policy: *policy,
        rules: rules(policies, connection, *policy, direction),
    });
    Story { direction, reason, tiers: verdict.tiers.clone(), policies: told.collect() }
}

/// The Admin tier first, then NetworkPolicies, then the Baseline tier for pods that none isolates.
fn reason(verdict: &Verdict) -> Reason {
    let decides = |ruling: Option<&TierRuling>| ruling.filter(|r| r.action != Action::Pass).copied();
    let before = decides(verdict.tiers.first());
    let after = decides(verdict.tiers.last()).filter(|_| verdict.isolated_by.is_empty());
    match (before.or(after), verdict.exemption) {
        (_, Some(exemption)) if verdict.admitted_by.is_empty() => Reason::Exempt(exemption),
        (Some(ruling), _) => Reason::Tier(ruling),
        _ if verdict.isolated_by.is_empty() => Reason::NotIsolated,
        _ if verdict.admitted_by.is_empty() => Reason::Denied,
        _ => Reason::Admitted,
    }
}

fn rules(
    policies: &PolicySet,
    connection: &Connection,
    policy: usize,
    direction: Direction,
) -> Vec<RuleStory> {
    let Some(rules) = policies.policies().get(policy).and_then(|p| p.rules(direction)) else {
        return Vec::new();
    };
    let meets = |(index, rule): (usize, &flowfence_model::PolicyRule)| {
        let id = RuleId { policy, direction, rule: index };
        let peer = rule.peers.is_empty()
            || (0..rule.peers.len()).any(|at| policies.peer_matches(id, at, connection));
        let port = rule.ports.is_empty()
            || (0..rule.ports.len()).any(|at| policies.port_matches(id, at, connection));
        RuleStory { rule: id, peer, port }
    };
    rules.iter().enumerate().map(meets).collect()
}

#[cfg(test)]
mod tests {
    use flowfence_model::object::{Meta, Pod};
    use flowfence_model::policy::Direction;
    use flowfence_model::{
        LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName, PortRange,
        Protocol,
    };

    use super::*;
    use crate::semantics::{Cluster, Party};

    fn pod(name: &str, ip: &str) -> Pod {
        let labels = [("app".to_owned(), name.to_owned())].into();
        let meta = Meta { namespace: "n".to_owned(), name: name.to_owned(), labels, ..Meta::default() };
        Pod { meta, ips: vec![ip.parse().unwrap()], ..Pod::default() }
    }

    fn from_a_on_80() -> NetworkPolicy {
        let peer = PeerSelector { namespaces: None, pods: Some(LabelSelector::labels([("app", "a")])) };
        let port = PolicyPort { protocol: Protocol::Tcp, port: Some(PortName::Range(PortRange::single(80))) };
        NetworkPolicy {
            namespace: "n".to_owned(),
            name: "b".to_owned(),
            pod_selector: LabelSelector::labels([("app", "b")]),
            ingress: Some(vec![PolicyRule { peers: vec![PolicyPeer::Pods(peer)], ports: vec![port] }]),
            egress: None,
        }
    }

    #[test]
    fn a_denied_connection_names_the_policy_and_what_each_rule_lacks() {
        let cluster =
            Cluster::new(vec![pod("a", "10.0.0.1"), pod("b", "10.0.0.2"), pod("c", "10.0.0.3")], [], []);
        let set = PolicySet::compile(&cluster, &[from_a_on_80()]);
        let party = |ip: &str| -> Party { cluster.party(ip.parse().unwrap()) };
        let ask = |from: &str, port| {
            let to = party("10.0.0.2");
            explain(&set, &Connection { from: party(from), to, protocol: Protocol::Tcp, port })
        };
        let admitted = ask("10.0.0.1", 80);
        assert_eq!(
            (admitted.egress.reason, admitted.ingress.reason),
            (Reason::NotIsolated, Reason::Admitted)
        );
        let wrong_port = ask("10.0.0.1", 81);
        assert_eq!(wrong_port.ingress.reason, Reason::Denied);
        let rule = wrong_port.ingress.policies[0].rules[0];
        assert!(rule.peer && !rule.port && rule.rule.direction == Direction::Ingress);
        let wrong_peer = ask("10.0.0.3", 80).ingress.policies[0].rules[0];
        assert!(!wrong_peer.peer && wrong_peer.port);
        assert_eq!(ask("192.0.2.1", 80).egress.reason, Reason::NoPod);
    }
}
