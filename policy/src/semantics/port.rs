//! The ports of one rule, compiled.

use flowfence_model::object::Pod;
use flowfence_model::{PolicyPort, PortName, PortRange, PortSet, Protocol, TierPort};

/// What the `ports` of a rule admit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

/// Where port names are looked up: the destination. Addresses and host-network pods have none.
#[derive(Clone, Copy)]
pub(super) struct Destination<'a> {
    /// The pod.
    pub(super) pod: Option<&'a Pod>,
    /// Whether names count that only sidecars declare.
    pub(super) with_sidecars: bool,
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

    /// Compiles the ports of a rule of a tier. A name there has no protocol of its own: it is
    /// every protocol under which the destination declares it.
    pub(super) fn compile_tier(ports: &[TierPort]) -> Self {
        let spelled = |port: &TierPort| match port {
            TierPort::Numbers { protocol, range } => {
                vec![PolicyPort { protocol: *protocol, port: Some(PortName::Range(*range)) }]
            }
            TierPort::Named(name) => Protocol::WITH_PORTS
                .map(|protocol| PolicyPort { protocol, port: Some(PortName::Name(name.clone())) })
                .to_vec(),
        };
        Ports::compile(&ports.iter().flat_map(spelled).collect::<Vec<_>>())
    }

    /// Whether a connection to `port` of the destination is admitted.
    pub(super) fn admit(&self, protocol: Protocol, port: u16, destination: Destination<'_>) -> bool {
        match self {
            Ports::Every => true,
            Ports::Some { numbers, names } => {
                slot(protocol).is_some_and(|slot| numbers[slot].contains(port))
                    || names
                        .iter()
                        .filter(|(of, _)| *of == protocol)
                        .any(|(_, name)| destination.resolve(name, protocol).any(|n| n == port))
            }
        }
    }

    /// Every port of the destination that is admitted.
    pub(super) fn set(&self, protocol: Protocol, destination: Destination<'_>) -> PortSet {
        match self {
            Ports::Every => PortSet::all(),
            Ports::Some { numbers, names } => {
                let Some(slot) = slot(protocol) else { return PortSet::empty() };
                let mut named = names.iter().filter(|(of, _)| *of == protocol).peekable();
                if named.peek().is_none() {
                    return numbers[slot].clone();
                }
                let named: PortSet =
                    named.flat_map(|(_, name)| destination.resolve(name, protocol)).collect();
                numbers[slot].union(&named)
            }
        }
    }

    /// Adds the ranges of the destination's ports that are admitted, in no order.
    pub(super) fn extend(
        &self,
        protocol: Protocol,
        destination: Destination<'_>,
        ranges: &mut Vec<PortRange>,
    ) {
        match self {
            Ports::Every => ranges.push(PortRange::ALL),
            Ports::Some { numbers, names } => {
                let Some(slot) = slot(protocol) else { return };
                ranges.extend_from_slice(numbers[slot].ranges());
                let named = names.iter().filter(|(of, _)| *of == protocol);
                let named = named.flat_map(|(_, name)| destination.resolve(name, protocol));
                ranges.extend(named.map(PortRange::single));
            }
        }
    }

    /// Whether the destination has any of the names, under whatever number and protocol.
    pub(super) fn is_name_owned(&self, destination: Destination<'_>) -> bool {
        match self {
            Ports::Every => false,
            Ports::Some { names, .. } => {
                names.iter().any(|(protocol, name)| destination.resolve(name, *protocol).next().is_some())
            }
        }
    }

    /// The names that it looks up on destinations.
    pub(super) fn names(&self) -> &[(Protocol, String)] {
        match self {
            Ports::Every => &[],
            Ports::Some { names, .. } => names,
        }
    }
}

/// Whether one entry of `ports` admits a connection.
pub(super) fn entry_admits(
    entry: &PolicyPort,
    protocol: Protocol,
    port: u16,
    destination: Destination<'_>,
) -> bool {
    entry.protocol == protocol
        && match &entry.port {
            None => true,
            Some(PortName::Range(range)) => range.contains(port),
            Some(PortName::Name(name)) => destination.resolve(name, protocol).any(|n| n == port),
        }
}

impl<'a> Destination<'a> {
    /// The numbers that a port name has on the destination. The name belongs to one protocol:
    /// the same name under another one is no match. An address without a pod has no names, and a
    /// pod without the name matches nothing; neither is an error.
    pub(super) fn resolve<'n>(
        self,
        name: &'n str,
        protocol: Protocol,
    ) -> impl Iterator<Item = u16> + use<'a, 'n> {
        let ports = self.pod.map_or(&[][..], |pod| &pod.ports);
        let hidden = self.pod.filter(|_| !self.with_sidecars).map_or(&[][..], |pod| &pod.sidecar_ports);
        ports
            .iter()
            .filter(move |port| port.protocol == protocol && port.name.as_deref() == Some(name))
            .filter(move |port| !hidden.contains(port))
            .map(|port| port.port)
    }
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
