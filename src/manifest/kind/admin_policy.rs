//! `AdminNetworkPolicy` and `BaselineAdminNetworkPolicy` (`policy.networking.k8s.io/v1alpha1`),
//! checked as their CRDs do.

use flowfence_model::PortRange;
use flowfence_model::object::Object;
use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, ClusterPolicy, ClusterPolicyKind, Tier, TierPort};

use super::strict;
use super::tier::{self, Dialect};
use crate::manifest::refusal::Refusal;
use crate::manifest::source::Source;
use crate::manifest::tree::Field;

const ADMIN: Dialect = Dialect {
    actions: &[("Allow", Action::Accept), ("Deny", Action::Deny), ("Pass", Action::Pass)],
    ports: "ports",
    port,
    egress_peers: &["namespaces", "pods", "nodes", "networks", "domainNames"],
    max_entries: 100,
};

const BASELINE: Dialect = Dialect {
    actions: &[("Allow", Action::Accept), ("Deny", Action::Deny)],
    egress_peers: &["namespaces", "pods", "nodes", "networks"],
    ..ADMIN
};

pub(super) fn read(source: &Source<'_>) -> Result<Vec<Object>, Refusal> {
    Ok(vec![Object::ClusterPolicy(strict::read(source, admin)?)])
}

pub(super) fn read_baseline(source: &Source<'_>) -> Result<Vec<Object>, Refusal> {
    Ok(vec![Object::ClusterPolicy(strict::read(source, baseline)?)])
}

fn admin(root: &Field<'_>) -> Result<ClusterPolicy, Refusal> {
    root.only(&["apiVersion", "kind", "metadata", "spec", "status"])?;
    let (name, _) = strict::metadata(root)?;
    let spec = root.get("spec");
    spec.only(&["priority", "subject", "ingress", "egress"])?;
    Ok(ClusterPolicy {
        kind: ClusterPolicyKind::AdminNetworkPolicy,
        name,
        tier: Tier::Admin,
        priority: tier::priority(&spec.get("priority"))?,
        subject: tier::subject(&spec.get("subject"))?,
        ingress: ADMIN.rules(&spec, Direction::Ingress)?,
        egress: ADMIN.rules(&spec, Direction::Egress)?,
    })
}

fn baseline(root: &Field<'_>) -> Result<ClusterPolicy, Refusal> {
    root.only(&["apiVersion", "kind", "metadata", "spec", "status"])?;
    let (name, _) = strict::metadata(root)?;
    if name != "default" {
        let reason = "Only one baseline admin network policy with metadata.name=\"default\" can be created in \
                      the cluster";
        return Err(root.get("metadata").get("name").refuse(reason));
    }
    let spec = root.get("spec");
    spec.only(&["subject", "ingress", "egress"])?;
    Ok(ClusterPolicy {
        kind: ClusterPolicyKind::BaselineAdminNetworkPolicy,
        name,
        tier: Tier::Baseline,
        priority: 0,
        subject: tier::subject(&spec.get("subject"))?,
        ingress: BASELINE.rules(&spec, Direction::Ingress)?,
        egress: BASELINE.rules(&spec, Direction::Egress)?,
    })
}

/// Exactly one of `portNumber`, `portRange` and `namedPort`.
fn port(field: &Field<'_>) -> Result<TierPort, Refusal> {
    const KNOWN: &[&str] = &["portNumber", "portRange", "namedPort"];
    field.only(KNOWN)?;
    let keys = field.keys();
    let [key] = keys[..] else {
        return Err(field.refuse(format!("must specify exactly one of {}", KNOWN.join(", "))));
    };
    let value = field.get(key);
    let range = match key {
        "portNumber" => {
            value.only(&["protocol", "port"])?;
            PortRange::single(tier::number(&value.get("port"))?)
        }
        "portRange" => {
            value.only(&["protocol", "start", "end"])?;
            tier::range(&value)?
        }
        _ => return strict::required(&value).map(TierPort::Named),
    };
    Ok(TierPort::Numbers { protocol: strict::protocol(&value.get("protocol"))?, range })
}
