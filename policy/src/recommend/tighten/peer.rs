//! The peers of a rule, narrowed to those who came.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_model::policy::Direction;
use flowfence_model::{NodeId, PeerSelector, PolicyPeer};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::answer::WhyKept;
use super::field::Field;
use crate::recommend::options::Exposed;
use crate::semantics::{Party, PodIndex};

/// What stands in the place of a peer; `None` when it stays as it is.
pub(super) type Narrowed = Option<Vec<PolicyPeer>>;

/// Narrows the peers of rules of one policy.
pub(super) struct Narrower<'a> {
    pub field: &'a Field<'a>,
    /// The policy's namespace.
    pub home: &'a str,
    /// Which way the rules are for.
    pub direction: Direction,
    /// What could not be narrowed.
    pub notes: Vec<WhyKept>,
}

impl Narrower<'_> {
    /// A rule without peers admits everybody; these came.
    pub(super) fn everybody(&mut self, came: &BTreeSet<Party>) -> Narrowed {
        let mut now = self.exact(came, None)?;
        let world = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
        let addresses = self.addresses(came);
        if self.field.exposed == Exposed::Any {
            for cidr in world.into_iter().filter(|cidr| addresses.iter().any(|ip| cidr.contains(ip))) {
                now.extend(self.outside(cidr, &[], &addresses));
            }
        } else {
            now.extend(self.seen(&world, &addresses));
        }
        Some(now)
    }

    /// One peer through which these came.
    pub(super) fn one(&mut self, peer: &PolicyPeer, came: &BTreeSet<Party>) -> Narrowed {
        match peer {
            PolicyPeer::Pods(selector) => self.selector(selector, came),
            PolicyPeer::Block { cidr, except } => self.block(*cidr, except, came),
        }
    }

    /// Selectors of exactly the workloads that came, unless they admit no fewer.
    fn selector(&mut self, selector: &PeerSelector, came: &BTreeSet<Party>) -> Narrowed {
        let admitted = self.field.admitted(selector, self.home);
        if admitted.is_subset(&self.workloads(came)) {
            return None;
        }
        let now = self.exact(came, Some(selector))?;
        let left = now.iter().flat_map(|peer| self.field.workloads_of(peer, self.home));
        (left.collect::<BTreeSet<NodeId>>().len() < admitted.len()).then_some(now)
    }

    /// A block is a network that a person wrote: where anybody outside came, it stays but for the
    /// pods that did not. Otherwise those who came stand in its place.
    fn block(&mut self, cidr: IpNet, except: &[IpNet], came: &BTreeSet<Party>) -> Narrowed {
        let inside = self.field.inside(cidr, except);
        let addresses = self.addresses(came);
        let used = self.workloads(came);
        let is_host = cidr.prefix_len() == cidr.max_prefix_len();
        if is_host
            || (!addresses.is_empty() && self.field.exposed == Exposed::Any && self.is_all(&inside, &used))
        {
            return None;
        }
        // A selector admits every address of every pod of a workload.
        let holds = |ip: &IpAddr| cidr.contains(ip) && !except.iter().any(|part| part.contains(ip));
        let is_whole = |pod: &PodIndex| self.field.roster.cluster().pod(*pod).ips.iter().all(holds);
        if let Some(id) = used.iter().find(|id| !self.field.roster.pods_of(id).iter().all(is_whole)) {
            self.notes.push(WhyKept::PartlyInBlock(id.clone()));
            return None;
        }
        let mut now = self.exact(came, None)?;
        now.extend(if self.field.exposed == Exposed::Any {
            self.outside(cidr, except, &addresses)
        } else {
            let within = self.seen(&[cidr], &addresses);
            within.into_iter().filter(|peer| !is_excepted(peer, except)).collect()
        });
        let was = PolicyPeer::Block { cidr, except: except.to_vec() };
        (now != [was]).then_some(now)
    }

    fn is_all(&self, inside: &BTreeSet<PodIndex>, used: &BTreeSet<NodeId>) -> bool {
        self.field.names(inside.iter().copied()).is_subset(used)
    }

    /// A block without the pods in it; into a pod, with the addresses by which nodes speak to it.
    fn outside(&self, cidr: IpNet, except: &[IpNet], addresses: &BTreeSet<IpAddr>) -> Vec<PolicyPeer> {
        if addresses.is_empty() {
            return Vec::new();
        }
        let free = |ip: &IpAddr| cidr.contains(ip) && !except.iter().any(|part| part.contains(ip));
        let ranges: Vec<IpNet> = self.field.pod_ranges.clone();
        let mut now = Vec::new();
        if !ranges.iter().any(|range| range.contains(&cidr)) {
            let inner = ranges.iter().filter(|range| cidr.contains(*range)).copied();
            let all: BTreeSet<IpNet> = except.iter().copied().chain(inner).collect();
            let outermost = all.iter().filter(|net| !all.iter().any(|o| o != *net && o.contains(*net)));
            now.push(PolicyPeer::Block { cidr, except: outermost.copied().collect() });
        }
        let mut hosts = addresses.clone();
        if self.direction == Direction::Ingress {
            hosts.extend(&self.field.gateways);
        }
        let hidden = |ip: &IpAddr| free(ip) && ranges.iter().any(|range| range.contains(ip));
        now.extend(hosts.into_iter().filter(hidden).map(host));
        now
    }

    /// The addresses that came, and with one node all nodes.
    fn seen(&self, within: &[IpNet], addresses: &BTreeSet<IpAddr>) -> Vec<PolicyPeer> {
        let mut all = addresses.clone();
        if addresses.iter().any(|ip| self.field.nodes.contains(ip)) {
            all.extend(&self.field.nodes);
        }
        let all = all.into_iter().filter(|ip| within.iter().any(|cidr| cidr.contains(ip)));
        all.map(host).collect()
    }

    /// A selector a workload that came, without repeats.
    fn exact(&mut self, came: &BTreeSet<Party>, within: Option<&PeerSelector>) -> Option<Vec<PolicyPeer>> {
        let mut now: Vec<PolicyPeer> = Vec::new();
        for id in self.workloads(came) {
            let Some(peer) = self.field.exact(&id, within, self.home) else {
                self.notes.push(WhyKept::NoStableLabel(id));
                return None;
            };
            if !now.contains(&peer) {
                now.push(peer);
            }
        }
        Some(now)
    }

    fn workloads(&self, came: &BTreeSet<Party>) -> BTreeSet<NodeId> {
        self.field.names(came.iter().filter_map(|party| self.field.pod(*party)))
    }

    fn addresses(&self, came: &BTreeSet<Party>) -> BTreeSet<IpAddr> {
        came.iter().filter(|party| self.field.pod(**party).is_none()).map(|party| party.address).collect()
    }
}

