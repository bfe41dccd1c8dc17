//! What a set admits beyond what was seen.

use std::collections::BTreeMap;

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
    let none = PortSet::empty();
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
            let seen = seen.filter(|(p, _)| *p == protocol).map(|(_, port)| *port).collect();
            let meant = widths.get(&(source.id, destination.id, protocol));
            let known = meant.map_or(&none, |ports| ports).union(&seen);
            let ports = admitted.difference(&known);
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

type Declarations<'a> = BTreeMap<(&'a NodeId, &'a NodeId, Protocol), PortSet>;

fn declared_ports(declared: &[Declared]) -> Declarations<'_> {
    let mut ports = Declarations::new();
    for width in declared {
        let (Some(peer), Some(range)) = (width.peer.as_ref(), range(&width.port)) else { continue };
        let key = match width.direction {
            Direction::Egress => (&width.subject, peer, width.protocol),
            Direction::Ingress => (peer, &width.subject, width.protocol),
        };
        let known = ports.entry(key).or_insert_with(PortSet::empty);
        *known = known.union(&[range].into_iter().collect());
    }
    ports
}

/// `80` or `30000-30100`; a name is no number.
fn range(text: &str) -> Option<PortRange> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(PortRange { first: first.parse().ok()?, last: last.parse().ok()? })
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
    fn declared_ports_are_numbers_and_ranges_and_never_names() {
        assert_eq!(range("80"), Some(PortRange::single(80)));
        assert_eq!(range("30000-30100"), Some(PortRange { first: 30_000, last: 30_100 }));
        assert_eq!(range("http-alt"), None);
    }
}
