//! Blocks of addresses as Cilium has them: nodes, the API server and the world by name, outside
//! addresses by the DNS name that led to them, the rest as CIDRs. A CIDR of Cilium never matches
//! a pod, a node or the API server of the cluster, whatever addresses they have.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowfence_model::PolicyPeer;
use ipnet::IpNet;

use super::entity::Entity;
use crate::manifest::flavour::block;
use crate::manifest::flavour::scene::Scene;

/// Addresses of a block that are looked at one by one for their names.
const MOST_NAMED: u128 = 256;

/// What the blocks of one rule become.
#[derive(Debug, Default)]
pub(super) struct Split {
    pub(super) entities: BTreeSet<Entity>,
    /// The blocks that the entities stand for.
    pub(super) named: Vec<PolicyPeer>,
    /// Blocks that stay blocks.
    pub(super) cidrs: Vec<PolicyPeer>,
    /// DNS names in place of blocks.
    pub(super) names: BTreeSet<String>,
    /// The blocks that the DNS names stand for.
    pub(super) behind_names: Vec<PolicyPeer>,
    /// Whether the entities hold nodes that the blocks did not.
    pub(super) is_wider: bool,
    /// Outside addresses with several names, which therefore stay addresses.
    pub(super) ambiguous: BTreeSet<IpAddr>,
}

impl Split {
    /// Splits the blocks among `peers`; by name only where `with_names`.
    pub(super) fn new(peers: &[PolicyPeer], scene: &Scene<'_>, with_names: bool) -> Self {
        let mut split = Split::default();
        let blocks: Vec<&PolicyPeer> =
            peers.iter().filter(|p| matches!(p, PolicyPeer::Block { .. })).collect();
        let world = world(&blocks, scene);
        if world.is_some() {
            split.entities.insert(Entity::World);
        }
        split.cluster(&blocks, scene);
        for peer in blocks {
            let PolicyPeer::Block { cidr, except } = peer else { continue };
            let held = scene.known_within(cidr) as u128;
            if except.is_empty() && held >= block::size(cidr) || world.is_some_and(|all| all.contains(&peer))
            {
                split.named.push(peer.clone());
                continue;
            }
            match with_names.then(|| split.dns(cidr, except, scene)).flatten() {
                Some(names) => {
                    split.names.extend(names);
                    split.behind_names.push(peer.clone());
                }
                None => split.cidrs.push(peer.clone()),
            }
            // A block may hold nodes beside outside addresses; both rules come from it.
            if held > 0 && split.entities.iter().any(|entity| *entity != Entity::World) {
                split.named.push(peer.clone());
            }
        }
        split
    }

    /// The entities of the cluster itself: nodes, and the API server where it is no node or alone.
    fn cluster(&mut self, blocks: &[&PolicyPeer], scene: &Scene<'_>) {
        let holds = |ip: &&IpAddr| blocks.iter().any(|peer| peer_holds(peer, **ip));
        let nodes: BTreeSet<&IpAddr> = scene.nodes.iter().filter(holds).collect();
        let servers: BTreeSet<&IpAddr> = scene.api_server.iter().filter(holds).collect();
        if nodes.iter().any(|ip| !servers.contains(*ip)) {
            self.entities.extend(Entity::NODES);
            self.is_wider = nodes.len() < scene.nodes.len();
            // Control plane nodes are nodes.
            if servers.iter().any(|ip| !nodes.contains(*ip)) {
                self.entities.insert(Entity::ApiServer);
            }
        } else if !servers.is_empty() {
            self.entities.insert(Entity::ApiServer);
            self.is_wider = servers.len() < scene.api_server.len();
        }
    }

    /// The one name of each address of a block, if each has just one that Cilium can match.
    fn dns(&mut self, cidr: &IpNet, except: &[IpNet], scene: &Scene<'_>) -> Option<BTreeSet<String>> {
        if !except.is_empty() || block::size(cidr) > MOST_NAMED {
            return None;
        }
        let mut names = BTreeSet::new();
        let mut is_complete = true;
        for ip in addresses(cidr) {
            match scene.names_of(ip)[..] {
                [name] if is_name(name) => drop(names.insert(name.to_owned())),
                [] | [_] => is_complete = false,
                // Whoever answers DNS for one name may give it the address of another's host.
                _ => {
                    self.ambiguous.insert(ip);
                    is_complete = false;
                }
            }
        }
        is_complete.then_some(names)
    }
}

fn peer_holds(peer: &PolicyPeer, ip: IpAddr) -> bool {
    match peer {
        PolicyPeer::Block { cidr, except } => {
            cidr.contains(&ip) && !except.iter().any(|part| part.contains(&ip))
        }
        PolicyPeer::Pods(_) => false,
    }
}

/// The blocks that are everybody outside, when both families are there and nothing but the places
/// of pods is taken out.
fn world<'a>(blocks: &[&'a PolicyPeer], scene: &Scene<'_>) -> Option<[&'a PolicyPeer; 2]> {
    let whole = |v4: bool| {
        blocks.iter().copied().find(|peer| match peer {
            PolicyPeer::Block { cidr, except } => {
                cidr.prefix_len() == 0
                    && cidr.addr().is_ipv4() == v4
                    && except.iter().all(|part| scene.is_pod_range(part))
            }
            PolicyPeer::Pods(_) => false,
        })
    };
    Some([whole(true)?, whole(false)?])
}

/// Every address, network and broadcast ones included.
fn addresses(cidr: &IpNet) -> impl Iterator<Item = IpAddr> {
    let longest = cidr.max_prefix_len();
    cidr.subnets(longest).into_iter().flatten().map(|net| net.addr())
}

/// `matchName` of the CRD.
fn is_name(name: &str) -> bool {
    let is_label =
        |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    name.len() <= 255 && name.strip_suffix('.').unwrap_or(name).split('.').all(is_label)
}
