//! `ClusterNetworkPolicy` (`policy.networking.k8s.io/v1alpha2`), checked as their CRD does.

use flowfence_model::object::Object;
use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, ClusterPolicy, ClusterPolicyKind, Tier, TierPort};
use flowfence_model::{PortRange, Protocol};

use super::strict;
use super::tier::{self, Dialect};
use crate::manifest::refusal::Refusal;
use crate::manifest::source::Source;
use crate::manifest::tree::Field;

const DIALECT: Dialect = Dialect {
    actions: &[("Accept", Action::Accept), ("Deny", Action::Deny), ("Pass", Action::Pass)],
    ports: "protocols",
    port: protocol,
    egress_peers: &["namespaces", "pods", "nodes", "networks", "domainNames"],
    max_entries: 25,
};

pub(super) fn read(source: &Source<'_>) -> Result<Vec<Object>, Refusal> {
    Ok(vec![Object::ClusterPolicy(strict::read(source, policy)?)])
}

pub(in crate::manifest) fn policy(root: &Field<'_>) -> Result<ClusterPolicy, Refusal> {
    root.only(&["apiVersion", "kind", "metadata", "spec", "status"])?;
    let (name, _) = strict::metadata(root)?;
    let spec = root.get("spec");
    spec.only(&["tier", "priority", "subject", "ingress", "egress"])?;
    Ok(ClusterPolicy {
        kind: ClusterPolicyKind::ClusterNetworkPolicy,
        name,
        tier: tier(&spec.get("tier"))?,
        priority: tier::priority(&spec.get("priority"))?,
        subject: tier::subject(&spec.get("subject"))?,
        ingress: DIALECT.rules(&spec, Direction::Ingress)?,
        egress: DIALECT.rules(&spec, Direction::Egress)?,
    })
}

fn tier(field: &Field<'_>) -> Result<Tier, Refusal> {
    let text = strict::required(field)?;
    let known = Tier::BOTH.into_iter().find(|tier| tier.token() == text);
    known.ok_or_else(|| field.refuse(format!("unsupported tier {text:?}; supported are Admin, Baseline")))
}

/// Exactly one of the protocols, or a port name.
fn protocol(field: &Field<'_>) -> Result<TierPort, Refusal> {
    const KNOWN: &[&str] = &["tcp", "udp", "sctp", "destinationNamedPort"];
    field.only(KNOWN)?;
    let keys = field.keys();
    let [key] = keys[..] else {
        return Err(field.refuse(format!("must specify exactly one of {}", KNOWN.join(", "))));
    };
    let value = field.get(key);
    let protocol = match key {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => return strict::required(&value).map(TierPort::Named),
    };
    value.only(&["destinationPort"])?;
    let port = value.get("destinationPort");
    // `tcp: {}` is every port of the protocol.
    let range = if port.is_present() { destination(&port)? } else { PortRange::ALL };
    Ok(TierPort::Numbers { protocol, range })
}

fn destination(field: &Field<'_>) -> Result<PortRange, Refusal> {
    field.only(&["number", "range"])?;
    match field.keys()[..] {
        ["number"] => tier::number(&field.get("number")).map(PortRange::single),
        ["range"] => {
            let range = field.get("range");
            range.only(&["start", "end"])?;
            tier::range(&range)
        }
        _ => Err(field.refuse("must specify exactly one of number, range")),
    }
}
