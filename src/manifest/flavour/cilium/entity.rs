//! Entities: peers that have no labels of their own.

use flowfence_model::PolicyPeer;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::manifest::flavour::scene::Scene;

/// The entities that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entity {
    /// Everything, ICMP included.
    All,
    /// The node of the pod.
    Host,
    /// The other nodes.
    RemoteNode,
    /// The API server, wherever it is.
    ApiServer,
    /// Everything outside the cluster.
    World,
}

impl Entity {
    const EVERY: [Entity; 5] =
        [Entity::All, Entity::Host, Entity::RemoteNode, Entity::ApiServer, Entity::World];
    /// All nodes: a policy speaks for pods on each of them.
    pub(super) const NODES: [Entity; 2] = [Entity::Host, Entity::RemoteNode];

    pub(super) fn named(token: &str) -> Option<Self> {
        Entity::EVERY.into_iter().find(|entity| entity.token() == token)
    }

    pub(super) const fn token(self) -> &'static str {
        match self {
            Entity::All => "all",
            Entity::Host => "host",
            Entity::RemoteNode => "remote-node",
            Entity::ApiServer => "kube-apiserver",
            Entity::World => "world",
        }
    }
}

/// The addresses that entities stand for in this cluster; `None` for everything. Of the nodes a
/// pod's own and the others are told apart by no rule of v1, so that they come together or not
/// at all.
pub(super) fn blocks(entities: &[Entity], scene: &Scene<'_>) -> Option<Vec<PolicyPeer>> {
    if entities.contains(&Entity::All) {
        return None;
    }
    let mut blocks = Vec::new();
    let single = |ip: &_| PolicyPeer::Block { cidr: IpNet::from(*ip), except: Vec::new() };
    if Entity::NODES.iter().all(|node| entities.contains(node)) {
        blocks.extend(scene.nodes.iter().map(single));
    }
    if entities.contains(&Entity::ApiServer) {
        blocks.extend(scene.api_server.iter().map(single));
    }
    if entities.contains(&Entity::World) {
        let world = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
        blocks.extend(world.into_iter().filter_map(|cidr| scene.outside_of(cidr, &[])));
    }
    Some(blocks)
}
