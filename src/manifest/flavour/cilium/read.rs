//! A Cilium policy of those that are written, translated into the rules of v1: entities and names
//! become the addresses that they stood for in the recording, and CIDRs lose those of the cluster.

use std::collections::BTreeSet;

use flowfence_model::policy::Direction;
use flowfence_model::{NetworkPolicy, PolicyPeer, PolicyRule};
use ipnet::IpNet;

use super::entity::{self, Entity};
use super::{label, port};
use crate::manifest::flavour::scene::Scene;
use crate::manifest::kind::{label as plain, strict};
use crate::manifest::refusal::Refusal;
use crate::manifest::tree::Field;

pub(super) fn policy(root: &Field<'_>, scene: &Scene<'_>) -> Result<NetworkPolicy, Refusal> {
    root.only(&["apiVersion", "kind", "metadata", "spec"])?;
    let spec = root.get("spec");
    spec.only(&["endpointSelector", "ingress", "egress"])?;
    let endpoints = spec.get("endpointSelector");
    if !endpoints.is_present() {
        return Err(endpoints.refuse("required; {} selects every pod"));
    }
    let [egress, ingress] = Direction::BOTH.map(|direction| rules(&spec, direction, scene));
    Ok(NetworkPolicy {
        namespace: strict::required(&root.get("metadata").get("namespace"))?,
        name: strict::name(root)?,
        pod_selector: label::known(plain::selector(&endpoints)?),
        ingress: ingress?,
        egress: egress?,
    })
}

/// The rules of a direction; `None` where no rule isolates it.
fn rules(
    spec: &Field<'_>,
    direction: Direction,
    scene: &Scene<'_>,
) -> Result<Option<Vec<PolicyRule>>, Refusal> {
    let entries = spec.get(direction.token()).list()?;
    // Names are learnt from answers that pass the proxy.
    let mut learns = false;
    for entry in &entries {
        learns |= port::read(&entry.get("toPorts"))?.1;
    }
    let read =
        entries.iter().map(|entry| rule(entry, direction, scene, learns)).filter_map(Result::transpose);
    let rules = read.collect::<Result<Vec<PolicyRule>, Refusal>>()?;
    Ok((!entries.is_empty()).then_some(rules))
}

/// A rule; nothing for one that matches nobody, which a rule without peers would not mean.
fn rule(
    field: &Field<'_>,
    direction: Direction,
    scene: &Scene<'_>,
    learns: bool,
) -> Result<Option<PolicyRule>, Refusal> {
    let [endpoints, entities, cidrs, names] = match direction {
        Direction::Ingress => ["fromEndpoints", "fromEntities", "fromCIDRSet", ""],
        Direction::Egress => ["toEndpoints", "toEntities", "toCIDRSet", "toFQDNs"],
    };
    let known = [endpoints, entities, cidrs, "toPorts", names];
    // Names are of egress alone.
    field.only(&known[..if direction == Direction::Ingress { 4 } else { 5 }])?;
    let kinds: Vec<&str> = field.keys().into_iter().filter(|key| *key != "toPorts").collect();
    let peers = match kinds[..] {
        // `{}` selects nobody. With ports alone anybody is meant, which is never written.
        [] if !field.get("toPorts").is_present() => return Ok(None),
        [kind] => {
            let list = field.get(kind);
            match kind {
                _ if kind == endpoints => Some(selected(&list)?),
                _ if kind == entities => entity::blocks(&named(&list)?, scene),
                _ if kind == cidrs => Some(blocks(&list, scene)?),
                _ if learns => Some(led_to(&list, scene)?),
                _ => return Ok(None),
            }
        }
        _ => return Err(field.refuse("must have peers of exactly one kind")),
    };
    let (ports, _) = port::read(&field.get("toPorts"))?;
    Ok(match peers {
        Some(peers) if peers.is_empty() => None,
        Some(peers) => Some(PolicyRule { peers, ports }),
        None => Some(PolicyRule { peers: Vec::new(), ports }),
    })
}

fn selected(list: &Field<'_>) -> Result<Vec<PolicyPeer>, Refusal> {
    let entries = list.list()?;
    let read = |entry: &Field<'_>| {
        let selector = plain::selector_by(entry, label::bare)?;
        Ok(PolicyPeer::Pods(label::parse(selector)))
    };
    entries.iter().map(read).collect()
}

fn named(list: &Field<'_>) -> Result<Vec<Entity>, Refusal> {
    let mut entities = Vec::new();
    for entry in list.list()? {
        let token = strict::required(&entry)?;
        let entity = Entity::named(&token);
        entities.push(entity.ok_or_else(|| entry.refuse(format!("{token:?} is no entity that is written")))?);
    }
    let nodes = Entity::NODES.iter().filter(|node| entities.contains(node)).count();
    if nodes == 1 {
        return Err(list.refuse("host and remote-node come together: a policy is for pods on every node"));
    }
    Ok(entities)
}

fn blocks(list: &Field<'_>, scene: &Scene<'_>) -> Result<Vec<PolicyPeer>, Refusal> {
    let mut blocks = Vec::new();
    for entry in list.list()? {
        entry.only(&["cidr", "except"])?;
        let cidr = strict::cidr(&entry.get("cidr"))?;
        let except = entry.get("except").list()?.iter().map(strict::cidr).collect::<Result<Vec<_>, _>>()?;
        blocks.extend(scene.outside_of(cidr, &except));
    }
    Ok(blocks)
}

fn led_to(list: &Field<'_>, scene: &Scene<'_>) -> Result<Vec<PolicyPeer>, Refusal> {
    let mut addresses = BTreeSet::new();
    for entry in list.list()? {
        entry.only(&["matchName"])?;
        let name = strict::required(&entry.get("matchName"))?;
        addresses.extend(scene.addresses_of(&name).filter(|ip| !scene.is_known(*ip)));
    }
    let block = |ip| PolicyPeer::Block { cidr: IpNet::from(ip), except: Vec::new() };
    Ok(addresses.into_iter().map(block).collect())
}
