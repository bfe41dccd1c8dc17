//! One rule, narrowed to the connections that it is to carry.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::policy::Direction;
use flowfence_model::{PolicyPeer, PolicyRule};

use super::answer::{Origin, WhyKept};
use super::field::Field;
use super::peer::{self, Narrower};
use super::port;
use crate::semantics::{Connection, Party, PolicySet, RuleId};

/// A rule and where it comes from.
pub(super) type Traced = (PolicyRule, Origin);

/// A narrowed peer, the entry that it stands for, and the connections that it admits. `None`
/// admits everybody.
type Share<'c> = (Option<PolicyPeer>, usize, Vec<&'c Connection>);

/// A peer and the entry that it stands for.
type Placed = (Option<PolicyPeer>, usize);

/// Narrows the rule `id` of `set`, which admits all of `connections`.
pub(super) fn narrow(
    field: &Field<'_>,
    set: &PolicySet,
    (id, written, origin): (RuleId, &PolicyRule, &Origin),
    connections: &[&Connection],
) -> (Vec<Traced>, Vec<WhyKept>) {
    let home = set.policies().get(id.policy).map_or("", |policy| policy.namespace.as_str());
    let mut narrower = Narrower { field, home, direction: id.direction, notes: Vec::new() };
    let shares = shares(&mut narrower, written, id.direction, connections);
    let ports = port::narrow(field, set, (id, &written.ports), connections);
    let mut notes = narrower.notes;
    notes.extend(ports.notes.iter().cloned());
    let mut by_ports: Vec<(BTreeSet<usize>, Vec<Placed>)> = Vec::new();
    for (peer, of, own) in shares {
        let needed: Option<BTreeSet<usize>> = own.iter().map(|wanted| ports.of(field, wanted)).collect();
        // What is not understood stays as it is.
        let Some(needed) = needed else { return (vec![(written.clone(), origin.clone())], notes) };
        match by_ports.iter_mut().find(|(ports, _)| *ports == needed) {
            Some((_, peers)) => peers.push((peer, of)),
            None => by_ports.push((needed, vec![(peer, of)])),
        }
    }
    let rules = by_ports.into_iter().map(|(needed, peers)| {
        let (port_entries, port_origins): (Vec<_>, Vec<_>) =
            needed.iter().filter_map(|at| ports.entries.get(*at)).cloned().unzip();
        let of = |known: &[usize], at: usize| known.get(at).copied().unwrap_or_default();
        let origin = Origin {
            rule: origin.rule,
            peers: peers.iter().filter(|(p, _)| p.is_some()).map(|(_, at)| of(&origin.peers, *at)).collect(),
            ports: port_origins.into_iter().map(|at| of(&origin.ports, at)).collect(),
        };
        let peers = peers.into_iter().filter_map(|(peer, _)| peer).collect();
        (PolicyRule { peers, ports: port_entries }, origin)
    });
    (rules.collect(), notes)
}

/// The narrowed peers, each with the connections that it carries, in the order of the rule.
fn shares<'c>(
    narrower: &mut Narrower<'_>,
    written: &PolicyRule,
    direction: Direction,
    connections: &[&'c Connection],
) -> Vec<Share<'c>> {
    let mut by_party: BTreeMap<Party, Vec<&Connection>> = BTreeMap::new();
    for connection in connections {
        by_party.entry(other_end(narrower.field, connection, direction)).or_default().push(connection);
    }
    let came: BTreeSet<Party> = by_party.keys().copied().collect();
    let mut now: Vec<(PolicyPeer, usize, BTreeSet<Party>)> = Vec::new();
    if written.peers.is_empty() {
        match narrower.everybody(&came) {
            Some(peers) => now.extend(split(narrower, peers, 0, &came)),
            None => return vec![(None, 0, connections.to_vec())],
        }
    } else {
        let mut share = peer::share(narrower.field, &written.peers, narrower.home, &came);
        let fellows = fellows(narrower.field, &written.peers, &share);
        for (at, written) in written.peers.iter().enumerate() {
            if let Some(own) = share.remove(&at) {
                let peers = narrower.one(written, &own).filter(|peers| {
                    // Whoever came still gets in, or the peer stays as it is.
                    let gets_in = |p: &PolicyPeer, party| narrower.field.admits(p, narrower.home, party);
                    own.iter().all(|party| peers.iter().any(|p| gets_in(p, *party)))
                });
                let peers = peers.unwrap_or_else(|| vec![written.clone()]);
                now.extend(split(narrower, peers, at, &own));
            } else if let Some(fellows) = fellows.get(&at) {
                now.push((written.clone(), at, fellows.clone()));
            }
        }
    }
    let mut merged: Vec<(PolicyPeer, usize, BTreeSet<Party>)> = Vec::new();
    for (peer, at, own) in now {
        match merged.iter_mut().find(|(known, ..)| *known == peer) {
            Some((_, _, parties)) => parties.extend(own),
            None => merged.push((peer, at, own)),
        }
    }
    let of = |own: BTreeSet<Party>| -> Vec<&'c Connection> {
        own.iter().filter_map(|party| by_party.get(party)).flatten().copied().collect()
    };
    merged.into_iter().map(|(peer, at, own)| (Some(peer), at, of(own))).collect()
}

/// Each of several peers with the parties that it admits best; those without any are left out,
/// unless their fellows came.
fn split(
    narrower: &Narrower<'_>,
    peers: Vec<PolicyPeer>,
    at: usize,
    own: &BTreeSet<Party>,
) -> Vec<(PolicyPeer, usize, BTreeSet<Party>)> {
    let mut shares = peer::share(narrower.field, &peers, narrower.home, own);
    let mut fellows = fellows(narrower.field, &peers, &shares);
    let all = peers.into_iter().enumerate();
    all.filter_map(|(place, peer)| {
        let own = shares.remove(&place).or_else(|| fellows.remove(&place))?;
        Some((peer, at, own))
    })
    .collect()
}

/// Addresses of nodes stand for each other: where one came, or a block to which nodes speak by
/// their gateways was used, the others stay, with what was used.
fn fellows(
    field: &Field<'_>,
    peers: &[PolicyPeer],
    shares: &BTreeMap<usize, BTreeSet<Party>>,
) -> BTreeMap<usize, BTreeSet<Party>> {
    let mut nodes: BTreeSet<Party> = BTreeSet::new();
    let mut outside: BTreeSet<Party> = BTreeSet::new();
    for (at, parties) in shares {
        let addresses = || parties.iter().filter(|party| field.pod(**party).is_none()).copied();
        nodes.extend(addresses().filter(|party| field.is_infrastructure(party.address)));
        if peer::as_host(&peers[*at]).is_none() {
            outside.extend(addresses());
        }
    }
    let unused = peers.iter().enumerate().filter(|(at, _)| !shares.contains_key(at));
    unused
        .filter_map(|(at, peer)| {
            let ip = peer::as_host(peer).filter(|ip| field.is_infrastructure(*ip))?;
            let mut fellows = nodes.clone();
            if field.gateways.contains(&ip) {
                fellows.extend(&outside);
            }
            (!fellows.is_empty()).then_some((at, fellows))
        })
        .collect()
}

/// The end that the rule's peers speak of, as they see it.
fn other_end(field: &Field<'_>, connection: &Connection, direction: Direction) -> Party {
    let party = match direction {
        Direction::Egress => connection.to,
        Direction::Ingress => connection.from,
    };
    Party { pod: field.pod(party), address: party.address }
}
