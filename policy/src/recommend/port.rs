//! Ports as rules name them.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{Contact, Inventory};
use flowfence_model::object::{Pod, TargetPort};
use flowfence_model::{PolicyPort, PortName, PortRange, PortSet, Protocol};

use super::options::ServedRange;

const DNS: u16 = 53;

/// As many ports in a row are written as a range; two are as short by themselves.
const LEAST_RANGE: u16 = 3;

/// The port of a contact: by its name where the pods of the asked workload give that name
/// different numbers, else by its number; by the range that a person asked for where it is of one.
/// `asked` is the pod that was.
pub(super) fn of_contact(
    contact: &Contact,
    asked: Option<&Pod>,
    inventory: &Inventory,
    asked_ranges: &[ServedRange],
) -> Option<PolicyPort> {
    let number = contact.port?;
    let protocol = contact.protocol;
    let served = asked_ranges.iter().find(|served| served.holds(&contact.to.id, protocol, number));
    if let Some(served) = served {
        return Some(PolicyPort { protocol, port: Some(PortName::Range(served.range)) });
    }
    let name = asked.and_then(|pod| {
        let siblings = inventory.workload(&contact.to.id)?.pods.iter();
        let siblings = siblings.filter_map(|index| inventory.pods().get(*index)).map(|known| &known.pod);
        split_name(pod, &siblings, protocol, number)
    });
    let port = name.map_or(PortName::Range(PortRange::single(number)), PortName::Name);
    Some(PolicyPort { protocol, port: Some(port) })
}

/// The ports of a rule, those in a row as one range. Nothing is added: each of them was needed.
pub(super) fn in_ranges(ports: &BTreeSet<PolicyPort>) -> Vec<PolicyPort> {
    let mut numbers: BTreeMap<Protocol, Vec<PortRange>> = BTreeMap::new();
    let mut written: BTreeSet<PolicyPort> = BTreeSet::new();
    for port in ports {
        match port.port {
            Some(PortName::Range(range)) => numbers.entry(port.protocol).or_default().push(range),
            Some(PortName::Name(_)) | None => {
                written.insert(port.clone());
            }
        }
    }
    for (protocol, ranges) in numbers {
        let ports = runs(&ranges.into_iter().collect());
        written.extend(ports.into_iter().map(|r| PolicyPort { protocol, port: Some(PortName::Range(r)) }));
    }
    written.into_iter().collect()
}

/// Ports one by one, and those in a row as a range.
pub(super) fn runs(ports: &PortSet) -> Vec<PortRange> {
    let spell = |range: &PortRange| {
        let is_short = range.last - range.first < LEAST_RANGE - 1;
        let single = (range.first..=range.last).filter(|_| is_short).map(PortRange::single);
        single.chain((!is_short).then_some(*range)).collect::<Vec<_>>()
    };
    ports.ranges().iter().flat_map(spell).collect()
}

/// A name of that port of the pod to which its siblings give another number.
pub(super) fn split_name<'p>(
    pod: &Pod,
    siblings: &(impl Iterator<Item = &'p Pod> + Clone),
    protocol: Protocol,
    number: u16,
) -> Option<String> {
    let own = pod.ports.iter().filter(|port| port.protocol == protocol && port.port == number);
    own.filter_map(|port| port.name.as_ref())
        .find(|name| {
            let all = siblings.clone().flat_map(|sibling| &sibling.ports);
            let same = all.filter(|port| port.protocol == protocol && port.name.as_ref() == Some(*name));
            same.map(|port| port.port).collect::<BTreeSet<u16>>().len() > 1
        })
        .cloned()
}

/// DNS over the other protocol, when the contact is DNS: port 53 of the pod, or of a service
/// that leads to it. `asked` is the pod, by its place in the inventory.
pub(super) fn other_dns(
    contact: &Contact,
    asked: Option<usize>,
    inventory: &Inventory,
) -> Option<PolicyPort> {
    let number = contact.port?;
    let other = match contact.protocol {
        Protocol::Udp => Protocol::Tcp,
        Protocol::Tcp => Protocol::Udp,
        Protocol::Sctp | Protocol::Icmp => return None,
    };
    let numbered =
        |port| PolicyPort { protocol: other, port: Some(PortName::Range(PortRange::single(port))) };
    if number == DNS {
        return Some(numbered(DNS));
    }
    let behind = inventory.services_behind(asked?, contact.protocol, number);
    let service = behind.into_iter().find(|used| used.port == DNS)?.service;
    let (namespace, name) = service.split_once('/')?;
    let service = inventory.services().get(&(namespace.to_owned(), name.to_owned()))?;
    let twin = service.ports.iter().find(|port| port.protocol == other && port.port == DNS);
    let target = twin.and_then(|port| match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let ports = &inventory.pods().get(asked?)?.pod.ports;
            ports.iter().find(|p| p.protocol == other && p.name.as_ref() == Some(name)).map(|p| p.port)
        }
    });
    Some(numbered(target.unwrap_or(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_a_range_only_when_they_are_three() {
        let text = |numbers: &[u16]| {
            let runs = runs(&numbers.iter().copied().collect());
            runs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(text(&[80, 81, 443]), "80 81 443");
        assert_eq!(text(&[80, 81, 82, 84]), "80-82 84");
        assert_eq!(text(&[65533, 65534, 65535]), "65533-65535");
    }
}
