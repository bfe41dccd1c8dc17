//! The address space, cut where a policy cuts it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_model::tier::TierPeer;
use flowfence_model::{ClusterPolicy, NetworkPolicy, PolicyPeer, policy::Direction};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::semantics::{PolicySet, Rulebook};

/// Every block that policies name, and the whole of both families. Blocks nest or are disjoint,
/// so the deepest one around an address tells all that hold it: an atom is a block without the
/// blocks inside it.
#[derive(Clone, Debug)]
pub struct Atoms {
    /// Each block with the next one around it.
    blocks: BTreeMap<IpNet, Option<IpNet>>,
}

impl Atoms {
    /// The blocks of these sets, exceptions included.
    pub fn new(sets: &[&PolicySet]) -> Self {
        Atoms::cut(sets.iter().flat_map(|set| blocks(set.policies(), set.cluster_policies())))
    }

    /// The blocks of policies that are not compiled yet.
    pub fn of(rules: &[&Rulebook<'_>]) -> Self {
        Atoms::cut(rules.iter().flat_map(|rules| blocks(rules.policies, rules.tiers)))
    }

    fn cut(named: impl Iterator<Item = IpNet>) -> Self {
        let whole: [IpNet; 2] = [Ipv4Net::default().into(), Ipv6Net::default().into()];
        let all: BTreeSet<IpNet> = whole.into_iter().chain(named).collect();
        // In this order a block comes before the blocks inside it.
        let mut around: Vec<IpNet> = Vec::new();
        let mut nested = BTreeMap::new();
        for block in all {
            while around.last().is_some_and(|outer| !outer.contains(&block)) {
                around.pop();
            }
            nested.insert(block, around.last().copied());
            around.push(block);
        }
        Atoms { blocks: nested }
    }

    /// The atom of an address, by its block.
    pub fn around(&self, address: IpAddr) -> IpNet {
        let host = IpNet::from(address);
        let before = self.blocks.range(..=host).next_back().map(|(block, _)| *block);
        let mut candidate = before;
        while let Some(block) = candidate {
            if block.contains(&address) {
                return block;
            }
            candidate = self.blocks.get(&block).copied().flatten();
        }
        host
    }

    /// Every atom: its block and the blocks that are cut out of it.
    pub fn iter(&self) -> impl Iterator<Item = (IpNet, Vec<IpNet>)> + '_ {
        let mut inner: BTreeMap<IpNet, Vec<IpNet>> = BTreeMap::new();
        for (block, outer) in &self.blocks {
            if let Some(outer) = outer {
                inner.entry(*outer).or_default().push(*block);
            }
        }
        self.blocks.keys().map(move |block| (*block, inner.remove(block).unwrap_or_default()))
    }

    /// An address of an atom; `None` when the blocks inside leave nothing of it.
    pub fn address_in(block: IpNet, inner: &[IpNet]) -> Option<IpAddr> {
        Atoms::addresses_in(block, inner).next()
    }

    /// The addresses of an atom, ascending.
    pub fn addresses_in(block: IpNet, inner: &[IpNet]) -> impl Iterator<Item = IpAddr> + '_ {
        let mut candidate = Some(block.network());
        std::iter::from_fn(move || {
            while let Some(address) = candidate.filter(|address| block.contains(address)) {
                // The blocks inside are sorted and disjoint, each step leaves one behind.
                if let Some(hole) = inner.iter().find(|hole| hole.contains(&address)) {
                    candidate = next(hole.broadcast());
                } else {
                    candidate = next(address);
                    return Some(address);
                }
            }
            None
        })
    }
}

fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(ip) => u32::from(ip).checked_add(1).map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(ip) => u128::from(ip).checked_add(1).map(|bits| IpAddr::V6(bits.into())),
    }
}

fn blocks(policies: &[NetworkPolicy], tiers: &[ClusterPolicy]) -> Vec<IpNet> {
    let mut blocks = Vec::new();
    for direction in Direction::BOTH {
        let rules = policies.iter().flat_map(|policy| policy.rules(direction).unwrap_or_default());
        for peer in rules.flat_map(|rule| &rule.peers) {
            if let PolicyPeer::Block { cidr, except } = peer {
                blocks.push(cidr.trunc());
                blocks.extend(except.iter().map(IpNet::trunc));
            }
        }
        let rules = tiers.iter().flat_map(|policy| policy.rules(direction));
        for peer in rules.flat_map(|rule| &rule.peers) {
            if let TierPeer::Networks(networks) = peer {
                blocks.extend(networks.iter().map(IpNet::trunc));
            }
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::Cluster;
    use flowfence_model::{LabelSelector, NetworkPolicy, PolicyRule};

    #[test]
    fn an_address_lies_in_the_deepest_block_around_it() {
        let block = |cidr: &str, except: &str| PolicyPeer::Block {
            cidr: cidr.parse().unwrap(),
            except: vec![except.parse().unwrap()],
        };
        let peers = vec![block("10.0.0.0/8", "10.1.0.0/16"), block("10.1.2.0/24", "10.1.2.0/30")];
        let policy = NetworkPolicy {
            namespace: "n".to_owned(),
            name: "p".to_owned(),
            pod_selector: LabelSelector::everything(),
            ingress: Some(vec![PolicyRule { peers, ports: Vec::new() }]),
            egress: None,
        };
        let set = PolicySet::compile(&Cluster::new(Vec::new(), [], []), &[policy]);
        let atoms = Atoms::new(&[&set]);
        for (address, expected) in [
            ("10.1.2.1", "10.1.2.0/30"),
            ("10.1.2.200", "10.1.2.0/24"),
            ("10.1.200.1", "10.1.0.0/16"),
            ("10.200.0.1", "10.0.0.0/8"),
            ("11.0.0.1", "0.0.0.0/0"),
            ("9.0.0.1", "0.0.0.0/0"),
            ("fd00::1", "::/0"),
        ] {
            assert_eq!(atoms.around(address.parse().unwrap()).to_string(), expected, "{address}");
        }
        let of = |block: &str| atoms.iter().find(|(atom, _)| atom.to_string() == block).unwrap();
        let (block, inner) = of("10.1.2.0/24");
        assert_eq!(inner, ["10.1.2.0/30".parse().unwrap()]);
        assert_eq!(Atoms::address_in(block, &inner), Some("10.1.2.4".parse().unwrap()));
        let halves: [IpNet; 2] = ["10.1.2.0/25".parse().unwrap(), "10.1.2.128/25".parse().unwrap()];
        assert_eq!(Atoms::address_in(block, &halves), None, "nothing is left of it");
    }
}
