//! Networks outside that a person gave names to, and blocks of addresses written shortly.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A network outside by its name, such as an office or a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name, for people.
    pub name: String,
    /// Its blocks.
    pub cidrs: Vec<IpNet>,
}

impl Network {
    /// The length of the longest prefix of its blocks that hold an address.
    fn holds(&self, ip: IpAddr) -> Option<u8> {
        self.cidrs.iter().filter(|cidr| cidr.contains(&ip)).map(IpNet::prefix_len).max()
    }
}

/// The network that holds an address most closely, by its place; of equals the first.
pub(super) fn of_address(networks: &[Network], ip: IpAddr) -> Option<usize> {
    let held = networks.iter().enumerate().filter_map(|(at, network)| Some((network.holds(ip)?, at)));
    held.max_by_key(|(length, at)| (*length, usize::MAX - at)).map(|(_, at)| at)
}

/// A block of a rule, and whether it holds addresses that nobody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Joined {
    pub cidr: IpNet,
    pub is_wider: bool,
}

/// Blocks as few: those that touch become one; beyond that neighbours are joined, those first
/// that add the fewest addresses, until one more would add over `widen` in all. What is `inside`
/// the cluster is never added.
pub(super) fn join(blocks: &[IpNet], widen: u128, inside: &[IpNet]) -> Vec<Joined> {
    let exact = IpNet::aggregate(&blocks.to_vec());
    let mut joined: Vec<Joined> = exact.into_iter().map(|cidr| Joined { cidr, is_wider: false }).collect();
    joined.sort();
    let mut left = widen;
    let mut candidates = if left > 0 { candidates(&joined, inside) } else { Vec::new() };
    while let Some((added, cidr)) = candidates.iter().min().copied().filter(|_| left > 0) {
        if added > left {
            break;
        }
        left -= added;
        joined.retain(|block| !cidr.contains(&block.cidr));
        joined.push(Joined { cidr, is_wider: true });
        // Whatever lies around it has that much less to add.
        candidates.retain(|(_, other)| !cidr.contains(other));
        let around = candidates.iter_mut().filter(|(_, other)| other.contains(&cidr));
        around.for_each(|(more, _)| *more = more.saturating_sub(added));
    }
    joined.sort();
    joined
}

/// The blocks that would join neighbours, outside the cluster, with how many addresses each would
/// add. These are all that joining ever comes to: what joins two blocks joins what lies in them.
fn candidates(blocks: &[Joined], inside: &[IpNet]) -> Vec<(u128, IpNet)> {
    let pairs = blocks.windows(2).filter_map(|pair| common(pair[0].cidr, pair[1].cidr));
    let distinct: BTreeSet<IpNet> = pairs.collect();
    let is_inside = |cidr: &IpNet| inside.iter().any(|net| net.contains(cidr) || cidr.contains(net));
    let added = |cidr: IpNet| {
        let held = blocks.iter().filter(|block| cidr.contains(&block.cidr));
        let held = held.map(|block| size(block.cidr)).fold(0_u128, u128::saturating_add);
        (size(cidr).saturating_sub(held), cidr)
    };
    distinct.into_iter().filter(|cidr| !is_inside(cidr)).map(added).collect()
}

/// The smallest block that holds both; `None` across families.
fn common(a: IpNet, b: IpNet) -> Option<IpNet> {
    match (a, b) {
        (IpNet::V4(a), IpNet::V4(b)) => {
            let same = (u32::from(a.network()) ^ u32::from(b.network())).leading_zeros();
            let length = u8::try_from(same).ok()?.min(a.prefix_len()).min(b.prefix_len());
            Ipv4Net::new(a.network(), length).ok().map(|net| IpNet::V4(net.trunc()))
        }
        (IpNet::V6(a), IpNet::V6(b)) => {
            let same = (u128::from(a.network()) ^ u128::from(b.network())).leading_zeros();
            let length = u8::try_from(same).ok()?.min(a.prefix_len()).min(b.prefix_len());
            Ipv6Net::new(a.network(), length).ok().map(|net| IpNet::V6(net.trunc()))
        }
        _ => None,
    }
}

