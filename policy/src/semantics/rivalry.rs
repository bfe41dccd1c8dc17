//! Cluster-wide policies of one priority that disagree: the API leaves open which one wins.

use std::collections::BTreeSet;

use flowfence_model::object::ContainerPort;
use flowfence_model::policy::Direction;
use flowfence_model::tier::Action;
use flowfence_model::{PortSet, Protocol};

use super::cluster::PodIndex;
use super::connection::{Connection, Party};
use super::region::Question;
use super::set::PolicySet;

/// Two policies of one tier and priority, and something on which they disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rivalry {
    /// Their places in [`PolicySet::cluster_policies`], ascending.
    pub policies: [usize; 2],
    /// The rule of each, by its place.
    pub rules: [usize; 2],
    /// Which of their lists.
    pub direction: Direction,
    /// A pod that both speak of.
    pub subject: PodIndex,
    /// Its other end.
    pub peer: Party,
    /// The protocol.
    pub protocol: Protocol,
    /// The ports.
    pub ports: PortSet,
    /// What each does.
    pub actions: [Action; 2],
}

impl PolicySet {
    /// The pairs of cluster-wide policies that have the same tier and priority and would do
    /// different things to a connection of a pod that both select with one of these parties. One
    /// example a pair.
    pub fn rivalries(&self, parties: &[Party]) -> Vec<Rivalry> {
        let policies = self.cluster_policies();
        let mut found = Vec::new();
        for (one, policy) in policies.iter().enumerate() {
            for (other, rival) in policies.iter().enumerate().skip(one + 1) {
                if (policy.tier, policy.priority) == (rival.tier, rival.priority) {
                    found.extend(self.rivalry([one, other], parties));
                }
            }
        }
        found
    }

    fn rivalry(&self, pair: [usize; 2], parties: &[Party]) -> Option<Rivalry> {
        let [one, other] = pair.map(|at| &self.tiers.programs[at]);
        Direction::BOTH.into_iter().find_map(|direction| {
            let actions = |at: usize| {
                let rules = self.cluster_policies()[at].rules(direction);
                rules.iter().map(|rule| rule.action as u8).collect::<BTreeSet<u8>>()
            };
            let (mine, theirs) = (actions(pair[0]), actions(pair[1]));
            if mine.is_empty() || theirs.is_empty() || (mine == theirs && mine.len() == 1) {
                return None;
            }
            // What they say depends on the pod only by the numbers of its port names.
            let mut known: BTreeSet<&[ContainerPort]> = BTreeSet::new();
            one.subjects
                .intersection(&other.subjects)
                .map(PodIndex::at)
                .filter(|pod| known.insert(self.cluster().pod(*pod).ports.as_slice()))
                .find_map(|pod| parties.iter().find_map(|peer| self.clash(pair, direction, pod, *peer)))
        })
    }

    fn clash(
        &self,
        pair: [usize; 2],
        direction: Direction,
        subject: PodIndex,
        peer: Party,
    ) -> Option<Rivalry> {
        let address = self.cluster().pod(subject).ips.first().copied()?;
        let own = Party { pod: Some(subject), address };
        if peer.pod == own.pod {
            return None;
        }
        let (from, to) = match direction {
            Direction::Egress => (own, peer),
            Direction::Ingress => (peer, own),
        };
        Protocol::WITH_PORTS.into_iter().find_map(|protocol| {
            let (_, question) = self.question(&Connection { from, to, protocol, port: 0 }, direction);
            let [mine, theirs] = pair.map(|at| self.first_matches(at, &question, direction));
            mine.iter().find_map(|(rule, action, ports)| {
                let others = theirs.iter().filter(|(_, other, _)| other != action);
                let mut both = others.map(|(at, other, theirs)| (*at, *other, ports.intersection(theirs)));
                let (at, other, ports) = both.find(|(.., ports)| !ports.is_empty())?;
                let (rules, actions) = ([*rule, at], [*action, other]);
                Some(Rivalry { policies: pair, rules, direction, subject, peer, protocol, ports, actions })
            })
        })
    }

    /// The ports that each rule of one policy decides: those that no rule before it matches.
    fn first_matches(
        &self,
        at: usize,
        question: &Question<'_>,
        direction: Direction,
    ) -> Vec<(usize, Action, PortSet)> {
        let mut undecided = PortSet::all();
        let mut matches = Vec::new();
        for (rule, region) in self.tiers.programs[at].regions(direction).iter().enumerate() {
            if region.has_peer(question) {
                let hit = region.ports(question).intersection(&undecided);
                undecided = undecided.difference(&hit);
                matches.push((rule, region.action, hit));
            }
        }
        matches
    }
}
