//! The ports of one rule, compiled.

use flowfence_model::object::Pod;
use flowfence_model::{PolicyPort, PortName, PortRange, PortSet, Protocol};

/// What the `ports` of a rule admit.
#[derive(Clone, Debug)]
pub(super) enum Ports {
    /// The rule has no `ports`: every port of every protocol.
    Every,
    /// Some ports.
    Some {
        /// Numbers, by [`Protocol::WITH_PORTS`].
        numbers: [PortSet; 3],
        /// Names, which each destination pod resolves for itself.
        names: Vec<(Protocol, String)>,
    },
}

impl Ports {
    /// Compiles the `ports` of a rule.
    pub(super) fn compile(ports: &[PolicyPort]) -> Self {
        if ports.is_empty() {
            return Ports::Every;
        }
        let numbers = Protocol::WITH_PORTS.map(|protocol| {
            ports.iter().filter(|entry| entry.protocol == protocol).filter_map(range).collect()
        });
        let names = ports.iter().filter_map(|entry| match &entry.port {
            Some(PortName::Name(name)) => Some((entry.protocol, name.clone())),
            Some(PortName::Range(_)) | None => None,
        });
        Ports::Some { numbers, names: names.collect() }
    }

    /// Whether a connection to `port` of the destination is admitted.
    pub(super) fn admit(&self, protocol: Protocol, port: u16, destination: Option<&Pod>) -> bool {
        match self {
            Ports::Every => true,
            Ports::Some { numbers, names } => {
                slot(protocol).is_some_and(|slot| numbers[slot].contains(port))
                    || names
                        .iter()
                        .filter(|(of, _)| *of == protocol)
                        .any(|(_, name)| resolve(name, protocol, destination).any(|n| n == port))
            }
        }
    }

    /// Every port of the destination that is admitted.
    pub(super) fn set(&self, protocol: Protocol, destination: Option<&Pod>) -> PortSet {
        match self {
            Ports::Every => PortSet::all(),
            Ports::Some { numbers, names } => {
                let Some(slot) = slot(protocol) else { return PortSet::empty() };
                let named = names.iter().filter(|(of, _)| *of == protocol);
                let named: PortSet =
                    named.flat_map(|(_, name)| resolve(name, protocol, destination)).collect();
                numbers[slot].union(&named)
            }
        }
    }
}

/// Whether one entry of `ports` admits a connection.
pub(super) fn entry_admits(
    entry: &PolicyPort,
    protocol: Protocol,
    port: u16,
    destination: Option<&Pod>,
) -> bool {
    entry.protocol == protocol
        && match &entry.port {
            None => true,
            Some(PortName::Range(range)) => range.contains(port),
            Some(PortName::Name(name)) => resolve(name, protocol, destination).any(|n| n == port),
        }
}

/// The numbers that a port name has on the destination. The name belongs to one protocol: the
/// same name under another one is no match. An address without a pod has no names, and a pod
/// without the name matches nothing; neither is an error.
fn resolve<'a>(
    name: &'a str,
    protocol: Protocol,
    destination: Option<&'a Pod>,
) -> impl Iterator<Item = u16> + 'a {
    let ports = destination.map_or(&[][..], |pod| &pod.ports);
    ports
        .iter()
        .filter(move |port| port.protocol == protocol && port.name.as_deref() == Some(name))
        .map(|port| port.port)
}

fn range(entry: &PolicyPort) -> Option<PortRange> {
    match &entry.port {
        None => Some(PortRange::ALL),
        Some(PortName::Range(range)) => Some(*range),
        Some(PortName::Name(_)) => None,
    }
}

fn slot(protocol: Protocol) -> Option<usize> {
    Protocol::WITH_PORTS.iter().position(|p| *p == protocol)
}
