//! What a set admits beyond what was seen.

use std::collections::BTreeSet;

use flowfence_model::policy::Direction;
use flowfence_model::tier::Action;
use flowfence_model::{NodeId, PortRange, PortSet, Protocol};

use super::Excess;
use super::census::{Census, families};
use super::replay::Genuine;
use crate::recommend::recommendation::Declared;
use crate::semantics::{Connection, PolicySet};

/// Ports between two workloads that `census.set` admits, that nobody genuinely used and no width
/// declares. At least one end is isolated in its direction by `fencing`, the recommended set.
pub(super) fn excess(
    census: &Census<'_>,
    fencing: &PolicySet,
    genuine: &Genuine<'_>,
    declared: &[Declared],
) -> Vec<Excess> {
    let fences = |group: usize, direction: Direction| {
        census
            .groups
            .get(group)
            .is_some_and(|group| group.classes.iter().any(|class| fencing.restricts(class.pod, direction)))
    };
    let any = |group: usize| Direction::BOTH.into_iter().any(|direction| fences(group, direction));
    let widths = declared_ports(declared);
    let mut found = Vec::new();
    for (from, to) in census.ruled_pairs(any) {
        if !fences(from, Direction::Egress) && !fences(to, Direction::Ingress) {
            continue;
        }
        let (Some(source), Some(destination)) = (census.groups.get(from), census.groups.get(to)) else {
            continue;
        };
        for protocol in Protocol::WITH_PORTS {
            let admitted = census.admitted(from, to, protocol);
            if admitted.is_empty() {
                continue;
            }
            let seen = genuine.ports(source.id, destination.id).into_iter().flatten();
            let meant = widths.range((source.id, destination.id, protocol, 0)..).map_while(|width| {
                ((width.0, width.1, width.2) == (source.id, destination.id, protocol)).then_some(width.3)
            });
            let known: BTreeSet<u16> =
                seen.filter(|(p, _)| *p == protocol).map(|(_, port)| *port).chain(meant).collect();
            let ports = without(&admitted, &known);
            if let Some(range) = ports.ranges().first() {
                let why = why(census, (from, to), protocol, range.first);
                let (from, to) = (source.id.clone(), destination.id.clone());
                found.push(Excess { from, to, protocol, ports, why });
            }
        }
    }
    found.sort();
    found
}

type DeclaredPort<'a> = (&'a NodeId, &'a NodeId, Protocol, u16);

fn declared_ports(declared: &[Declared]) -> BTreeSet<DeclaredPort<'_>> {
    declared
        .iter()
        .filter_map(|width| {
            let peer = width.peer.as_ref()?;
            let port = width.port.parse().ok()?;
            Some(match width.direction {
                Direction::Egress => (&width.subject, peer, width.protocol, port),
                Direction::Ingress => (peer, &width.subject, width.protocol, port),
            })
        })
        .collect()
}

/// The ports of `set` that are not in `known`.
fn without(set: &PortSet, known: &BTreeSet<u16>) -> PortSet {
    let mut left = Vec::new();
    for range in set.ranges() {
        let mut next = u32::from(range.first);
        for port in known.range(range.first..=range.last) {
            if let (Ok(first), Some(last)) = (u16::try_from(next), port.checked_sub(1))
                && first <= last
            {
                left.push(PortRange { first, last });
            }
            next = u32::from(*port) + 1;
        }
        if let Ok(first) = u16::try_from(next)
            && first <= range.last
        {
            left.push(PortRange { first, last: range.last });
        }
    }
    left.into_iter().collect()
}

/// The policies that admit one of the ports, for a person.
fn why(census: &Census<'_>, (from, to): (usize, usize), protocol: Protocol, port: u16) -> String {
    let set = census.set;
    let pairs = census.pairs(from, to);
    let all = pairs.into_iter().flat_map(|(from, to)| families(set, from, to));
    let connection = all
        .map(|(from, to)| Connection { from, to, protocol, port })
        .find(|connection| set.allows(connection));
    let Some(connection) = connection else { return "admitted by several rules together".to_owned() };
    let sides = Direction::BOTH.map(|direction| {
        let rules = set.admitted_by(&connection, direction);
        let rules = rules.iter().filter_map(|id| Some((set.policies().get(id.policy)?.key(), id.rule)));
        let named = rules.chain(accepted(set, &connection, direction));
        let named: Vec<String> =
            named.map(|(policy, rule)| format!("{policy} {direction}[{rule}]")).collect();
        if named.is_empty() { format!("nothing denies its {direction}") } else { named.join(", ") }
    });
    format!("admitted by {}", sides.join("; "))
}

/// The rule of a cluster-wide policy that accepts the connection.
fn accepted(set: &PolicySet, connection: &Connection, direction: Direction) -> Option<(String, usize)> {
    if set.cluster_policies().is_empty() {
        return None;
    }
    let decision = set.decide(connection);
    let ruling = decision.direction(direction).tiers.iter().find(|r| r.action == Action::Accept)?;
    Some((set.cluster_policies().get(ruling.policy)?.key(), ruling.rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_ports_are_taken_out_of_ranges() {
        let set: PortSet = [PortRange { first: 0, last: 10 }, PortRange::single(80)].into_iter().collect();
        assert_eq!(without(&set, &[0, 5, 10, 80].into()).to_string(), "1-4,6-9");
        assert_eq!(without(&PortSet::all(), &[u16::MAX].into()).to_string(), "0-65534");
    }
}
