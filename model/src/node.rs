//! Names of the ends of an edge.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Serialize, Serializer};
use smol_str::SmolStr;

/// The identity of a graph node. Its text form is stable and machine-readable:
///
/// | node | text |
/// |---|---|
/// | workload | `NAMESPACE/KIND/NAME`, KIND as in the API |
/// | pod (pod view) | `NAMESPACE/Pod/NAME` |
/// | namespace (namespace view) | `namespace/NAME` |
/// | cluster node | `node/NAME` |
/// | address outside the cluster | `external/ADDRESS/32` or `/128` |
/// | the Kubernetes API server | `apiserver` |
/// | address inside whose holder is not known | `unknown/ADDRESS` |
/// | whoever owns workloads (folded) | `owner/NAME` |
/// | a block of addresses outside (folded) | `external/CIDR` |
/// | a name of addresses outside (folded) | `domain/NAME` |
/// | everything outside (folded) | `external` |
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeId {
    /// The topmost controller of pods, or a bare pod.
    Workload(Arc<WorkloadName>),
    /// A whole namespace.
    Namespace(SmolStr),
    /// A cluster node, its pod gateway and its host-network pods.
    Node(SmolStr),
    /// The API server behind `default/kubernetes`.
    ApiServer,
    /// One address outside the cluster.
    External(IpAddr),
    /// An address of the cluster that nobody, or more than one, may have held.
    Unknown(IpAddr),
    /// Several nodes that a view shows as one; no contact has such an end.
    Folded(Fold),
}

/// What tells workloads apart. It is an end of many edges, so that whoever names it shares it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadName {
    /// Its namespace.
    pub namespace: SmolStr,
    /// Its kind as the API writes it, such as `Deployment`.
    pub kind: SmolStr,
    /// Its name.
    pub name: SmolStr,
}

/// What nodes have in common that a view shows as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fold {
    /// Who owns the workloads.
    Owner(SmolStr),
    /// The block that holds the addresses; never a single address.
    Block(IpNet),
    /// The name that DNS gave to the addresses.
    Domain(SmolStr),
    /// That they are outside.
    Outside,
}

/// A graph has two of them for each edge, and there may be a hundred thousand.
const _: () = assert!(size_of::<NodeId>() <= 32);

impl NodeId {
    /// A workload by its three names.
    pub fn workload(namespace: &str, kind: &str, name: &str) -> Self {
        let (namespace, kind, name) = (namespace.into(), kind.into(), name.into());
        NodeId::Workload(Arc::new(WorkloadName { namespace, kind, name }))
    }

    /// A block outside of the cluster; of one address it is that address.
    pub fn outside(block: IpNet) -> Self {
        if block.prefix_len() == block.max_prefix_len() {
            NodeId::External(block.addr())
        } else {
            NodeId::Folded(Fold::Block(block))
        }
    }

    /// The kind as outputs show it: the API's kind, or `Node`, `APIServer`, `External`, `Unknown`, `Owner`.
    pub fn kind(&self) -> &str {
        match self {
            NodeId::Workload(workload) => &workload.kind,
            NodeId::Namespace(_) => "Namespace",
            NodeId::Node(_) => "Node",
            NodeId::ApiServer => "APIServer",
            NodeId::External(_) | NodeId::Folded(Fold::Block(_) | Fold::Domain(_) | Fold::Outside) => {
                "External"
            }
            NodeId::Unknown(_) => "Unknown",
            NodeId::Folded(Fold::Owner(_)) => "Owner",
        }
    }

    /// The namespace of a workload.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            NodeId::Workload(workload) => Some(&workload.namespace),
            NodeId::Namespace(name) => Some(name),
            _ => None,
        }
    }

    /// The address, when it is one outside.
    pub fn external(&self) -> Option<IpAddr> {
        match self {
            NodeId::External(ip) => Some(*ip),
            _ => None,
        }
    }

    /// Whether it is a workload.
    pub fn is_workload(&self) -> bool {
        matches!(self, NodeId::Workload(_))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeId::Workload(workload) => {
                let WorkloadName { namespace, kind, name } = &**workload;
                write!(f, "{namespace}/{kind}/{name}")
            }
            NodeId::Namespace(name) => write!(f, "namespace/{name}"),
            NodeId::Node(name) => write!(f, "node/{name}"),
            NodeId::ApiServer => f.write_str("apiserver"),
            NodeId::External(ip) => {
                write!(f, "external/{ip}/{}", if ip.is_ipv4() { 32 } else { 128 })
            }
            NodeId::Unknown(ip) => write!(f, "unknown/{ip}"),
            NodeId::Folded(Fold::Owner(name)) => write!(f, "owner/{name}"),
            NodeId::Folded(Fold::Block(block)) => write!(f, "external/{block}"),
            NodeId::Folded(Fold::Domain(name)) => write!(f, "domain/{name}"),
            NodeId::Folded(Fold::Outside) => f.write_str("external"),
        }
    }
}

/// A text that is no node id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no node id; expected NAMESPACE/KIND/NAME, node/NAME, external/ADDRESS, unknown/ADDRESS or apiserver"
)]
pub struct InvalidNodeId(pub String);

impl FromStr for NodeId {
    type Err = InvalidNodeId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidNodeId(text.to_owned());
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            ["apiserver"] => Ok(NodeId::ApiServer),
            ["node", name] => Ok(NodeId::Node((*name).into())),
            ["namespace", name] => Ok(NodeId::Namespace((*name).into())),
            ["unknown", ip] => ip.parse().map(NodeId::Unknown).map_err(|_| invalid()),
            ["external"] => Ok(NodeId::Folded(Fold::Outside)),
            ["external", ip] => ip.parse().map(NodeId::External).map_err(|_| invalid()),
            ["external", network, length] => {
                let block = format!("{network}/{length}").parse::<IpNet>().map_err(|_| invalid())?;
                Ok(NodeId::outside(block))
            }
            ["owner", name] if !name.is_empty() => Ok(NodeId::Folded(Fold::Owner((*name).into()))),
            ["domain", name] if !name.is_empty() => Ok(NodeId::Folded(Fold::Domain((*name).into()))),
            [namespace, kind, name] if parts.iter().all(|p| !p.is_empty()) => {
                Ok(NodeId::workload(namespace, kind, name))
            }
            _ => Err(invalid()),
        }
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        for text in [
            "shop/Deployment/web",
            "node/node1",
            "namespace/shop",
            "external/203.0.113.10/32",
            "external/2001:db8::1/128",
            "apiserver",
            "unknown/10.244.2.250",
            "owner/payments",
            "external/203.0.113.0/24",
            "external/2001:db8::/64",
            "external/2001:db8::/32",
            "domain/api.example.com",
            "external",
        ] {
            assert_eq!(text.parse::<NodeId>().unwrap().to_string(), text);
        }
        assert!("shop/web".parse::<NodeId>().is_err());
    }
}