/// Which of several peers admits each party: the narrowest, then the first.
pub(super) fn share(
    field: &Field<'_>,
    peers: &[PolicyPeer],
    home: &str,
    parties: &BTreeSet<Party>,
) -> BTreeMap<usize, BTreeSet<Party>> {
    let widths: Vec<u128> = peers.iter().map(|peer| super::width::of_peer(field, peer, home)).collect();
    let mut shares: BTreeMap<usize, BTreeSet<Party>> = BTreeMap::new();
    for party in parties {
        let admitting = (0..peers.len()).filter(|at| field.admits(&peers[*at], home, *party));
        if let Some(narrowest) = admitting.min_by_key(|at| (widths[*at], *at)) {
            shares.entry(narrowest).or_default().insert(*party);
        }
    }
    shares
}

fn host(ip: IpAddr) -> PolicyPeer {
    PolicyPeer::Block { cidr: IpNet::from(ip), except: Vec::new() }
}

/// The address of a block of one address.
pub(super) fn as_host(peer: &PolicyPeer) -> Option<IpAddr> {
    match peer {
        PolicyPeer::Block { cidr, .. } if cidr.prefix_len() == cidr.max_prefix_len() => Some(cidr.addr()),
        PolicyPeer::Block { .. } | PolicyPeer::Pods(_) => None,
    }
}

fn is_excepted(peer: &PolicyPeer, except: &[IpNet]) -> bool {
    match peer {
        PolicyPeer::Block { cidr, .. } => except.iter().any(|part| part.contains(cidr)),
        PolicyPeer::Pods(_) => false,
    }
}
