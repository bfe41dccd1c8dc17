//! The ports of a rule, narrowed to those that were used.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::{NodeId, PolicyPort, PortName, Protocol};

use super::answer::WhyKept;
use super::field::Field;
use super::width;
use crate::recommend::dynamic::LEAST_PORTS;
use crate::recommend::port;
use crate::semantics::{Connection, Party, PolicySet, RuleId};

/// The narrowed ports of a rule.
#[derive(Debug, Default)]
pub(super) struct Ports {
    /// Each with the entry that it stands for.
    pub entries: Vec<(PolicyPort, usize)>,
    /// What could not be narrowed.
    pub notes: Vec<WhyKept>,
}

impl Ports {
    /// The first entry that admits a connection of `set`'s rule.
    pub(super) fn of(&self, field: &Field<'_>, connection: &Connection) -> Option<usize> {
        self.entries.iter().position(|(port, _)| admits(field, port, connection))
    }
}

/// Narrows the ports of a rule to those of `connections`, which it admits.
pub(super) fn narrow(
    field: &Field<'_>,
    set: &PolicySet,
    (id, written): (RuleId, &[PolicyPort]),
    connections: &[&Connection],
) -> Ports {
    let mut ports = Ports::default();
    if written.is_empty() {
        let mut by_protocol: BTreeMap<Protocol, Vec<&Connection>> = BTreeMap::new();
        for connection in connections {
            by_protocol.entry(connection.protocol).or_default().push(connection);
        }
        for (protocol, own) in by_protocol {
            let every = PolicyPort { protocol, port: None };
            let now = wide(field, &every, &own, &mut ports.notes).unwrap_or_else(|| vec![every]);
            ports.entries.extend(now.into_iter().map(|port| (port, 0)));
        }
        return ports;
    }
    let mut used: BTreeMap<usize, Vec<&Connection>> = BTreeMap::new();
    for connection in connections {
        let admitting = (0..written.len()).filter(|at| set.port_matches(id, *at, connection));
        if let Some(at) = admitting.min_by_key(|at| (width::of_port(&written[*at]), *at)) {
            used.entry(at).or_default().push(connection);
        }
    }
    for (at, own) in used {
        let now =
            if is_wide(&written[at]) { wide(field, &written[at], &own, &mut ports.notes) } else { None };
        let now = now.unwrap_or_else(|| vec![written[at].clone()]);
        ports.entries.extend(now.into_iter().map(|port| (port, at)));
    }
    let mut seen: BTreeSet<PolicyPort> = BTreeSet::new();
    ports.entries.retain(|(port, _)| seen.insert(port.clone()));
    ports
}

fn is_wide(port: &PolicyPort) -> bool {
    match &port.port {
        None => true,
        Some(PortName::Range(range)) => range.first < range.last,
        Some(PortName::Name(_)) => false,
    }
}

/// What of a range, or of all ports of a protocol, was used; `None` when it stays.
fn wide(
    field: &Field<'_>,
    was: &PolicyPort,
    own: &[&Connection],
    notes: &mut Vec<WhyKept>,
) -> Option<Vec<PolicyPort>> {
    if let Some(count) = dynamic(field, own) {
        notes.push(WhyKept::DynamicPorts(count));
        return None;
    }
    let mut numbers: BTreeSet<u16> = BTreeSet::new();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for connection in own {
        // A name may mean ports beyond a range that a person wrote in numbers.
        match name(field, connection).filter(|_| was.port.is_none()) {
            Some(name) => drop(names.insert(name)),
            None => drop(numbers.insert(connection.port)),
        }
    }
    let protocol = was.protocol;
    if let Some(PortName::Range(range)) = was.port
        && numbers.len() == usize::from(range.last - range.first) + 1
    {
        return None;
    }
    let names = names.into_iter().map(PortName::Name);
    let now: Vec<PolicyPort> = port::runs(&numbers.iter().copied().collect())
        .into_iter()
        .map(PortName::Range)
        .chain(names)
        .map(|port| PolicyPort { protocol, port: Some(port) })
        .collect();
    (now != [was.clone()]).then_some(now)
}

/// How many undeclared ports a server that chooses them was asked on: its range stays.
fn dynamic(field: &Field<'_>, own: &[&Connection]) -> Option<usize> {
    let mut undeclared: BTreeMap<Option<&NodeId>, BTreeSet<u16>> = BTreeMap::new();
    for connection in own {
        let pod = field.pod(connection.to).map(|pod| field.roster.cluster().pod(pod));
        let is_declared = pod.is_some_and(|pod| {
            pod.ports.iter().any(|p| p.protocol == connection.protocol && p.port == connection.port)
        });
        if !is_declared {
            let server = connection.to.pod.and_then(|pod| field.roster.workload_of(pod));
            undeclared.entry(server).or_default().insert(connection.port);
        }
    }
    let servers = undeclared.into_iter().filter(|(server, _)| server.is_some());
    servers.map(|(_, ports)| ports.len()).max().filter(|count| *count >= LEAST_PORTS)
}

/// The name of the port, where pods of its workload give that name different numbers.
fn name(field: &Field<'_>, connection: &Connection) -> Option<String> {
    let pod = field.pod(connection.to)?;
    let cluster = field.roster.cluster();
    let siblings = field.roster.pods_of(field.roster.workload_of(pod)?).iter();
    let siblings = siblings.map(|pod| cluster.pod(*pod));
    port::split_name(cluster.pod(pod), &siblings, connection.protocol, connection.port)
}

fn admits(field: &Field<'_>, port: &PolicyPort, connection: &Connection) -> bool {
    port.protocol == connection.protocol
        && match &port.port {
            None => true,
            Some(PortName::Range(range)) => range.contains(connection.port),
            Some(PortName::Name(name)) => {
                is_called(field, connection.to, name, port.protocol, connection.port)
            }
        }
}

fn is_called(field: &Field<'_>, to: Party, name: &str, protocol: Protocol, number: u16) -> bool {
    field.pod(to).is_some_and(|pod| {
        let ports = &field.roster.cluster().pod(pod).ports;
        ports.iter().any(|p| p.protocol == protocol && p.port == number && p.name.as_deref() == Some(name))
    })
}