/// How many addresses a block holds; that of `::/0` does not fit and is one less.
pub(super) fn size(cidr: IpNet) -> u128 {
    let bits = u32::from(cidr.max_prefix_len() - cidr.prefix_len());
    1_u128.checked_shl(bits).unwrap_or(u128::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nets(text: &str) -> Vec<IpNet> {
        text.split_whitespace().map(|net| net.parse().unwrap()).collect()
    }

    fn joined(blocks: &str, widen: u128, inside: &str) -> String {
        let all = join(&nets(blocks), widen, &nets(inside));
        let mark = |block: &Joined| format!("{}{}", block.cidr, if block.is_wider { "+" } else { "" });
        all.iter().map(mark).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_touches_becomes_one_block_and_nothing_is_added() {
        let hosts = "203.0.113.8/32 203.0.113.9/32 203.0.113.10/32 203.0.113.11/32 203.0.113.13/32";
        assert_eq!(joined(hosts, 0, ""), "203.0.113.8/30 203.0.113.13/32");
        assert_eq!(joined("2001:db8::1/128 2001:db8::/128 10.0.0.1/32", 0, ""), "10.0.0.1/32 2001:db8::/127");
    }

    #[test]
    fn blocks_are_widened_only_as_far_as_was_asked() {
        let hosts = "203.0.113.8/32 203.0.113.11/32 203.0.113.200/32";
        assert_eq!(joined(hosts, 1, ""), "203.0.113.8/32 203.0.113.11/32 203.0.113.200/32");
        assert_eq!(joined(hosts, 2, ""), "203.0.113.8/30+ 203.0.113.200/32");
        assert_eq!(joined(hosts, 256, ""), "203.0.113.0/24+");
    }

    #[test]
    fn widening_never_takes_in_what_is_inside_the_cluster() {
        assert_eq!(joined("10.0.0.1/32 10.0.0.4/32", 100, "10.0.0.2/31"), "10.0.0.1/32 10.0.0.4/32");
    }

    #[test]
    fn a_join_fills_what_lies_around_it() {
        // Each four lacks two; once both are whole, their eight lacks none.
        let hosts = "203.0.113.0/32 203.0.113.3/32 203.0.113.4/32 203.0.113.7/32 203.0.113.64/32";
        assert_eq!(joined(hosts, 3, ""), "203.0.113.0/30+ 203.0.113.4/32 203.0.113.7/32 203.0.113.64/32");
        assert_eq!(joined(hosts, 5, ""), "203.0.113.0/29+ 203.0.113.64/32");
    }

    /// Neighbour by neighbour, with every sum made anew.
    fn step_by_step(blocks: &[IpNet], widen: u128, inside: &[IpNet]) -> Vec<Joined> {
        let exact = IpNet::aggregate(&blocks.to_vec());
        let mut joined: Vec<Joined> =
            exact.into_iter().map(|cidr| Joined { cidr, is_wider: false }).collect();
        joined.sort();
        let mut left = widen;
        while left > 0 {
            let Some((added, cidr)) = candidates(&joined, inside).into_iter().min() else { break };
            if added > left {
                break;
            }
            left -= added;
            joined.retain(|block| !cidr.contains(&block.cidr));
            joined.push(Joined { cidr, is_wider: true });
            joined.sort();
        }
        joined
    }

    #[test]
    fn the_most_specific_network_holds_an_address() {
        let network = |name: &str, cidrs: &str| Network { name: name.to_owned(), cidrs: nets(cidrs) };
        let all = [network("wide", "198.51.100.0/24 192.0.2.0/28"), network("narrow", "198.51.100.64/26")];
        let name = |ip: &str| of_address(&all, ip.parse().unwrap()).map(|at| all[at].name.as_str());
        assert_eq!(name("198.51.100.70"), Some("narrow"));
        assert_eq!(name("198.51.100.7"), Some("wide"));
        assert_eq!(name("203.0.113.1"), None);
    }

    proptest! {
        #[test]
        fn every_block_stays_inside_and_no_more_is_added_than_allowed(
            hosts in prop::collection::vec(0..512_u32, 1..12),
            widen in 0..200_u128,
        ) {
            let base = u32::from(std::net::Ipv4Addr::new(203, 0, 112, 0));
            let blocks: Vec<IpNet> =
                hosts.iter().map(|n| IpNet::from(IpAddr::from(std::net::Ipv4Addr::from(base + n)))).collect();
            let all = join(&blocks, widen, &[]);
            prop_assert!(blocks.iter().all(|net| all.iter().any(|block| block.cidr.contains(net))));
            let distinct: BTreeSet<IpNet> = blocks.iter().copied().collect();
            let total: u128 = all.iter().map(|block| size(block.cidr)).sum();
            prop_assert!(total - distinct.len() as u128 <= widen);
            let inside = nets("203.0.112.64/30 203.0.113.9/32");
            prop_assert_eq!(join(&blocks, widen, &inside), step_by_step(&blocks, widen, &inside));
        }
    }
}
